"""Show the progress of a run to the operator: on one host (``lines``), on many (``board``), or not (``silent``)."""

from contextlib import AbstractContextManager
from typing import Protocol

from provision.common.results import Finding, Outcome
from provision.output.report import Report


class Progress(Protocol):
    """Receive the events of a run on one host."""

    def opening(self, name: str) -> None:
        """Show the name of the host, at the beginning."""

    def say(self, text: str) -> None:
        """Print a line."""

    def detail(self, text: str) -> None:
        """Print lines about the host, if it is the only one; of many hosts, the command prints a table at the end."""

    def begin(self, title: str) -> None:
        """Show the step that is being applied."""

    def line(self, text: str) -> None:
        """Show a line of a command's output."""

    def outcome(self, outcome: Outcome) -> None:
        """Show the outcome of a step."""

    def finding(self, finding: Finding) -> None:
        """Show the finding of a check."""

    def ending(self, report: Report) -> None:
        """Show the end of the run; the report names a gate if the run has only stopped there."""

    def quiet(self) -> AbstractContextManager[None]:
        """Write nothing to the terminal within the context, where one thread is at a time: a prompt waits for input."""
