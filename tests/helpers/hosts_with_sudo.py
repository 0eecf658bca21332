"""Hosts whose sudo asks for a password, and the keyboard of a person who types it."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest

from provision.common.errors import HostUnreachable, PasswordRefused
from provision.host import sudo
from provision.host.sudo import Quiet, SudoPasswords
from provision.host.terminal import Check


def going_on() -> None:
    """Do nothing: the command is not interrupted."""


def ended() -> None:
    """Say that the command is interrupted."""
    raise HostUnreachable("interrupted")


class Keyboard:
    """Somebody at a terminal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, there: bool, types: str | None = "correct horse") -> None:
        self._types = types
        self.prompts: list[str] = []
        self.is_quiet = False
        monkeypatch.setattr("sys.stdin", self)
        monkeypatch.setattr(sudo, "read_without_echo", self.type)
        self._there = there

    def isatty(self) -> bool:
        return self._there

    @contextmanager
    def quiet(self) -> Iterator[None]:
        self.is_quiet = True
        yield
        self.is_quiet = False

    def type(self, prompt: str, _: Check) -> str | None:
        assert self.is_quiet
        self.prompts.append(prompt)
        return self._types


class Hosts:
    """Hosts whose sudo accepts the password, or refuses it."""

    def __init__(self, passwords: SudoPasswords, *refusing: str, quiet: Quiet = nullcontext) -> None:
        self.refusing = refusing
        self.passwords = passwords
        self.quiet = quiet
        self.asked: list[str] = []
        self.received: list[str] = []

    def password(self, name: str, login: str = "ntp", check: Check = going_on) -> str:
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


def quiet_is_over(quiet: Quiet) -> bool:
    """Return whether the progress of other hosts is shown again."""
    keyboard = getattr(quiet, "__self__", None)
    return keyboard is None or not keyboard.is_quiet
