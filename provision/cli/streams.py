"""Prepare standard streams that a caller closes, fills or leaves, and end a command whose output nobody takes.

Printing never fails, for it must not cut off the work on a host. The first error of standard output is raised at the
end of the command.
"""

import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from invoke.exceptions import Exit

from provision.common.errors import NotRecorded, OutputUnread

STANDARD_OUTPUT = 1
"""Its descriptor."""
_errors: dict[int, OSError] = {}
"""Descriptor of a standard stream → its first error."""


def prepare() -> None:
    """Open closed streams, let them take everything, and write any character. A second call is allowed."""
    _open_closed()
    if sys.__stdout__ is not None and sys.stdout is sys.__stdout__:
        sys.stdout = _lossy(sys.__stdout__)
    if sys.__stderr__ is not None and sys.stderr is sys.__stderr__:
        sys.stderr = _lossy(sys.__stderr__)
    _write_any_character()


@contextmanager
def checking() -> Iterator[None]:
    """Write what standard output has buffered, and raise its error, unless the command ends with an error anyway."""
    try:
        yield
    except Exit as end:
        if not end.message:
            check()
        raise
    finally:
        sys.stdout.flush()
    check()


def check() -> None:
    """Raise the first error that standard output has had since the last call, as NotRecorded or OutputUnread."""
    sys.stdout.flush()
    error = _errors.pop(STANDARD_OUTPUT, None)
    if isinstance(error, BrokenPipeError):
        raise OutputUnread("nobody reads the output") from error
    if error is not None:
        raise NotRecorded(f"standard output: {error.strerror}") from error


def _to_null(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def _open_closed() -> None:
    """Send a standard stream that the caller has closed to /dev/null.

    Python has None in its place. The next file or connection that is opened would get its number, and with it
    the output of a child process that writes to standard output or standard error.
    """
    # In this order, for open(2) returns the lowest number that is free.
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY))
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


class _Lossy(io.FileIO):
    """Write to a file; after the first error, which is noted, to /dev/null."""

    def write(self, data: Any, /) -> int:
        """Write bytes, and return how many were taken."""
        try:
            return self._wait_and_write(data)
        except OSError as error:
            _errors.setdefault(self.fileno(), error)
            _to_null(self.fileno())
            return super().write(data)

    def _wait_and_write(self, data: Any) -> int:
        # FileIO returns None where the caller has made the stream non-blocking and it takes nothing at the moment.
        taken: int | None = super().write(data)
        while taken is None:
            select.select([], [self], [])
            taken = super().write(data)
        return taken


def _lossy(stream: TextIO) -> TextIO:
    """Return a standard stream that never fails.

    A message that nobody can see must not cut off the work on a host, and one on standard error must not change the
    exit status either; Python would end with status 120 if the last of it cannot be written.
    """
    raw = _Lossy(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=bool(stream.line_buffering),
    )


def _write_any_character() -> None:
    """Write a character that the terminal's encoding lacks as an escape, in place of a UnicodeEncodeError."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
