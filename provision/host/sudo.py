"""Obtain the password of sudo from the environment or the terminal, and try it on one host before all others."""

import locale
import os
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from io import FileIO
from typing import NoReturn

from provision.common.errors import HostUnreachable, PasswordRefused
from provision.common.text import on_one_line

PASSWORD_VARIABLE = "CHRONY_PROVISION_SUDO_PASSWORD"  # noqa: S105 -- a name, not a password
MOST_REFUSALS = 2
"""Refusals after which a password is not tried any more. More than one, for a single host may have a different one."""
CHECK_SECONDS = 0.2
LONGEST_LINE = 4096
"""Bytes that a terminal keeps of a line."""

Check = Callable[[], None]
"""Raises HostUnreachable if the run is cancelled."""
Quiet = Callable[[], AbstractContextManager[None]]
"""Returns a context in which nothing but a prompt is written to the terminal, and in which one thread is at a time."""


@dataclass(slots=True)
class _Login:
    """The password of a login, and its results on the hosts so far."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    asked: bool = False
    typed: str | None = field(default=None, repr=False)
    accepted: bool = False
    refused_by: list[str] = field(default_factory=list)


class SudoPasswords:
    """The passwords of one command line: one that was given for all logins, or one that is typed for each login.

    Hosts use it at the same time, each in a thread. No ``repr`` shows a password, and it cannot be pickled.
    """

    def __init__(self, given: str | None, *, cannot_ask: str = "") -> None:
        """Ask for passwords at the terminal if none is given; ``cannot_ask`` says why that is impossible."""
        self.given = given
        self._cannot_ask = cannot_ask
        self._logins: dict[str, _Login] = {}

    def accepted(self, name: str, login: str, attempt: Callable[[str], None], *, quiet: Quiet, check: Check) -> str:
        """Return the password of a login on the host of that name.

        Until a host has accepted it, ``attempt`` tries it, on one host at a time: a typing error must not lock the
        account everywhere. Raises HostUnreachable; PasswordRefused if ``attempt`` does, or if other hosts have refused
        the password.
        """
        known = self._logins.setdefault(login, _Login())
        # After an interruption, whoever holds the lock lets go of it at once: the prompt ends, or the connection.
        with known.lock:
            check()
            password = self._password(known, name, login, quiet, check)
            if known.accepted:
                return password
            if len(known.refused_by) == MOST_REFUSALS:
                hosts = " and ".join(known.refused_by)
                raise PasswordRefused(f"{name}: the sudo password of {login} was not tried here: {hosts} refused it")
            try:
                attempt(password)
            except PasswordRefused:
                known.refused_by.append(name)
                raise
            known.accepted = True
            return password

    def _password(self, known: _Login, name: str, login: str, quiet: Quiet, check: Check) -> str:
        """Return the password that was given or typed, or ask for it. Raises HostUnreachable."""
        if self.given is not None:
            return self.given
        if obstacle := self._cannot_ask or _no_terminal():
            raise HostUnreachable(
                f"{name}: sudo asks {login} for a password, and {obstacle}: "
                f"set {PASSWORD_VARIABLE}, or allow {login} sudo without a password"
            )
        if not known.asked:
            with quiet():
                known.typed = typed(f"sudo password of {login}: ", check)
            known.asked = True
        if known.typed is None:
            raise HostUnreachable(f"{name}: no password of {login} was entered")
        return known.typed

    def __reduce__(self) -> NoReturn:
        raise TypeError("the passwords of a command are not pickled; a worker gets one, encrypted")


def _no_terminal() -> str:
    """Return why nobody can be asked for a password; empty if somebody can."""
    if sys.stdin is not None and sys.stdin.isatty():
        return ""
    return "there is no terminal to ask at"


def typed(prompt: str, check: Check) -> str | None:
    """Read a line from the terminal without echo; None if it could not be read. Raises the exceptions of ``check``.

    getpass would block until a line arrives, and Ctrl-C interrupts only the main thread.
    """
    try:
        with _terminal_without_echo() as terminal:
            terminal.write(on_one_line(prompt).encode())
            while (line := terminal.read(LONGEST_LINE)) is None:
                check()
                time.sleep(CHECK_SECONDS)
        if not line:
            return None  # Ctrl-D
        return line.decode(locale.getencoding()).removesuffix("\n")
    except (OSError, UnicodeDecodeError, termios.error):
        # There is no terminal, it was closed, or a character is of another encoding.
        return None


@contextmanager
def _terminal_without_echo() -> Iterator[FileIO]:
    """Yield the terminal; a read returns None until there is a line."""
    with FileIO(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK), "r+") as terminal:
        before, silent = termios.tcgetattr(terminal), termios.tcgetattr(terminal)
        silent[3] &= ~termios.ECHO
        try:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
            yield terminal
        finally:
            with suppress(OSError, termios.error):
                # Discard a half-typed password: the next program would read it.
                termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
                terminal.write(b"\n")
