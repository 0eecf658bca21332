"""Define a job: an operation on one host, and how far it may go."""

from dataclasses import dataclass, replace
from pathlib import Path

from provision.common.results import Gate
from provision.deploy.run import Operation
from provision.host.target import Target
from provision.output.log import Log
from provision.output.report import Report
from provision.site.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An operation on a host, and the gates that are open to it."""

    target: Target
    settings: Settings
    operation: Operation
    open: frozenset[Gate] = frozenset(Gate)
    plans: bool = False
    """The operation changes nothing, so that a host which passes the build gate makes no artifact."""
    compiled_on: str = ""
    """See Run."""
    report: Report | None = None
    """The report of the part before the gate at which the run stopped."""

    @property
    def so_far(self) -> Report:
        """Return the report to continue, or a new one."""
        report = self.report or Report(host=self.target)
        return replace(report, stopped_at=None)

    @property
    def unfit(self) -> str:
        """Return the name of the build that has to be compiled on this host even if the store has it; empty if none."""
        if self.report is None or self.report.stopped_at is None or not self.report.stopped_at.unfit:
            return ""
        return self.report.stopped_at.need

    def open_log(self) -> Log:
        """Return the log file to continue, or a new one."""
        path = None
        if self.report is not None and self.report.log is not None:
            path = Path(self.report.log)
        return Log(str(self.target), path=path)


def left_alone(job: Job, why: str) -> Report:
    """Return the report on a host that was not begun, or not completed."""
    report = job.report or Report(host=job.target)
    return replace(report, stopped_at=None, error=f"left alone: {why}", tried=report.may_have_changed)
