"""Show no progress of a host: its state is shown in a table alone."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from provision.common.results import Finding, Outcome
from provision.output.report import Report


@dataclass(frozen=True, slots=True)
class Silent:
    """Ignore the events of a run on one host."""

    quiet: Callable[[], AbstractContextManager[None]]
    """Returns a context in which the table is not drawn, for a prompt."""

    def opening(self, name: str) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Show nothing."""

    def detail(self, text: str) -> None:
        """Show nothing."""

    def begin(self, title: str) -> None:
        """Show nothing."""

    def line(self, text: str) -> None:
        """Show nothing."""

    def outcome(self, outcome: Outcome) -> None:
        """Show nothing."""

    def finding(self, finding: Finding) -> None:
        """Show nothing."""

    def ending(self, report: Report) -> None:
        """Show nothing."""
