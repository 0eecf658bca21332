"""Show the progress on one host: each outcome and, on a terminal, the running step."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from provision.common.results import Finding, Outcome, Status
from provision.common.text import on_one_line, shown
from provision.output.progress.live import Live
from provision.output.report import Report
from provision.output.report_text import WIDTH, ending_text, finding_text, outcome_text

LINE_WIDTH = 100


class Lines:
    """Print lines; on a terminal, below them a live line with the step, its time and its last output."""

    def __init__(self, *, shows_steps: bool = True) -> None:
        """``shows_steps``: print steps, findings and the end of a run; a plan is printed whole when it is complete."""
        self._shows_steps = shows_steps
        self._title = ""
        self._begun = 0.0
        self._words = ""
        self._live: Live | None = None
        self._terminal = sys.stdout.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def opening(self, name: str) -> None:
        """Print the name of the host."""
        if self._shows_steps:
            self.say(name)

    def say(self, text: str) -> None:
        """Print a line."""
        self._stop()
        print(shown(text), flush=True)

    def detail(self, text: str) -> None:
        """Print lines about the host."""
        if self._shows_steps:
            self.say(text)

    def begin(self, title: str) -> None:
        """Show the step that is being applied: in the live line or, without a terminal, as a line of its own."""
        self._title, self._begun = title, time.monotonic()
        if self._terminal:
            self._update("")
        elif self._shows_steps:
            self.say(f"  {'begun':<{WIDTH}}  {title}")

    def line(self, text: str) -> None:
        """Show a line of a command's output; without a terminal, it goes to the log only."""
        if self._terminal and text.strip():
            self._update(text.strip())

    def outcome(self, outcome: Outcome) -> None:
        """Print the outcome of a step and the time that it took."""
        if not self._shows_steps:
            return
        text = outcome_text(outcome)
        if outcome.status is Status.CHANGED:
            text += f"  {time.monotonic() - self._begun:.1f} s"
        self.say(text)

    def finding(self, finding: Finding) -> None:
        """Print the finding of a check."""
        if self._shows_steps:
            self.say(finding_text(finding))

    def ending(self, report: Report) -> None:
        """Print the result of the run; nothing for a run that waits at a gate."""
        self._stop()
        if report.stopped_at is None and self._shows_steps:
            self.say(ending_text(report))

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Hide the live line; it returns with the next output."""
        self._stop()
        yield

    def __rich__(self) -> str:
        """Return the live line. Rich calls this several times a second, so that the elapsed time is updated."""
        words = on_one_line(self._words[:LINE_WIDTH])
        if not self._title:
            return words[:LINE_WIDTH]
        elapsed = int(time.monotonic() - self._begun)
        return f"{on_one_line(self._title)} · {elapsed} s · {words}"[:LINE_WIDTH]

    def _update(self, words: str) -> None:
        self._words = words
        if self._live is None:
            self._live = _status(self)
            self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _status(line: Lines) -> Live:
    # Rich is slow to import, and a run that changes nothing does not need it.
    from rich.console import Console  # noqa: PLC0415
    from rich.status import Status as RichStatus  # noqa: PLC0415

    # Output of compilers may contain brackets, which are not Rich's markup.
    return RichStatus(line, console=Console(markup=False, highlight=False))
