"""The password of sudo: from the environment or typed, and right on one host before it is sent to others."""

import getpass
import os
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from provision.errors import HostUnreachable, PasswordRefused

PASSWORD_VARIABLE = "CHRONY_PROVISION_SUDO_PASSWORD"  # noqa: S105 -- a name, not a password
MOST_REFUSALS = 2
"""Hosts that may refuse a password that no host took: one of them may have another than the others."""
CHECK_SECONDS = 0.2

Check = Callable[[], None]
"""Raises HostUnreachable when all is to end."""


class Passwords(Protocol):
    """Knows the passwords of sudo."""

    def of(self, name: str, login: str, check: Check) -> str:
        """Return the password of a login, on the host of that name. Raises HostUnreachable."""

    def tried(self, name: str, login: str, check: Check, attempt: Callable[[], object]) -> None:
        """Have sudo take it, unless that is known to be in vain. ``attempt`` raises PasswordRefused; so does this."""


@dataclass(frozen=True, slots=True)
class Given:
    """One that came with the work, where nobody can be asked."""

    password: str | None = field(repr=False)

    def of(self, name: str, login: str, check: Check) -> str:  # noqa: ARG002 -- the protocol's
        """Return it, if there is one."""
        if self.password is None:
            raise HostUnreachable(
                f"{name}: sudo asks {login} for a password, and a worker cannot ask you: "
                f"set {PASSWORD_VARIABLE}, or allow {login} sudo without a password"
            )
        return self.password

    def tried(self, name: str, login: str, check: Check, attempt: Callable[[], object]) -> None:  # noqa: ARG002 -- as above
        """Try it: a worker knows nothing of other hosts."""
        attempt()


@dataclass(slots=True)
class _Trial:
    """What hosts have said to the password of a login."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    taken: bool = False
    refused_by: list[str] = field(default_factory=list)


class Operator:
    """The operator's own: in the environment, which serves all logins, or asked for once for each login."""

    def __init__(self) -> None:
        # Hosts come at once, and in any order.
        self._asking = threading.RLock()
        self._given: str | None = None
        self._typed: dict[str, str | None] = {}
        self._trials: dict[str, _Trial] = {}

    @property
    def given(self) -> str | None:
        """Return what the environment had; None: it had none."""
        with self._asking:
            # Out of the environment with it: what runs on this machine would inherit it.
            self._given = os.environ.pop(PASSWORD_VARIABLE, self._given)
            return self._given

    def of(self, name: str, login: str, check: Check) -> str:
        """Return what the environment had, or what was typed."""
        with self._asking:
            check()
            if (given := self.given) is not None:
                return given
            if not sys.stdin.isatty():
                raise HostUnreachable(
                    f"{name}: sudo asks {login} for a password, and there is no terminal to ask at: "
                    f"set {PASSWORD_VARIABLE}, or allow {login} sudo without a password"
                )
            if login not in self._typed:
                self._typed[login] = typed(f"sudo password of {login}: ", check)
            if (answer := self._typed[login]) is None:
                raise HostUnreachable(f"{name}: no password of {login} was typed")
            return answer

    def tried(self, name: str, login: str, check: Check, attempt: Callable[[], object]) -> None:
        """Try it on one host at a time until one has taken it: a typo must not lock an account on all of them."""
        trial = self._trials.setdefault(login, _Trial())
        if trial.taken:
            return
        with _held(trial.lock, check):
            if trial.taken:
                return
            if len(trial.refused_by) == MOST_REFUSALS:
                hosts = " and ".join(trial.refused_by)
                raise PasswordRefused(f"{name}: the sudo password of {login} was not tried here: {hosts} refused it")
            try:
                attempt()
            except PasswordRefused:
                trial.refused_by.append(name)
                raise
            trial.taken = True


@contextmanager
def _held(lock: threading.Lock, check: Check) -> Iterator[None]:
    """Hold a lock; raise what ``check`` raises, also while others hold it."""
    while not lock.acquire(timeout=CHECK_SECONDS):
        check()
    try:
        check()
        yield
    finally:
        lock.release()


OPERATOR = Operator()


def typed(prompt: str, check: Check) -> str | None:
    """Return what is typed at the terminal, unseen; None: nothing that could be read. Raises what ``check`` raises.

    Ctrl-C reaches the main thread alone, and nothing but a line ends another thread's read from a terminal: so that
    thread is left alone, and ends with us.
    """
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    answer: Future[str | None] = Future()

    def read() -> None:
        try:
            answer.set_result(getpass.getpass(prompt))
        except (EOFError, OSError, ValueError, termios.error):
            # Ctrl-D, a terminal that is gone, or a key of another encoding.
            answer.set_result(None)

    threading.Thread(target=read, daemon=True).start()
    try:
        while True:
            try:
                return answer.result(timeout=CHECK_SECONDS)
            except TimeoutError:
                check()
    finally:
        # Left in the middle of it, the terminal would go on showing nothing of what is typed.
        with suppress(termios.error):
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
