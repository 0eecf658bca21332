"""Logins, commands, files and jump hosts, with a server in this process; integration/ has the same with a real sshd."""

import errno
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provision.common.errors import CommandFailed, HostUnreachable
from provision.host.target import parse_target
from provision.host.transport import SUDO_PROMPT, WRONG_PASSWORD, Output
from provision.host.transport.hops import Hop
from provision.host.transport.output_mark import MARK
from provision.host.transport.ssh import SshTransport
from tests.helpers.ssh_server import SshServer, fake_agent, ssh_server

KEY = paramiko.ECDSAKey.generate()
OTHER = paramiko.ECDSAKey.generate()
RSA = paramiko.RSAKey.generate(2048)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of an operator whose ssh is not installed, so that the configuration is read as everywhere."""
    ssh = tmp_path / ".ssh"
    ssh.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("provision.host.transport.ssh_config.shutil.which", lambda _: None)
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr("provision.host.transport.config_files.SYSTEM", tmp_path / "system")
    monkeypatch.setattr("provision.host.transport.hops.TRIES", 1)
    for name, key in (("key", KEY), ("other", OTHER), ("rsa", RSA)):
        write(ssh / name, key)
    write(ssh / "encrypted", KEY, password="secret")  # noqa: S106 -- of no use
    return ssh


def write(path: Path, key: paramiko.PKey, password: str | None = None) -> None:
    path.touch(mode=0o600)
    key.write_private_key_file(str(path), password)
    path.with_name(f"{path.name}.pub").write_text(f"{key.get_name()} {key.get_base64()}\n")


def connect(home: Path, config: str, *, accept_new: bool = False) -> SshTransport:
    (home / "config").write_text(config)
    return SshTransport(parse_target("ntp1"), accept_new=accept_new)


@contextmanager
def reached(home: Path, config: str, *, accept_new: bool = False) -> Iterator[SshTransport]:
    transport = connect(home, config, accept_new=accept_new)
    try:
        yield transport
    finally:
        transport.close()


def host(home: Path, server: SshServer, more: str = "  IdentityFile ~/.ssh/key\n") -> str:
    with (home / "known_hosts").open("a") as known:
        known.write(server.known)
    return f"Host ntp1\n  HostName 127.0.0.1\n  User op\n  Port {server.port}\n{more}"


def test_commands_and_files(home: Path, tmp_path: Path) -> None:
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        seen: list[str] = []
        done = transport.execute("echo out; echo err >&2; exit 3", watch=seen.append)
        assert (done.status, done.stdout, done.stderr, seen) == (3, "out\n", "err\n", ["out"])
        running = transport.hold("echo here; read line; echo $line; cat; exit 4")
        assert running.read_line() == "here"
        running.send(b"there\n")
        assert running.read_line() == "there"
        ended = running.close()
        assert (ended.status, ended.stdout) == (4, "")
        for number, data in enumerate((b"", b"\x00\xff\r\n", os.urandom(300_000))):
            path = f"{tmp_path}/it's {number}"
            transport.upload(data, path)
            assert transport.download(path) == data
            assert Path(path).stat().st_mode & 0o777 == 0o600
            with pytest.raises(CommandFailed, match=r"^ntp1: cannot write "):
                transport.upload(b"y", path)
        with pytest.raises(CommandFailed, match=r"^ntp1: cannot write /nonexistent/x: "):
            transport.upload(b"x" * 300_000, "/nonexistent/x")
        with pytest.raises(CommandFailed, match=r"^ntp1: cannot read /nonexistent/x: "):
            transport.download("/nonexistent/x")
        assert (transport.name, transport.address, transport.is_direct) == ("ntp1", "127.0.0.1", True)
        assert set(server.users) == {"op"}


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


@pytest.mark.parametrize("name", ["rsa", "pkcs8"])
def test_kinds_of_private_keys(name: str, home: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pkcs8 = home / "pkcs8"
    pkcs8.touch(mode=0o600)
    pkcs8.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    accepted = paramiko.ECDSAKey(vals=(key, key.public_key()))
    with ssh_server([RSA, accepted]) as server:
        config = host(home, server, f"  IdentityFile ~/.ssh/{name}\n  IdentityFile ~/.ssh/nothing\n")
        with reached(home, config) as transport:
            assert transport.execute("echo in").stdout == "in\n"


def test_a_private_key_that_others_may_read_is_not_used(home: Path) -> None:
    (home / "key").chmod(0o644)
    with ssh_server([KEY]) as server, pytest.raises(HostUnreachable, match="others may read it"):
        connect(home, host(home, server))


def test_the_next_key_is_tried_when_the_agent_refuses_to_sign(home: Path, tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    more = f"  IdentityAgent {agent}\n  IdentityFile none\n"
    with ssh_server([KEY, OTHER]) as server, fake_agent(agent, [KEY, OTHER], refuses=[KEY]):
        with reached(home, host(home, server, more)) as transport:
            assert transport.execute("echo in").stdout == "in\n"
        assert len(server.tried) == 2
    agent.unlink()
    refused = pytest.raises(HostUnreachable, match="the agent refused to sign with its key key 0")
    with ssh_server([KEY]) as server, fake_agent(agent, [KEY], refuses=[KEY]), refused:
        connect(home, host(home, server, more))


NO_RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")


def test_the_next_key_is_tried_when_sshd_takes_no_signature_of_a_key(home: Path) -> None:
    more = "  IdentityFile ~/.ssh/rsa\n  IdentityFile ~/.ssh/key\n"
    with ssh_server([KEY], no_signatures=NO_RSA) as server:
        with reached(home, host(home, server, more)) as transport:
            assert transport.execute("echo in").stdout == "in\n"
        assert server.tried == [KEY.fingerprint]
    refused = pytest.raises(HostUnreachable, match="its sshd takes no signature of a key of type ssh-rsa")
    with ssh_server([RSA], no_signatures=NO_RSA) as server, refused:
        connect(home, host(home, server, "  IdentityFile ~/.ssh/rsa\n"))


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


@pytest.mark.parametrize(
    ("more", "tried"),
    [
        pytest.param("  IdentityFile none\n", ["rsa", "other", "key"], id="as they come"),
        pytest.param("  IdentityFile ~/.ssh/key.pub\n", ["key"], id="a public key"),
        pytest.param("  IdentityFile ~/.ssh/key.pub\n  IdentitiesOnly yes\n", ["key"], id="only one"),
        pytest.param(
            "  IdentityFile none\n  PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256\n", ["other", "key"], id="only ECDSA"
        ),
    ],
)
def test_keys_are_tried_in_the_order_of_ssh(more: str, tried: list[str], home: Path, tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    keys = {"rsa": RSA, "other": OTHER, "key": KEY}
    with ssh_server([KEY]) as server, fake_agent(agent, list(keys.values())):
        with reached(home, host(home, server, f"  IdentityAgent {agent}\n{more}")):
            pass
        assert server.tried == [keys[name].fingerprint for name in tried]


def test_a_kernel_without_ipv6_reaches_the_next_address(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really, places = socket.socket, socket.getaddrinfo

    def without_ipv6(family: int = -1, *more: int, **options: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return really(family, *more, **options)

    def both(_: str, port: int, *more: int) -> list[object]:
        return [*places("::1", port, *more), *places("127.0.0.1", port, *more)]

    with ssh_server([KEY]) as server:
        config = host(home, server)
        monkeypatch.setattr("provision.host.transport.open_socket.socket.socket", without_ipv6)
        monkeypatch.setattr("provision.host.transport.open_socket.socket.getaddrinfo", both)
        with reached(home, config) as transport:
            assert transport.execute("echo in").stdout == "in\n"


def test_after_ctrl_c_the_connection_to_the_jump_host_is_closed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Hop] = []
    really = Hop.open

    def interrupted(hop: Hop) -> None:
        if opened:
            raise KeyboardInterrupt
        really(hop)
        opened.append(hop)

    monkeypatch.setattr(Hop, "open", interrupted)
    with ssh_server([OTHER]) as jump, ssh_server([KEY]) as server:
        config = host(home, server, "  IdentityFile ~/.ssh/key\n  ProxyJump hop\n")
        config += host(home, jump, "  IdentityFile ~/.ssh/other\n").replace("ntp1", "hop")
        with pytest.raises(KeyboardInterrupt):
            connect(home, config)
        assert not opened[0].connection.is_connected


def test_a_jump_host(home: Path) -> None:
    with ssh_server([OTHER]) as hop, ssh_server([KEY]) as server:
        config = host(home, server, "  IdentityFile ~/.ssh/key\n  ProxyJump hop\n")
        config += host(home, hop, "  IdentityFile ~/.ssh/other\n").replace("ntp1", "hop")
        with reached(home, config) as transport:
            assert transport.execute("echo in").stdout == "in\n"
            assert (transport.address, transport.is_direct) == ("127.0.0.1", False)
            sock = transport._hops[0].connection.transport.sock
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 40_000
        assert (len(hop.tried), len(server.tried)) == (1, 1)
        hop.accepted = []
        with pytest.raises(HostUnreachable, match=r"^ntp1: jump host hop: 'op' was refused with every SSH key"):
            connect(home, config)


@pytest.mark.parametrize(
    ("forwards", "words"),
    [(False, r"its sshd forbids it \(AllowTcpForwarding, PermitOpen\)"), (True, "it cannot resolve the name, or gets")],
)
def test_a_jump_host_that_opens_no_connection(forwards: bool, words: str, home: Path) -> None:  # noqa: FBT001 -- a case
    with ssh_server([KEY], forwards=forwards) as hop:
        config = "Host ntp1\n  HostName 127.0.0.1\n  Port 1\n  ProxyJump hop\n"
        config += host(home, hop).replace("ntp1", "hop")
        with pytest.raises(
            HostUnreachable, match=rf"^ntp1: jump host hop opens no connection to 127\.0\.0\.1 port 1: {words}"
        ):
            connect(home, config)


def test_a_proxy_command_is_a_line_of_shell(home: Path, tmp_path: Path) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(
        "import os, socket, sys, threading\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n"
        "    while data := os.read(0, 9999):\n"
        "        s.sendall(data)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while data := s.recv(9999):\n"
        "    os.write(1, data)\n"
    )
    with ssh_server([KEY]) as server:
        command = f"/bin/cat | {sys.executable} {quote(str(relay))} %h %p 2>/dev/null | /bin/cat"
        with reached(home, host(home, server, f"  IdentityFile ~/.ssh/key\n  ProxyCommand {command}\n")) as transport:
            assert transport.execute("echo in").stdout == "in\n"
            assert (transport.address, transport.is_direct) == ("127.0.0.1", False)


def test_one_session_is_not_enough(home: Path) -> None:
    with ssh_server([KEY], sessions=1) as server, reached(home, host(home, server)) as transport:
        running = transport.hold("echo here; cat")
        assert running.read_line() == "here"
        with pytest.raises(HostUnreachable, match=r"^ntp1: its sshd opens no further session; this tool needs two"):
            transport.execute("true")


def test_each_session_is_closed_before_the_next_one_is_opened(home: Path, tmp_path: Path) -> None:
    with ssh_server([KEY], sessions=1) as server, reached(home, host(home, server)) as transport:
        for number in range(2):
            transport.upload(b"data", f"{tmp_path}/{number}")
            with pytest.raises(CommandFailed, match="cannot write"):
                transport.upload(b"data", f"{tmp_path}/{number}")
            assert transport.download(f"{tmp_path}/{number}") == b"data"
            with pytest.raises(CommandFailed, match="cannot read"):
                transport.download(f"{tmp_path}/nothing")
            running = transport.hold("cat")
            assert running.close().status == 0
            assert transport.execute("echo out").stdout == "out\n"


@pytest.mark.parametrize("name", ["execute", "hold", "upload", "download"])
def test_a_session_that_sshd_has_not_closed_yet_costs_a_second_try(name: str, home: Path, tmp_path: Path) -> None:
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        server.refused_sessions = 1
        act: dict[str, Callable[[], object]] = {
            "execute": lambda: transport.execute("true"),
            "hold": lambda: transport.hold("true").close(),
            "upload": lambda: transport.upload(b"x", f"{tmp_path}/x"),
            "download": lambda: transport.download("/etc/passwd"),
        }
        act[name]()
        assert server.refused_sessions == 0


@pytest.mark.parametrize("hashed", ["yes", "no"])
def test_a_host_key_is_learnt(hashed: str, home: Path) -> None:
    known = home / "known_hosts"
    with ssh_server([KEY]) as server:
        config = host(home, server, f"  IdentityFile ~/.ssh/key\n  HashKnownHosts {hashed}\n")
        known.write_text("")
        with pytest.raises(HostUnreachable, match="unknown host key"), reached(home, config):
            pass
        with reached(home, config, accept_new=True):
            pass
        begin = {"yes": "|1|", "no": f"[127.0.0.1]:{server.port} ecdsa-sha2-nistp256 "}[hashed]
        assert known.read_text().startswith(begin)
        with reached(home, config):
            pass


@pytest.mark.parametrize("kept", ["hold", "upload", "download"])
def test_a_connection_that_is_lost_is_named(kept: str, home: Path, tmp_path: Path) -> None:
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        server.cut_off = True
        lose: dict[str, Callable[[], object]] = {
            "hold": lambda: transport.hold("echo never").read_line(),
            "upload": lambda: transport.upload(b"x", f"{tmp_path}/x"),
            "download": lambda: transport.download("/etc/hostname"),
        }
        with pytest.raises(
            HostUnreachable, match=r"^ntp1: the connection was (lost|closed); run the same command again"
        ):
            lose[kept]()


def test_a_command_that_is_killed_is_told_from_a_lost_connection(home: Path) -> None:
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        with pytest.raises(
            HostUnreachable, match=r"^ntp1: the command was killed by signal KILL \(is memory short\?\)"
        ):
            transport.execute("kill -9 $$")
        server.cut_off = True
        with pytest.raises(HostUnreachable, match=r"^ntp1: the connection was lost"):
            transport.execute("true")


KILLED = [
    pytest.param("kill -9 $$", "KILL", r"KILL \(is memory short\?\)", id="before its output"),
    pytest.param(f"echo {MARK}; kill -9 $$", "KILL", r"KILL \(is memory short\?\)", id="before its first line"),
    pytest.param(f"echo {MARK}; echo 5; printf x; kill -15 $$", "TERM", "TERM", id="in the middle"),
    pytest.param(
        f"echo {MARK}; kill -9 $$", "\x1b[2J" * 1000, r"(\\x1b\[2J){40,42}.*\.\.\.", id="by a signal of no name"
    ),
]


@pytest.mark.parametrize("name", ["execute", "upload", "download"])
@pytest.mark.parametrize(("forced", "signal", "words"), KILLED)
def test_a_command_that_is_killed_names_the_signal(
    name: str, forced: str, signal: str, words: str, home: Path, tmp_path: Path
) -> None:
    killed = pytest.raises(HostUnreachable, match=rf"^ntp1: the command was killed by signal {words}; run the same")
    with ssh_server([KEY], forced=forced, signal=signal) as server, reached(home, host(home, server)) as transport:
        act: dict[str, Callable[[], object]] = {
            "execute": lambda: transport.execute("true"),
            "upload": lambda: transport.upload(b"x", f"{tmp_path}/x"),
            "download": lambda: transport.download("/etc/passwd"),
        }
        with killed:
            act[name]()


def test_a_held_line_that_is_killed_names_the_signal(home: Path) -> None:
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        running = transport.hold("echo here; kill -15 $$")
        assert (running.read_line(), running.read_line()) == ("here", "")
        ended = running.close()
        assert (ended.status, ended.last_words) == (-1, "the command was killed by signal TERM")
        running = transport.hold("true")
        server.forced = "kill -9 $$"
        with pytest.raises(HostUnreachable, match=r"^ntp1: the command was killed by signal KILL"):
            transport.hold("true").read_line()


def test_a_size_that_is_not_true_is_refused(home: Path) -> None:
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        for printed, words in (
            ("echo 3; echo four", r"it is not as large as the host says \(3 bytes\)"),
            ("echo 30; echo four", r"it is not as large as the host says \(30 bytes\)"),
            ("echo 300000000", "it has 300000000 bytes, and the most is 268435456"),
            ("printf '9%.0s' $(seq 4000); echo", "it has 9{297}... bytes"),
            ("printf '\\033[2J\\n'", r"it has \\x1b\[2J bytes"),
        ):
            server.forced = f"echo {MARK}; {printed}"
            with pytest.raises(CommandFailed, match=f"^ntp1: cannot read /x: {words}"):
                transport.download("/x")


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
