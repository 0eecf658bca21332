"""Connecting: how we get root, where the password comes from, and what was learned on the way."""
# ruff: noqa: S106 -- passwords of no use

import os
import threading
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from provision.common.errors import HostUnreachable, PasswordRefused, SandboxError
from provision.host import session
from provision.host.host import Become, Host
from provision.host.sandbox import sandbox
from provision.host.sandbox.machine import Say
from provision.host.session import Session, connect, unlock
from provision.host.sudo import SudoPasswords
from provision.host.target import parse_target
from provision.host.transport import LOOK, Limit, Output, Watch
from provision.host.transport.local import LocalTransport
from tests.helpers import sudo
from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.samples import FACTS

WAYS = [
    pytest.param("root", Become.IS_ROOT, id="root"),
    pytest.param("yes", Become.SUDO, id="sudo without a password"),
    pytest.param("password", Become.PASSWORD, id="sudo with a password"),
]


def become(can: str) -> Become:
    return session._become("ntp1", replace(FACTS, sudo=can, login="ntp"))


@pytest.mark.parametrize(("can", "how"), WAYS)
def test_how_we_get_root(can: str, how: Become) -> None:
    assert become(can) is how


def test_a_host_without_sudo_is_told_apart() -> None:
    with pytest.raises(HostUnreachable, match=r"^ntp1: ntp is not root and there is no sudo; log in as root$"):
        become("missing")


def test_a_sudo_that_needs_a_terminal_is_told_apart() -> None:
    with pytest.raises(HostUnreachable, match=r"^ntp1: sudo wants a terminal .* 'Defaults:ntp !requiretty' "):
        become("tty")


def unlocked(connected: Session, password: str) -> None:
    unlock(connected, SudoPasswords(password), quiet=nullcontext, check=lambda: None)


def as_somebody_else(folder: Path) -> None:
    """Have ``id`` say that we are not root, but for what sudo runs."""
    (folder / "id").write_text('#!/bin/sh\n[ "${AS_ROOT-}" ] && echo 0 || echo 1000\n')
    (folder / "id").chmod(0o755)


@pytest.fixture
def boots_badly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have sandboxes that say that they boot, and do not."""

    def up(name: str, suite: str, *, say: Say) -> sandbox.Sandbox:
        say(f"booting sandbox {name} (Debian {suite})")
        raise SandboxError("it ended")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sandbox, "up", up)


@pytest.mark.usefixtures("boots_badly")
def test_the_boot_of_a_sandbox_stands_below_its_host() -> None:
    said: list[str] = []
    with pytest.raises(SandboxError, match="it ended"):
        session._reach(parse_target("sandbox:trixie"), accept_new=False, say=said.append)
    assert said == ["  booting sandbox trixie (Debian trixie)"]


@pytest.mark.usefixtures("boots_badly")
def test_a_server_that_boots_before_the_first_host_is_named() -> None:
    said: list[str] = []
    server = replace(parse_target("sandbox:web"), text="ntp1")
    with pytest.raises(SandboxError, match="it ended"):
        session.address_of(server, said.append)
    assert said == ["ntp1  booting sandbox web (Debian bookworm)"]


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
def test_a_wrong_password_is_given_once_and_nothing_else_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sudo.install(tmp_path, monkeypatch, password="correct-horse")
    as_somebody_else(tmp_path)
    log: list[str] = []
    way = connect(
        parse_target("local"),
        accept_new=False,
        log=log.append,
        progress=log.append,
        say=log.append,
    )
    with way as connected, pytest.raises(PasswordRefused, match=r"^local: no right to become root: sudo refused the p"):
        unlocked(connected, "wrong-horse")
    assert (tmp_path / "answers").read_text() == "1\n"


class Stuck(LocalTransport):
    """A host on which sudo waits for more than we answer, until the connection is closed."""

    def __init__(self) -> None:
        super().__init__()
        self._closed = threading.Event()

    def execute(
        self,
        line: str,  # noqa: ARG002
        *,
        password: str | None = None,  # noqa: ARG002
        watch: Watch | None = None,  # noqa: ARG002
        limit: Limit = LOOK,  # noqa: ARG002
    ) -> Output:
        assert self._closed.wait(20)
        raise HostUnreachable("local: the connection was lost")

    def close(self) -> None:
        self._closed.set()


def test_a_sudo_that_does_not_come_back_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SUDO_SECONDS", 0.2)
    host = Host(Stuck(), become=Become.PASSWORD)
    connected = Session(host=host, facts=FACTS, address="127.0.0.1", direct=True, time_source=None)
    with pytest.raises(HostUnreachable, match=r"^local: sudo did not answer in 0\.2 s; does it ask for more"):
        unlocked(connected, "correct-horse")


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_password_is_nowhere_but_in_sudos_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sudo.install(tmp_path, monkeypatch, password="correct-horse")
    as_somebody_else(tmp_path)
    log: list[str] = []
    with connect(
        parse_target("local"),
        accept_new=False,
        log=log.append,
        progress=log.append,
        say=log.append,
    ) as connected:
        unlocked(connected, "correct-horse")
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
