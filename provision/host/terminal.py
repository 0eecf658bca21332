"""Read a line from the terminal without echo, in any thread, until the run is cancelled."""

import locale
import os
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO

from provision.common.text import on_one_line

CHECK_SECONDS = 0.2
LONGEST_LINE = 4096
"""Bytes that a terminal keeps of a line."""

Check = Callable[[], None]
"""Raises HostUnreachable if the run is cancelled."""


def read_without_echo(prompt: str, check: Check) -> str | None:
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
