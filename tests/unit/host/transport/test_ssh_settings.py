"""From the options of ssh_config(5) to what SSH needs; integration/test_ssh_matrix.py puts the same to ssh."""

from pathlib import Path

import pytest

from provision.common.errors import HostUnreachable
from provision.host.transport.ssh_settings import Jump, settings_from
from provision.host.transport.ssh_tokens import ThisMachine

MACHINE = ThisMachine(
    home=Path("/home/op"),
    environment={"USER": "somebody", "KNOWN": "/k", "SSH_AUTH_SOCK": "/agent", "OTHER": "/other"},
    uid=1000,
    user="op",
    hostname="laptop.example",
)
OPTIONS = {"hostname": ["192.0.2.1"], "user": ["admin"], "port": ["2222"]}


def test_sizes_and_signatures_are_those_of_the_options() -> None:
    options = {"user": ["op"], "requiredrsasize": ["3072"], "casignaturealgorithms": ["ssh-ed25519,rsa-sha2-512"]}
    settings = settings_from("ntp1", options, MACHINE)
    assert settings.least_rsa_bits == 3072
    assert settings.algorithms["casignaturealgorithms"] == ("ssh-ed25519", "rsa-sha2-512")
    # ssh refuses a smaller value.
    assert settings_from("ntp1", {**options, "requiredrsasize": ["100"]}, MACHINE).least_rsa_bits == 1024


def test_without_options_the_defaults_of_ssh_hold() -> None:
    settings = settings_from("ntp1", {"user": ["op"]}, MACHINE)
    assert (settings.address, settings.user, settings.port, settings.family) == ("ntp1", "op", 22, "any")
    assert settings.identities[0] == Path("/home/op/.ssh/id_rsa")
    assert settings.user_files == (Path("/home/op/.ssh/known_hosts"), Path("/home/op/.ssh/known_hosts2"))
    assert settings.global_files == (Path("/etc/ssh/ssh_known_hosts"), Path("/etc/ssh/ssh_known_hosts2"))
    assert (settings.agent, settings.with_keys, settings.accept_new, settings.hashed) == ("/agent", True, False, False)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("~/x", "/home/op/x"),
        ("/%h/%n/%p/%r", "/192.0.2.1/ntp1/2222/admin"),
        ("/%k/%L/%l/%i/%u", "/ntp1/laptop/laptop.example/1000/op"),
        ("%d/100%%", "/home/op/100%"),
        ("${KNOWN}/x", "/k/x"),
        # printf %s laptop.example192.0.2.12222admin | sha1sum
        ("/%C", "/ddd3be1fc92c2d150089569c12840270870a633d"),
    ],
)
def test_tokens_are_replaced(text: str, path: str) -> None:
    assert settings_from("ntp1", {**OPTIONS, "identityfile": [text]}, MACHINE).identities == (Path(path),)


@pytest.mark.parametrize("text", ["/%z", "${NOTHING}/x", "%T"])
def test_a_token_without_a_value_is_refused(text: str) -> None:
    with pytest.raises(HostUnreachable, match=r"^ntp1: the SSH configuration has userknownhostsfile .* has no value$"):
        settings_from("ntp1", {**OPTIONS, "userknownhostsfile": [text]}, MACHINE)


def test_a_home_folder_of_no_user_is_refused() -> None:
    with pytest.raises(HostUnreachable, match=r"^ntp1: .* has identityfile '~nobody-x/key': no such user$"):
        settings_from("ntp1", {**OPTIONS, "identityfile": ["~nobody-x/key"]}, MACHINE)


@pytest.mark.parametrize(
    ("said", "jumps"),
    [
        ("none", ()),
        ("hop", (Jump("hop"),)),
        ("op@corp@hop:22,[2001:db8::1]:33", (Jump("hop", "op@corp", 22), Jump("2001:db8::1", None, 33))),
        ("ssh://op@hop:22", (Jump("hop", "op", 22),)),
        ("%r@jump-%n", (Jump("jump-ntp1", "admin"),)),
    ],
)
def test_jump_hosts_are_read(said: str, jumps: tuple[Jump, ...]) -> None:
    assert settings_from("ntp1", {**OPTIONS, "proxyjump": [said]}, MACHINE).jumps == jumps


@pytest.mark.parametrize("said", ["", "a b@", "hop:x", "hop:0", "hop:65536", "hop:123456", "[::1"])
def test_a_text_that_is_no_jump_host_is_refused(said: str) -> None:
    with pytest.raises(HostUnreachable, match=r"^ntp1: the SSH configuration has ProxyJump '.*': not user@host:port$"):
        settings_from("ntp1", {**OPTIONS, "proxyjump": [said]}, MACHINE)


def test_the_variables_of_a_command_are_left_to_the_shell() -> None:
    options = {**OPTIONS, "proxycommand": ["nc $A ${NOTHING} %h %p | sed s/%%//"]}
    assert settings_from("ntp1", options, MACHINE).proxy_command == "nc $A ${NOTHING} 192.0.2.1 2222 | sed s/%//"


@pytest.mark.parametrize(
    ("said", "agent"),
    [("none", None), ("SSH_AUTH_SOCK", "/agent"), ("$OTHER", "/other"), ("$NOTHING", None), ("~/a", "/home/op/a")],
)
def test_the_agent_is_found(said: str, agent: str | None) -> None:
    assert settings_from("ntp1", {**OPTIONS, "identityagent": [said]}, MACHINE).agent == agent


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": ["x"]}, "has port 'x', which is not a number"),
        ({"port": ["0"]}, "has port 0, which is not between 1 and 65535"),
        ({"port": ["65536"]}, "has port 65536, which is not between 1 and 65535"),
        ({"knownhostscommand": ["/bin/true"]}, "KnownHostsCommand, which is not run here"),
        ({"proxyusefdpass": ["yes"]}, "ProxyUseFdpass, which is not supported here"),
    ],
)
def test_an_unsupported_setting_is_refused(options: dict[str, list[str]], words: str) -> None:
    with pytest.raises(HostUnreachable, match=f"^ntp1: the SSH configuration .*{words}"):
        settings_from("ntp1", {**OPTIONS, **options}, MACHINE)
