"""Connecting: how we get root, where the password comes from, and what was learned on the way."""
# ruff: noqa: S106 -- passwords of no use

import os
from dataclasses import replace
from pathlib import Path

import pytest

from provision import session
from provision.errors import HostUnreachable
from provision.host import Become
from provision.session import PASSWORD_VARIABLE, connect
from provision.target import parse_target
from tests import sudo
from tests.booted import assert_nowhere
from tests.sample import FACTS

WITHOUT_PASSWORD = [
    pytest.param("root", Become.IS_ROOT, id="root"),
    pytest.param("yes", Become.SUDO, id="sudo without a password"),
]


def become(can: str, name: str = "ntp1") -> tuple[Become, str | None]:
    return session._become(name, replace(FACTS, sudo=can, login="ntp"))


@pytest.mark.parametrize(("can", "how"), WITHOUT_PASSWORD)
def test_nobody_is_asked_for_a_password_that_is_not_needed(can: str, how: Become) -> None:
    assert become(can) == (how, None)


def test_a_host_without_sudo_is_told_apart() -> None:
    with pytest.raises(HostUnreachable, match=r"^ntp1: ntp is not root and there is no sudo; log in as root$"):
        become("missing")


def test_a_sudo_that_wants_a_terminal_is_told_apart() -> None:
    with pytest.raises(HostUnreachable, match=r"^ntp1: sudo wants a terminal .* 'Defaults:ntp !requiretty' "):
        become("tty")


@pytest.mark.parametrize("password", ["correct horse", ""])
def test_the_password_may_come_from_the_environment(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, password)
    assert become("password") == (Become.PASSWORD, password)


class Keyboard:
    """Somebody at a terminal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, there: bool) -> None:
        self.prompts: list[str] = []
        monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
        monkeypatch.setattr(session, "_asked", {})
        monkeypatch.setattr("sys.stdin", self)
        monkeypatch.setattr("getpass.getpass", self.type)
        self._there = there

    def isatty(self) -> bool:
        return self._there

    def type(self, prompt: str) -> str:
        self.prompts.append(prompt)
        return "correct horse"


def test_a_person_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    assert {become("password") for _ in range(3)} == {(Become.PASSWORD, "correct horse")}
    assert keyboard.prompts == ["sudo password of ntp: "]


def test_a_pipeline_is_told_how_to_give_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=False)
    with pytest.raises(HostUnreachable) as caught:
        become("password")
    assert str(caught.value) == (
        "ntp1: sudo asks ntp for a password, and there is no terminal to ask at: "
        "set CHRONY_PROVISION_SUDO_PASSWORD, or allow ntp sudo without a password"
    )
    assert keyboard.prompts == []


def test_this_machine_is_reached_without_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sudo.install(tmp_path, monkeypatch, password="")
    log: list[str] = []
    with connect(
        parse_target("local"), accept_new=False, log=log.append, progress=log.append, say=log.append
    ) as connected:
        assert (connected.address, connected.time_source) == ("127.0.0.1", None)
        assert connected.host.name == "local"
        assert connected.host.become is (Become.IS_ROOT if os.geteuid() == 0 else Become.SUDO)
        assert connected.facts.uid == os.geteuid()
        assert connected.host.trips == 1
        assert connected.host.ask("echo root") == "root\n"
    assert log == []


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_password_is_nowhere_but_in_sudos_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sudo.install(tmp_path, monkeypatch, password="correct-horse")
    (tmp_path / "id").write_text('#!/bin/sh\n[ "${AS_ROOT-}" ] && echo 0 || echo 1000\n')
    (tmp_path / "id").chmod(0o755)
    monkeypatch.setenv(PASSWORD_VARIABLE, "correct-horse")
    log: list[str] = []
    with connect(
        parse_target("local"), accept_new=False, log=log.append, progress=log.append, say=log.append
    ) as connected:
        assert connected.host.become is Become.PASSWORD
        seen = connected.host.run("looking around", "id -u; ps -e -o args=")
    assert seen.startswith("0\n")
    # The fake sudo has it in its environment, which ps does not show without being asked.
    assert_nowhere("correct-horse", seen, repr(connected), "\n".join(log))


SEEN = [
    pytest.param("local", True, ("127.0.0.1", "127.0.0.1"), id="this machine, also when we are logged in to it by ssh"),
    pytest.param("ntp1", True, ("198.51.100.1", "198.51.100.7"), id="a host"),
    pytest.param("ntp1", False, (None, "198.51.100.7"), id="behind a jump host, whose address it has seen"),
]


@pytest.mark.parametrize(("target", "direct", "seen"), SEEN)
def test_the_addresses_are_those_between_which_our_packets_go(
    target: str,
    direct: bool,  # noqa: FBT001 -- of a case
    seen: tuple[str | None, str | None],
) -> None:
    facts = replace(FACTS, client="198.51.100.1", address="198.51.100.7")
    facts = session._as_seen(facts, parse_target(target), direct=direct)
    assert (facts.client, facts.address) == seen
