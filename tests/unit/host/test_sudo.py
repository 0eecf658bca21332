"""The password of sudo: where it comes from, who is asked, and how few hosts ever see a wrong one."""

import copy
import os
import pickle
import pty
import select
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

import pytest

from provision.common.errors import HostUnreachable, PasswordRefused
from provision.host import sudo
from provision.host.sudo import PASSWORD_VARIABLE, SudoPasswords
from tests.helpers.booted_hosts import ROOT, assert_nowhere
from tests.helpers.waiting import await_true


def going_on() -> None:
    """Do nothing: the command is not interrupted."""


def ended() -> None:
    raise HostUnreachable("interrupted")


class Keyboard:
    """Somebody at a terminal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, there: bool, types: str | None = "correct horse") -> None:
        self._types = types
        self.prompts: list[str] = []
        self.is_quiet = False
        monkeypatch.setattr("sys.stdin", self)
        monkeypatch.setattr(sudo, "typed", self.type)
        self._there = there

    def isatty(self) -> bool:
        return self._there

    @contextmanager
    def quiet(self) -> Iterator[None]:
        self.is_quiet = True
        yield
        self.is_quiet = False

    def type(self, prompt: str, _: sudo.Check) -> str | None:
        assert self.is_quiet
        self.prompts.append(prompt)
        return self._types


class Hosts:
    """Hosts whose sudo accepts the password, or refuses it."""

    def __init__(self, passwords: SudoPasswords, *refusing: str, quiet: sudo.Quiet = nullcontext) -> None:
        self.refusing = refusing
        self.passwords = passwords
        self.quiet = quiet
        self.asked: list[str] = []
        self.received: list[str] = []

    def password(self, name: str, login: str = "ntp", check: sudo.Check = going_on) -> str:
        """Return the password for a host."""

        def attempt(password: str) -> None:
            assert quiet_is_over(self.quiet)
            self.asked.append(name)
            self.received.append(password)
            if name in self.refusing:
                raise PasswordRefused(f"{name}: refused")

        return self.passwords.accepted(name, login, attempt, quiet=self.quiet, check=check)

    def error(self, name: str, login: str = "ntp") -> str:
        """Return the error of a host; empty if it accepts the password."""
        try:
            self.password(name, login)
        except PasswordRefused as error:
            return str(error)
        return ""


def quiet_is_over(quiet: sudo.Quiet) -> bool:
    """Return whether the progress of other hosts is shown again."""
    keyboard = getattr(quiet, "__self__", None)
    return keyboard is None or not keyboard.is_quiet


@pytest.mark.parametrize("given", ["correct horse", ""])
def test_a_given_password_is_that_of_each_login(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    hosts = Hosts(SudoPasswords(given), quiet=keyboard.quiet)
    assert [hosts.password("ntp1", login) for login in ("ntp", "ntp", "admin")] == [given] * 3
    assert hosts.received == [given] * 2
    assert keyboard.prompts == []


def test_a_person_is_asked_once_for_each_login(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    hosts = Hosts(SudoPasswords(None), quiet=keyboard.quiet)
    for login in ("ntp", "ntp", "admin", "ntp"):
        assert hosts.password("ntp1", login) == "correct horse"
    assert keyboard.prompts == ["sudo password of ntp: ", "sudo password of admin: "]


def test_a_person_is_asked_once_also_if_hosts_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    hosts = Hosts(SudoPasswords(None), "a", "b", quiet=keyboard.quiet)
    assert [hosts.error(name).partition(":")[0] for name in "abc"] == ["a", "b", "c"]
    assert keyboard.prompts == ["sudo password of ntp: "]


def test_a_pipeline_is_told_how_to_give_it(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=False)
    with pytest.raises(HostUnreachable) as caught:
        Hosts(SudoPasswords(None)).password("ntp1")
    assert str(caught.value) == (
        "ntp1: sudo asks ntp for a password, and there is no terminal to ask at: "
        "set CHRONY_PROVISION_SUDO_PASSWORD, or allow ntp sudo without a password"
    )
    assert keyboard.prompts == []


def test_a_closed_standard_input_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(HostUnreachable, match="there is no terminal to ask at"):
        Hosts(SudoPasswords(None)).password("ntp1")


def test_nobody_is_asked_when_all_is_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    with pytest.raises(HostUnreachable, match="interrupted"):
        Hosts(SudoPasswords(None)).password("ntp1", check=ended)
    assert keyboard.prompts == []


def test_a_worker_has_what_came_with_the_work_and_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    why = "a worker cannot ask you"
    assert Hosts(SudoPasswords("correct horse", cannot_ask=why)).password("ntp1") == "correct horse"
    with pytest.raises(
        HostUnreachable,
        match=rf"^ntp1: sudo asks admin for a password, and a worker cannot ask you: set {PASSWORD_VARIABLE}",
    ):
        Hosts(SudoPasswords(None, cannot_ask=why)).password("ntp1", "admin")
    assert keyboard.prompts == []


def test_passwords_are_in_no_repr_and_are_not_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    for passwords in (SudoPasswords("correct horse"), SudoPasswords(None)):
        with pytest.raises(TypeError, match=r"^the passwords of a command are not pickled"):
            pickle.dumps(passwords)
        Hosts(passwords, quiet=keyboard.quiet).password("ntp1")
        with pytest.raises(TypeError, match=r"^the passwords of a command are not pickled"):
            copy.deepcopy(passwords)
        assert_nowhere("correct horse", repr(passwords), repr(vars(passwords)["_logins"]))


def test_what_one_host_has_taken_is_not_tried_on_others() -> None:
    hosts = Hosts(SudoPasswords("correct horse"))
    assert [hosts.error(name) for name in "abc"] == ["", "", ""]
    assert hosts.asked == ["a"]


def test_what_two_hosts_refused_is_sent_to_no_other() -> None:
    hosts = Hosts(SudoPasswords("correct horse"), *"abcd")
    not_tried = "the sudo password of ntp was not tried here: a and b refused it"
    assert [hosts.error(name) for name in "abcd"] == ["a: refused", "b: refused", f"c: {not_tried}", f"d: {not_tried}"]
    assert hosts.asked == ["a", "b"]


def test_one_host_with_another_password_does_not_keep_the_rest_from_theirs() -> None:
    hosts = Hosts(SudoPasswords("correct horse"), "a")
    assert [hosts.error(name) for name in "abc"] == ["a: refused", "", ""]


def test_each_login_has_a_password_of_its_own() -> None:
    hosts = Hosts(SudoPasswords("correct horse"), "a", "b")
    assert [hosts.error(name) for name in "ab"] == ["a: refused", "b: refused"]
    assert hosts.error("c", "admin") == ""


def test_a_connection_that_is_lost_says_nothing_of_the_password() -> None:
    passwords = SudoPasswords("correct horse")

    def lost(_: str) -> None:
        raise HostUnreachable("the connection was lost")

    for _ in range(3):
        with pytest.raises(HostUnreachable, match="lost"):
            passwords.accepted("a", "ntp", lost, quiet=nullcontext, check=going_on)
    assert Hosts(passwords).error("b") == ""


class Slow:
    """A host whose sudo answers late, and the thread that tries the password there."""

    def __init__(self, passwords: SudoPasswords) -> None:
        self._passwords = passwords
        self._begun, self._may_end = threading.Event(), threading.Event()
        self._is_lost = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._begun.wait(60)

    def _run(self) -> None:
        with suppress(HostUnreachable):
            self._passwords.accepted("a", "ntp", self._attempt, quiet=nullcontext, check=going_on)

    def _attempt(self, _: str) -> None:
        self._begun.set()
        assert self._may_end.wait(60)
        if self._is_lost:
            raise HostUnreachable("the connection was lost")

    def end(self) -> None:
        self._may_end.set()
        self._thread.join(60)

    def lose_connection(self) -> None:
        self._is_lost = True
        self.end()


def test_of_hosts_that_come_at_once_one_tries_and_the_others_wait() -> None:
    hosts = Hosts(SudoPasswords("correct horse"))
    slow = Slow(hosts.passwords)
    others = [threading.Thread(target=hosts.password, args=(name,)) for name in "bc"]
    for other in others:
        other.start()
    time.sleep(0.2)
    assert all(other.is_alive() for other in others)
    # Another login is not held up.
    assert hosts.password("d", "admin") == "correct horse"
    slow.end()
    for other in others:
        other.join(60)
    assert hosts.asked == ["d"]


def test_after_an_interruption_who_waited_for_another_host_tries_nothing() -> None:
    hosts, interrupted = Hosts(SudoPasswords("correct horse")), threading.Event()
    slow = Slow(hosts.passwords)
    errors: list[str] = []

    def check() -> None:
        if interrupted.is_set():
            raise HostUnreachable("interrupted")

    def wait(name: str) -> None:
        try:
            hosts.password(name, check=check)
        except HostUnreachable as error:
            errors.append(str(error))

    others = [threading.Thread(target=wait, args=(name,)) for name in "bc"]
    for other in others:
        other.start()
    interrupted.set()
    slow.lose_connection()
    for other in others:
        other.join(60)
    assert (hosts.asked, errors) == ([], ["interrupted"] * 2)


def test_nothing_is_tried_when_all_is_to_end() -> None:
    hosts = Hosts(SudoPasswords("correct horse"))
    with pytest.raises(HostUnreachable, match="interrupted"):
        hosts.password("a", check=ended)
    assert hosts.asked == []


def test_who_types_nothing_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True, types=None)
    hosts = Hosts(SudoPasswords(None), quiet=keyboard.quiet)
    for name in ("ntp1", "ntp2"):
        with pytest.raises(HostUnreachable, match=f"^{name}: no password of ntp was entered$"):
            hosts.password(name)
    assert len(keyboard.prompts) == 1
    assert hosts.asked == []


AT_A_TERMINAL = """
import sys, threading
from provision.common.errors import HostUnreachable
from provision.host.sudo import typed

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
        # With a terminal of its own, as a user has: the password is read from /dev/tty.
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
    pytest.param(b"correct horse\x04", "typed True\n", id="Ctrl-D behind a password, which ends it"),
    pytest.param(b"corrext\x7f\x7fct horse\n", "typed True\n", id="a correction"),
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


def test_of_a_half_typed_password_nothing_stays_for_the_next_program(terminal: tuple[int, int]) -> None:
    keyboard, screen = terminal
    process = at_a_terminal(screen, "end")
    os.write(keyboard, b"correct")
    assert process.communicate(timeout=60)[0] == "interrupted\n"
    os.write(keyboard, b"ls\n")
    assert os.read(screen, 100) == b"ls\n"
