"""What the operator sees of many hosts: what has changed or failed and, on a terminal, who is at what."""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from provision.converge import Outcome, Status
from provision.findings import Finding
from provision.report import Report, diff_text, ending_lines, finding_text, outcome_text

if TYPE_CHECKING:
    from rich.table import Table

LEAST_ROWS = 3
OTHER_LINES = 3
"""Of a terminal, beside the rows: the counts, the cursor, and one to spare."""


class _Live(Protocol):
    """What we use of ``rich.live.Live``."""

    @property
    def console(self) -> Any: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


class Board:
    """Prints lines that begin with their host; on a terminal, with a table of those that run below them."""

    def __init__(self, names: Sequence[str], counts: Callable[[], Mapping[str, int]]) -> None:
        self._width = max(map(len, names))
        self._counts = counts
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}
        self._live: _Live | None = None

    def __enter__(self) -> Self:
        if sys.stdout.isatty():
            self._live = _live(self)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def row(self, name: str) -> "Row":
        """Return where a run on a host tells what it does."""
        return Row(name, self)

    def print(self, name: str, text: str) -> None:
        """Print lines of a host, together."""
        with self._lock, suppress(BrokenPipeError):
            lines = "\n".join(f"{name:<{self._width}}  {line}" for line in text.splitlines())
            if self._live is not None:
                self._live.console.print(lines, soft_wrap=True)
            else:
                print(lines, flush=True)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Take the table away meanwhile, and print nothing."""
        with self._lock:
            live = self._live
            if live is not None:
                live.stop()
            try:
                yield
            finally:
                if live is not None:
                    live.start()

    def show(self, row: "Row") -> None:
        """Show a row in the table."""
        self._rows[row.name] = row

    def hide(self, row: "Row") -> None:
        """Show it no more."""
        self._rows.pop(row.name, None)

    def __rich__(self) -> "Table":
        """Return the table; Rich asks several times a second, so the time goes on when no words come."""
        from rich.table import Table  # noqa: PLC0415 -- slow to import, and for terminals only

        table = Table.grid(padding=(0, 2))
        rows = list(self._rows.values())
        height = self._live.console.size.height if self._live else 0
        for row in rows[: max(LEAST_ROWS, height - OTHER_LINES)]:
            table.add_row(row.name, f"{int(time.monotonic() - row.begun)} s", row.title, row.words)
        table.add_row(", ".join(f"{count} {state}" for state, count in self._counts().items() if count))
        return table


class Row:
    """One host on the board: what changes and what does not hold is printed, the rest only shown while it happens."""

    def __init__(self, name: str, board: Board) -> None:
        self.name = name
        self.title = "connecting"
        self.words = ""
        self.begun = time.monotonic()
        self._board = board
        board.show(self)

    def opening(self, name: str) -> None:
        """Do nothing: each line has the name."""

    def say(self, text: str) -> None:
        """Print something for good."""
        self._board.print(self.name, text)

    def begin(self, title: str) -> None:
        """Show the step that is being applied."""
        self.title, self.words, self.begun = title, "", time.monotonic()

    def line(self, text: str) -> None:
        """Show a line of a command's output."""
        self.words = text.strip()[:60]

    def outcome(self, outcome: Outcome) -> None:
        """Print what was changed, or would be."""
        if outcome.status is Status.UNCHANGED:
            return
        took = f"  {time.monotonic() - self.begun:.1f} s" if outcome.status is Status.CHANGED else ""
        self.say(outcome_text(outcome).strip() + took)
        if outcome.status is Status.PENDING and outcome.diff:
            self.say(diff_text(outcome))

    def finding(self, finding: Finding) -> None:
        """Print what does not hold; all findings are in the report."""
        if finding.holds is False:
            self.say(finding_text(finding).strip())

    def quiet(self) -> AbstractContextManager[None]:
        """Keep the whole board still."""
        return self._board.quiet()

    def ending(self, report: Report) -> None:
        """Print how it has ended; what a run is held for shows in the counts."""
        self._board.hide(self)
        if report.held is None:
            self.say("\n".join(ending_lines(report)))


def _live(board: Board) -> _Live:
    # Rich is slow to import.
    from rich.console import Console  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415

    # Output of compilers is no markup.
    console = Console(markup=False, highlight=False, emoji=False)
    return Live(get_renderable=board.__rich__, console=console, refresh_per_second=4, transient=True)
