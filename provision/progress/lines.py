"""What the operator sees while it happens on one host: outcomes as they come and, on a terminal, the step that runs."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Protocol, Self

from provision.converge import Outcome, Status
from provision.findings import Finding
from provision.report import Report, diff_text, ending_text, finding_text, outcome_text

LINE_WIDTH = 100


class _Live(Protocol):
    """What we use of ``rich.status.Status``."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


class Lines:
    """Prints lines; between them, on a terminal only, one live line with the step, its time and its last words."""

    def __init__(self) -> None:
        self._title = ""
        self._begun = 0.0
        self._words = ""
        self._live: _Live | None = None
        self._terminal = sys.stdout.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def opening(self, name: str) -> None:
        """Print the name of the host."""
        self.say(name)

    def say(self, text: str) -> None:
        """Print a line for good."""
        self._stop()
        with suppress(BrokenPipeError):
            print(text, flush=True)

    def begin(self, title: str) -> None:
        """Tell that a step is being applied."""
        self._title, self._begun = title, time.monotonic()
        if self._terminal:
            self._update("")
        else:
            self.say(f"  {'begun':<9}  {title}")

    def line(self, text: str) -> None:
        """Show a line of output; without a terminal it is only in the log."""
        if self._terminal and text.strip():
            self._update(text.strip())

    def outcome(self, outcome: Outcome) -> None:
        """Print how a step ended, and how long it took."""
        took = f"  {time.monotonic() - self._begun:.1f} s" if outcome.status is Status.CHANGED else ""
        self.say(outcome_text(outcome) + took)
        if outcome.status is Status.PENDING and outcome.diff:
            self.say(diff_text(outcome))

    def finding(self, finding: Finding) -> None:
        """Print what was found."""
        self.say(finding_text(finding))

    def ending(self, report: Report) -> None:
        """Print how it has ended; a run that is held goes on."""
        if report.held is None:
            self.say(ending_text(report))

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Take the live line away; it comes back with the next words."""
        self._stop()
        yield

    def __rich__(self) -> str:
        """Return the live line; Rich asks several times a second, so the time goes on when no words come."""
        elapsed = int(time.monotonic() - self._begun)
        return f"{self._title} · {elapsed} s · {self._words}"[:LINE_WIDTH] if self._title else self._words[:LINE_WIDTH]

    def _update(self, words: str) -> None:
        self._words = words
        if self._live is None:
            self._live = _status(self)
            self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _status(line: Lines) -> _Live:
    # Rich is slow to import: a run that changes nothing does without.
    from rich.console import Console  # noqa: PLC0415
    from rich.status import Status as RichStatus  # noqa: PLC0415

    # Output of compilers is no markup.
    return RichStatus(line, console=Console(markup=False, highlight=False))
