"""Show the progress on many hosts: changes and failures and, on a terminal, a table of the running steps."""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from provision.common.results import Finding, Outcome, Status
from provision.common.text import on_one_line, shown
from provision.host.target import Target
from provision.output.progress.live import Live, hidden
from provision.output.report import Report
from provision.output.report_text import ending_lines, finding_text, outcome_text

if TYPE_CHECKING:
    from rich.table import Table

LEAST_ROWS = 3
OTHER_LINES = 3
"""Lines of the terminal that are not rows of hosts: the counts, the cursor, and one spare line."""


class _Live(Live, Protocol):
    """The part of ``rich.live.Live`` that is used here."""

    @property
    def console(self) -> Any: ...


class Board:
    """Print lines that begin with the name of their host; on a terminal, above a table of the running hosts."""

    def __init__(
        self, hosts: Sequence[Target], counts: Callable[[], Mapping[str, int]], *, shows_steps: bool = True
    ) -> None:
        """``shows_steps``: see Lines."""
        self.shows_steps = shows_steps
        self._width = max(len(str(host)) for host in hosts)
        self._counts = counts
        self._lock = threading.Lock()
        self._rows: dict[Target, Row] = {}
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

    def row(self, host: Target) -> "Row":
        """Return the progress of one host."""
        return Row(host, self)

    def print(self, host: Target, text: str) -> None:
        """Print the lines of a host without lines of other hosts between them."""
        with self._lock:
            lines = "\n".join(f"{host!s:<{self._width}}  {line}" for line in shown(text).splitlines())
            if self._live is not None:
                self._live.console.print(lines, soft_wrap=True)
            else:
                print(lines, flush=True)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Hide the table and print nothing within the context."""
        with self._lock, hidden(self._live):
            yield

    def show(self, row: "Row") -> None:
        """Show a row in the table."""
        self._rows[row.host] = row

    def hide(self, row: "Row") -> None:
        """Remove a row from the table."""
        self._rows.pop(row.host, None)

    def __rich__(self) -> "Table":
        """Return the table. Rich calls this several times a second, so that the elapsed time is updated."""
        from rich.table import Table  # noqa: PLC0415 -- slow to import, and for terminals only

        table = Table.grid(padding=(0, 2))
        rows = list(self._rows.values())
        height = 0
        if self._live is not None:
            height = self._live.console.size.height
        for row in rows[: max(LEAST_ROWS, height - OTHER_LINES)]:
            table.add_row(str(row.host), f"{int(time.monotonic() - row.begun)} s", on_one_line(row.title), row.words)
        table.add_row(", ".join(f"{count} {state}" for state, count in self._counts().items() if count))
        return table


class Row:
    """The progress of one host: changes and failed findings are printed, all else is only shown in the table."""

    def __init__(self, host: Target, board: Board) -> None:
        self.host = host
        self.title = "connecting"
        self.words = ""
        self.begun = time.monotonic()
        self._board = board
        board.show(self)

    def opening(self, name: str) -> None:
        """Do nothing: each line begins with the name."""

    def say(self, text: str) -> None:
        """Print a line."""
        self._board.print(self.host, text)

    def detail(self, text: str) -> None:
        """Do nothing: the table at the end has a line for each host."""

    def begin(self, title: str) -> None:
        """Show the step that is being applied."""
        self.title, self.words, self.begun = title, "", time.monotonic()

    def line(self, text: str) -> None:
        """Show a line of a command's output."""
        self.words = on_one_line(text.strip()[:60])[:60]

    def outcome(self, outcome: Outcome) -> None:
        """Print the outcome of a step that changed something, or would change it."""
        if outcome.status is Status.UNCHANGED or not self._board.shows_steps:
            return
        text = outcome_text(outcome).strip()
        if outcome.status is Status.CHANGED:
            text += f"  {time.monotonic() - self.begun:.1f} s"
        self.say(text)

    def finding(self, finding: Finding) -> None:
        """Print a finding that does not hold; the report has all findings."""
        if finding.holds is False and self._board.shows_steps:
            self.say(finding_text(finding).strip())

    def quiet(self) -> AbstractContextManager[None]:
        """Hide the table of all hosts and print nothing within the context."""
        return self._board.quiet()

    def ending(self, report: Report) -> None:
        """Print the result of the run; for a run that waits at a gate, only the counts change."""
        self._board.hide(self)
        if report.stopped_at is None and self._board.shows_steps:
            self.say("\n".join(ending_lines(report)))


def _live(board: Board) -> _Live:
    # Rich is slow to import.
    from rich.console import Console  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415

    # Output of compilers may contain brackets, which are not Rich's markup.
    console = Console(markup=False, highlight=False, emoji=False)
    return Live(get_renderable=board.__rich__, console=console, refresh_per_second=4, transient=True)
