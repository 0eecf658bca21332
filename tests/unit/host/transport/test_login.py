"""Logins that fail, and what the operator is told of them."""

from pathlib import Path
from shlex import quote

import pytest

from provision.common.errors import HostUnreachable
from provision.host.transport import SUDO_PROMPT, WRONG_PASSWORD, Output
from tests.helpers.ssh_home import KEY, OTHER, connect, host, reached
from tests.helpers.ssh_server import ssh_server


@pytest.mark.parametrize(
    ("rules", "more", "words"),
    [
        pytest.param({}, "other", "ntp1: 'op' was refused with every SSH key; check user and key", id="a wrong key"),
        pytest.param({}, "none", "ntp1: there is no SSH key to log in with; start ssh-agent", id="no key"),
        pytest.param({}, "encrypted", "encrypted is encrypted: load it into ssh-agent first", id="an encrypted key"),
        pytest.param({"takes": "password"}, "key", "its sshd takes password only", id="passwords"),
        pytest.param({"takes": "password"}, "none", "its sshd takes password only", id="passwords, and no key"),
        pytest.param({"then": "keyboard-interactive"}, "key", "sshd also wants keyboard-interactive", id="a code"),
        pytest.param(
            {"ciphers": ("aes256-ctr",)},
            "key\n  Ciphers aes128-ctr",
            "no common cipher: Ciphers in the SSH configuration of this machine leaves out what its sshd offers; add "
            "one of these to Ciphers: aes256-ctr",
            id="ciphers",
        ),
        pytest.param({}, "key\n  PreferredAuthentications password", "configuration forbids keys", id="no keys"),
        pytest.param({}, "key\n  ProxyUseFdpass yes", "ProxyUseFdpass, which is not supported", id="a passed socket"),
        pytest.param({}, "key\n  AddressFamily inet6", "cannot resolve 127.0.0.1: ", id="the other family"),
        pytest.param({}, "key\n  BindAddress 192.0.2.1", "(from 192.0.2.1: BindAddress", id="an address of others"),
        pytest.param({}, "key\n  ProxyCommand exit 3", "ProxyCommand 'exit' ended with exit status", id="a proxy"),
        pytest.param({}, "key\n  HostKeyAlias ntp9", "ntp9: unknown host key ecdsa-sha2-nistp256", id="an alias"),
    ],
)
def test_a_login_that_fails(rules: dict[str, str], more: str, words: str, home: Path) -> None:
    with ssh_server([KEY], **rules) as server:
        config = host(home, server, f"  IdentityFile ~/.ssh/{more}\n".replace("~/.ssh/none", "none"))
        with pytest.raises(HostUnreachable) as caught, reached(home, config):
            pass
    assert words in str(caught.value)
    assert str(caught.value).splitlines()[1:] == []


def test_a_server_that_does_not_answer_the_login_costs_one_time_limit(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provision.host.transport.hops.HANDSHAKE_SECONDS", 1)
    monkeypatch.setattr("provision.host.transport.login.HANDSHAKE_SECONDS", 1, raising=False)
    more = "  IdentityFile ~/.ssh/other\n  IdentityFile ~/.ssh/key\n"
    with ssh_server([KEY], key_seconds=3) as server:
        with pytest.raises(HostUnreachable, match=r"^ntp1: sshd did not answer the login in 1 s; is the host busy\?"):
            connect(home, host(home, server, more))
        assert server.tried == [OTHER.fingerprint]


def test_the_words_of_a_host_are_escaped_and_have_a_limit(home: Path) -> None:
    with ssh_server([KEY], takes="\x1b[2J" * 5000) as server, pytest.raises(HostUnreachable) as caught:
        connect(home, host(home, server))
    assert "its sshd takes \\x1b[2J\\x1b[2J" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_a_host_that_prints_our_words_for_a_wrong_password_runs_no_command(home: Path) -> None:
    forced = f"printf %s {quote(WRONG_PASSWORD)} >&2; exit 1"
    refused = pytest.raises(HostUnreachable, match=r"^ntp1: the login does not run commands: ")
    with ssh_server([KEY], forced=forced) as server, reached(home, host(home, server)) as transport, refused:
        transport.execute("true")


def test_a_wrong_password_is_told_from_a_login_that_runs_no_command(home: Path) -> None:
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        ask = f"printf '%s' {quote(SUDO_PROMPT)} >&2; read -r answer"
        output = transport.execute(f"{ask}; {ask}", password="wrong")  # noqa: S106 -- of no account
        assert output == Output(1, "", WRONG_PASSWORD)


def test_a_login_that_runs_another_command_is_named(home: Path) -> None:
    with ssh_server([KEY], forced="echo files only") as server, reached(home, host(home, server)) as transport:
        words = r"^ntp1: the login does not run commands: files only; is there a forced command \(ForceCommand, "
        with pytest.raises(HostUnreachable, match=words):
            transport.execute("true")
        with pytest.raises(HostUnreachable, match=words):
            transport.hold("true").read_line()
        with pytest.raises(HostUnreachable, match=words):
            transport.upload(b"x", "/nonexistent/x")
