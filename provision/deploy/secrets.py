"""Hold the secrets of one command line in one value, which is passed to the functions that need them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from provision.host.sudo import PASSWORD_VARIABLE, SudoPasswords
from provision.keys.reader import KeyReader


@dataclass(frozen=True, slots=True)
class Secrets:
    """The operator's keys, and the passwords of sudo."""

    keys: KeyReader
    passwords: SudoPasswords


@contextmanager
def secrets_of_command_line() -> Iterator[Secrets]:
    """Yield the secrets of a command line; within the context, the environment has no password for child processes.

    Afterwards it has the password again, for a process that runs several command lines.
    """
    password = os.environ.pop(PASSWORD_VARIABLE, None)
    try:
        yield Secrets(KeyReader(), SudoPasswords(password))
    finally:
        if password is not None:
            os.environ[PASSWORD_VARIABLE] = password
