"""Show the states of many hosts: once, or on a terminal that is drawn anew while they are watched."""

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from provision.common.text import shown
from provision.output.progress.live import hidden
from provision.output.report import Report
from provision.output.status_table import status_lines

HEADING = "{time} UTC, every {seconds} s; Ctrl-C ends"


def print_status(reports: Sequence[Report]) -> None:
    """Print the table; on a terminal, hosts that are not ok have a colour."""
    if not sys.stdout.isatty():
        print(_plain(reports), flush=True)
        return
    _console().print(_coloured(reports), soft_wrap=True)


class StatusBoard:
    """Show a table again and again: on a terminal in place of the one before, otherwise below it."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._live: Any = None

    def __enter__(self) -> Self:
        if sys.stdout.isatty():
            from rich.live import Live  # noqa: PLC0415 -- slow to import, and for terminals only

            console = _console()
            # Rich draws nothing on a terminal without a cursor (TERM=dumb) until the end.
            if not console.is_dumb_terminal:
                self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
                self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, reports: Sequence[Report]) -> None:
        """Show the states that are known now."""
        heading = HEADING.format(time=time.strftime("%H:%M:%S", time.gmtime()), seconds=self._seconds)
        with self._lock:
            if self._live is None:
                print(f"{heading}\n{_plain(reports)}", flush=True)
            else:
                width = self._live.console.width
                self._live.update(_coloured(reports, heading, width), refresh=True)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Draw nothing within the context, where one thread is at a time: a prompt waits for input."""
        with self._lock, hidden(self._live):
            yield


def _plain(reports: Sequence[Report]) -> str:
    return "\n".join(shown(text) for text, _ in status_lines(reports))


def _coloured(  # a text of Rich, which is slow to import
    reports: Sequence[Report], heading: str = "", width: int | None = None
) -> Any:
    from rich.text import Text  # noqa: PLC0415

    lines = [Text(shown(text), style=style) for text, style in status_lines(reports, width)]
    if heading:
        lines.insert(0, Text(heading))
    return Text("\n", overflow="fold").join(lines)


def _console() -> Any:
    from rich.console import Console  # noqa: PLC0415 -- slow to import

    return Console(markup=False, highlight=False, emoji=False)
