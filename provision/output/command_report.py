"""The report of a command: the reports on its hosts, and its own exit status and error. Pure."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from provision.common.errors import INTERRUPTED, ProvisionError, os_error_text
from provision.common.text import on_one_line
from provision.output.report import Report, exit_status
from provision.output.trace import Trace

NOT_ENDED = "the command has not ended: it still runs, or it was killed"


@dataclass(slots=True, kw_only=True)
class CommandReport:
    """The results of a command, which each format of the report shows."""

    command: str
    """The task, such as ``deploy``."""
    site: Path | None
    """The site file; None: there is none."""
    began: datetime
    hosts: list[Report] = field(default_factory=list)
    summary: str = ""
    """The text about all hosts that is printed at the end: the plan, or the summary of several hosts."""
    trace: Trace | None = None
    """The path of the time to a host; None if the task is not ``trace``."""
    exit_status: int | None = None
    """None until the command ends; so it stays if the command is killed."""
    error: str | None = None
    """The reason why the whole command ended early; None if it did not."""

    def conclude(self, error: BaseException | None) -> None:
        """Take the exit status of the hosts or, if the command ends with an error, that of the error and its text."""
        self.exit_status = exit_status(self.hosts)
        if isinstance(error, ProvisionError):
            self.error = on_one_line(str(error))
            self.exit_status = error.exit_status
        elif isinstance(error, KeyboardInterrupt):
            self.error = "interrupted"
            self.exit_status = INTERRUPTED
        elif isinstance(error, OSError):
            self.error = on_one_line(os_error_text(error))
            self.exit_status = 1
        elif error is not None:
            self.error = f"internal error: {type(error).__name__}"
            self.exit_status = 1


def utc(time: datetime) -> str:
    """Return a time as RFC 3339 has it, such as ``2026-11-27T19:02:17Z``."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
