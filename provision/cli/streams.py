"""Prepare standard streams that a caller closes, fills or leaves, and end a command whose output nobody takes."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from invoke.exceptions import Exit

from provision.common.errors import NOBODY_READS


def prepare() -> None:
    """Open closed streams, let standard error take everything, and write any character. A second call is allowed."""
    _open_closed()
    if sys.__stderr__ is not None and sys.stderr is sys.__stderr__:
        sys.stderr = _lossy(sys.__stderr__)
    _write_any_character()


@contextmanager
def flushing() -> Iterator[None]:
    """Write what standard output has buffered. Python would do it later, and print a traceback if it fails."""
    try:
        yield
    finally:
        sys.stdout.flush()


def unread() -> Exit:
    """Return the end of a command whose output nobody reads, as in ``inv keys | head``."""
    discard(sys.stdout)
    return Exit(code=NOBODY_READS)


def discard(stream: TextIO) -> None:
    """Send the rest of a stream to /dev/null: Python flushes it at its end, which must not fail again."""
    _to_null(stream.fileno())


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
    """Write to a file; after the first error, to /dev/null."""

    def write(self, data: Any, /) -> int:
        """Write bytes, and return how many were taken."""
        try:
            return super().write(data)
        except OSError:
            _to_null(self.fileno())
            return super().write(data)


def _lossy(stream: TextIO) -> TextIO:
    """Return standard error as a stream that never fails.

    A message that nobody can see must neither cut off the work on a host nor change the exit status; Python would end
    with status 120 if the last of it cannot be written.
    """
    raw = _Lossy(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding=stream.encoding, errors=stream.errors, line_buffering=True)


def _write_any_character() -> None:
    """Write a character that the terminal's encoding lacks as an escape, in place of a UnicodeEncodeError."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
