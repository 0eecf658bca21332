"""The password of sudo: where it comes from, who is asked, and how few hosts ever see a wrong one."""

import os
import pty
import select
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator

import pytest

from provision import passwords
from provision.errors import HostUnreachable, PasswordRefused
from provision.passwords import PASSWORD_VARIABLE, Given, Operator
from tests.booted import ROOT
from tests.waiting import await_true


def going_on() -> None:
    """Nothing is to end."""


def ended() -> None:
    raise HostUnreachable("interrupted")


class Keyboard:
    """Somebody at a terminal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, there: bool, types: str | None = "correct horse") -> None:
        self._types = types
        self.prompts: list[str] = []
        monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
        monkeypatch.setattr("sys.stdin", self)
        monkeypatch.setattr(passwords, "typed", self.type)
        self._there = there

    def isatty(self) -> bool:
        return self._there

    def type(self, prompt: str, _: passwords.Check) -> str | None:
        self.prompts.append(prompt)
        return self._types


@pytest.mark.parametrize("password", ["correct horse", ""])
def test_it_may_come_from_the_environment_and_does_not_stay_there(
    password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, password)
    operator = Operator()
    assert [operator.of("ntp1", login, going_on) for login in ("ntp", "ntp", "admin")] == [password] * 3
    assert PASSWORD_VARIABLE not in os.environ
    assert operator.given == password


def test_a_person_is_asked_once_for_each_login(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard, operator = Keyboard(monkeypatch, there=True), Operator()
    for login in ("ntp", "ntp", "admin", "ntp"):
        assert operator.of("ntp1", login, going_on) == "correct horse"
    assert keyboard.prompts == ["sudo password of ntp: ", "sudo password of admin: "]


def test_a_pipeline_is_told_how_to_give_it(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=False)
    with pytest.raises(HostUnreachable) as caught:
        Operator().of("ntp1", "ntp", going_on)
    assert str(caught.value) == (
        "ntp1: sudo asks ntp for a password, and there is no terminal to ask at: "
        "set CHRONY_PROVISION_SUDO_PASSWORD, or allow ntp sudo without a password"
    )
    assert keyboard.prompts == []


def test_nobody_is_asked_when_all_is_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    with pytest.raises(HostUnreachable, match="interrupted"):
        Operator().of("ntp1", "ntp", ended)
    assert keyboard.prompts == []


def test_a_worker_has_what_came_with_the_work_and_asks_nobody() -> None:
    assert Given("correct horse").of("ntp1", "admin", going_on) == "correct horse"
    assert "horse" not in repr(Given("correct horse"))
    with pytest.raises(HostUnreachable, match=rf"^ntp1: sudo asks admin for a password, .*set {PASSWORD_VARIABLE}"):
        Given(None).of("ntp1", "admin", going_on)


class Hosts:
    """Hosts with a sudo that takes the password, or does not."""

    def __init__(self, *refusing: str) -> None:
        self.refusing = refusing
        self.operator = Operator()
        self.asked: list[str] = []

    def try_on(self, name: str, login: str = "ntp") -> str:
        """Return what became of it: nothing, or the error."""
        try:
            self.operator.tried(name, login, going_on, lambda: self._sudo(name))
        except PasswordRefused as error:
            return str(error)
        return ""

    def _sudo(self, name: str) -> None:
        self.asked.append(name)
        if name in self.refusing:
            raise PasswordRefused(f"{name}: refused")


def test_what_one_host_has_taken_is_not_tried_on_others() -> None:
    hosts = Hosts()
    assert [hosts.try_on(name) for name in "abc"] == ["", "", ""]
    assert hosts.asked == ["a"]


def test_what_two_hosts_refused_is_sent_to_no_other() -> None:
    hosts = Hosts(*"abcd")
    not_tried = "the sudo password of ntp was not tried here: a and b refused it"
    assert [hosts.try_on(name) for name in "abcd"] == ["a: refused", "b: refused", f"c: {not_tried}", f"d: {not_tried}"]
    assert hosts.asked == ["a", "b"]


def test_one_host_with_another_password_does_not_keep_the_rest_from_theirs() -> None:
    hosts = Hosts("a")
    assert [hosts.try_on(name) for name in "abc"] == ["a: refused", "", ""]


def test_each_login_has_a_password_of_its_own() -> None:
    hosts = Hosts("a", "b")
    assert [hosts.try_on(name) for name in "ab"] == ["a: refused", "b: refused"]
    assert hosts.try_on("c", "admin") == ""


def test_a_connection_that_is_lost_says_nothing_of_the_password() -> None:
    operator = Operator()

    def lost() -> None:
        raise HostUnreachable("the connection was lost")

    for _ in range(3):
        with pytest.raises(HostUnreachable, match="lost"):
            operator.tried("a", "ntp", going_on, lost)
    operator.tried("b", "ntp", going_on, going_on)


def test_of_hosts_that_come_at_once_one_tries_and_the_others_wait() -> None:
    operator, begun, may_end = Operator(), threading.Event(), threading.Event()
    tried: list[str] = []

    def slow() -> None:
        tried.append("first")
        begun.set()
        assert may_end.wait(60)

    first = threading.Thread(target=operator.tried, args=("a", "ntp", going_on, slow))
    first.start()
    assert begun.wait(60)
    others = [
        threading.Thread(target=operator.tried, args=(name, "ntp", going_on, lambda: tried.append("other")))
        for name in "bc"
    ]
    for other in others:
        other.start()
    time.sleep(0.2)
    assert tried == ["first"]
    assert all(other.is_alive() for other in others)
    may_end.set()
    for thread in (first, *others):
        thread.join(60)
    assert tried == ["first"]


def test_who_waits_for_another_host_ends_when_all_does() -> None:
    operator, begun, may_end = Operator(), threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert may_end.wait(60)

    first = threading.Thread(target=operator.tried, args=("a", "ntp", going_on, slow))
    first.start()
    assert begun.wait(60)
    try:
        with pytest.raises(HostUnreachable, match="interrupted"):
            operator.tried("b", "ntp", ended, lambda: pytest.fail("it was tried"))
    finally:
        may_end.set()
        first.join(60)


def test_nothing_is_tried_when_all_is_to_end() -> None:
    with pytest.raises(HostUnreachable, match="interrupted"):
        Operator().tried("a", "ntp", ended, lambda: pytest.fail("it was tried"))


def test_who_types_nothing_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard, operator = Keyboard(monkeypatch, there=True, types=None), Operator()
    for name in ("ntp1", "ntp2"):
        with pytest.raises(HostUnreachable, match=f"^{name}: no password of ntp was typed$"):
            operator.of(name, "ntp", going_on)
    assert len(keyboard.prompts) == 1


AT_A_TERMINAL = """
import sys, threading
from provision.errors import HostUnreachable
from provision.passwords import typed

