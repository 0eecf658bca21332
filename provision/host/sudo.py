"""Get the password of sudo from the environment or the terminal, and try it on one host before all others."""

import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NoReturn

from provision.common.errors import HostUnreachable, PasswordRefused
from provision.host.terminal import Check, read_without_echo

PASSWORD_VARIABLE = "CHRONY_PROVISION_SUDO_PASSWORD"  # noqa: S105 -- a name, not a password
MOST_REFUSALS = 2
"""Refusals after which a password is not tried any more. More than one, for a single host may have a different one."""

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
                known.typed = read_without_echo(f"sudo password of {login}: ", check)
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
