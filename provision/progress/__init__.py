"""What the operator sees while it happens: on one host, and on many at once."""

from contextlib import AbstractContextManager
from typing import Protocol

from provision.converge import Outcome
from provision.findings import Finding
from provision.report import Report


class Progress(Protocol):
    """Where a run tells what it does."""

    def opening(self, name: str) -> None:
        """Tell which host it is about."""

    def say(self, text: str) -> None:
        """Tell something for good."""

    def begin(self, title: str) -> None:
        """Tell that a step is being applied."""

    def line(self, text: str) -> None:
        """Show a line of a command's output."""

    def outcome(self, outcome: Outcome) -> None:
        """Tell how a step has ended."""

    def finding(self, finding: Finding) -> None:
        """Tell what was found."""

    def ending(self, report: Report) -> None:
        """Tell how it has ended, or where it is held."""

    def quiet(self) -> AbstractContextManager[None]:
        """Keep still meanwhile: somebody is asked at the terminal."""