ending = threading.Event()

def check():
    if ending.is_set():
        raise HostUnreachable("interrupted")

if "end" in sys.argv:
    threading.Timer(1.5, ending.set).start()
try:
    print("typed", typed("password: ", check) == "correct horse", flush=True)
except HostUnreachable as error:
    print(error, flush=True)
"""


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def echoes(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def at_a_terminal(terminal: int, *words: str) -> subprocess.Popen[str]:
    """Have a process read a password, and return when the terminal shows no more what is typed."""
    process = subprocess.Popen(
        # With a terminal of its own, as a user has: getpass opens /dev/tty.
        ["setsid", "--ctty", sys.executable, "-c", AT_A_TERMINAL, *words],
        cwd=ROOT,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    await_true(lambda: not echoes(terminal), "the terminal goes on showing what is typed", every=0.01)
    return process


TYPED = [
    pytest.param(b"correct horse\n", "typed True\n", id="a password"),
    pytest.param(b"\x04", "typed False\n", id="Ctrl-D"),
    pytest.param(b"corr\xe8ct horse\n", "typed False\n", id="another encoding"),
]


@pytest.mark.parametrize(("keys", "said"), TYPED)
def test_what_is_typed_is_not_shown(keys: bytes, said: str, terminal: tuple[int, int]) -> None:
    keyboard, screen = terminal
    process = at_a_terminal(screen)
    os.write(keyboard, keys)
    assert process.communicate(timeout=60)[0] == said
    assert echoes(screen)
    shown = os.read(keyboard, 1000) if select.select([keyboard], [], [], 0)[0] else b""
    assert b"horse" not in shown


def test_when_all_ends_meanwhile_nobody_waits_for_a_line_and_the_terminal_shows_again(
    terminal: tuple[int, int],
) -> None:
    _, screen = terminal
    process = at_a_terminal(screen, "end")
    assert process.communicate(timeout=60)[0] == "interrupted\n"
    assert process.returncode == 0
    assert echoes(screen)
