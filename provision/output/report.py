"""The report on a host as plain values, and the verdict that follows from it. Pure."""

from dataclasses import dataclass, field
from enum import Enum

from provision.chrony.chronyc.associations import Association
from provision.chrony.clock_log import ClockPoint, SourcePoint
from provision.common.results import Change, Finding, Loss, Outcome, Remark, Sign, Status, StoppedAt, SwitchState
from provision.host.target import Target
from provision.output.existing import ExistingTime
from provision.output.history import Event
from provision.output.key_usage import KeyUsage
from provision.output.status import HostStatus


class Verdict(Enum):
    """The result of a command on one host. Its value is the exit status of a command on this host alone."""

    OK = 0
    """No error, and no finding that does not hold."""
    FAILED = 1
    """A finding does not hold, or the run ended with an error. Before that, it sent a command that may change the host,
    or the host was asked and its answer is the error."""
    NOT_TRIED = 2
    """The run ended before it sent a command that may change the host, and the error is none of the host: it could not
    be reached, another run has locked it, or a file or setting on this machine is wrong."""
    WOULD_CHANGE = 3
    """A dry run found something to change."""


SWITCHING = {"active", "process-as-unit", "daemon-unaltered"}
"""The ids of the steps that a rollback of the host takes back."""

BY_URGENCY = (Verdict.FAILED, Verdict.NOT_TRIED, Verdict.WOULD_CHANGE)
"""Of the verdicts on several hosts, the first of these decides the exit status. A plan is incomplete if a host was not
tried: its exit status is not 3, because nobody may approve it as if it were complete."""

WORDS = {
    Verdict.OK: "ok",
    Verdict.FAILED: "FAILED",
    Verdict.NOT_TRIED: "not tried",
    Verdict.WOULD_CHANGE: "would change",
}
"""The verdicts as the operator reads them."""


@dataclass(slots=True, kw_only=True)
class Report:
    """The results of a run on one host: outcomes of steps, findings of checks, notes and the error, if any."""

    host: Target
    address: str = ""
    """The address to which this machine sends NTP requests."""
    platform: str = ""
    os_like: tuple[str, ...] = ()
    """``ID_LIKE`` of os-release(5): the distributions from which the host's one is derived, the closest first."""
    role: str = ""
    """``server`` or ``client``, by the site, or of ``status`` by the host; empty for an operation that does not need to
    know."""
    outcomes: list[Outcome] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    sources: tuple[Association, ...] | None = None
    """The time sources of the host's chronyd and their state; None if they are not known."""
    status: HostStatus | None = None
    """The state of chronyd, its clock and its sources; None if it was not asked for."""
    existing: ExistingTime | None = None
    """The time services that run where nothing is deployed; None if a deployment is there, or they were not asked."""
    history: tuple[Event, ...] | None = None
    """The events of the host's history, oldest first; None if it was not asked for."""
    key_usage: KeyUsage | None = None
    """Which keys the host has answered; None if it was not asked for."""
    clock_points: tuple[ClockPoint, ...] = ()
    """The clock in the past, by the host's tracking.log, oldest first."""
    source_points: tuple[SourcePoint, ...] = ()
    """The offsets from the sources in the past, by the host's statistics.log or measurements.log, oldest first."""
    losses: tuple[Loss, ...] = ()
    """Properties of the time service that the host had before, which a first deployment removes or changes."""
    imported: tuple[Remark, ...] | None = None
    """What an import made of each line of the host's configuration; None if the command is no import."""
    answers: dict[str, str] = field(default_factory=dict, repr=False)
    """The raw answers of the host by the name of the question, without secrets; empty unless they are kept."""
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    """The reason why the run ended early; None if it did not."""
    may_have_changed: bool = False
    """Whether a command that may change the host was sent to it, also if the command failed or its end is unknown."""
    tried: bool = False
    """False if the run ended as :attr:`Verdict.NOT_TRIED` says."""
    switch: SwitchState = field(default_factory=SwitchState)
    stopped_at: StoppedAt | None = None
    """The gate at which the run waits, to be continued later."""
    log: str | None = None
    round_trips: int = 0
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Return whether the run succeeded: no error, and no finding that does not hold."""
        return self.error is None and all(finding.holds is not False for finding in self.findings)

    @property
    def verdict(self) -> Verdict:
        """Return the verdict, from which text, JSON and exit status follow."""
        if not self.ok and self.tried:
            return Verdict.FAILED
        if not self.ok:
            return Verdict.NOT_TRIED
        if self.pending:
            return Verdict.WOULD_CHANGE
        return Verdict.OK

    @property
    def word(self) -> str:
        """Return the verdict as the operator reads it."""
        return WORDS[self.verdict]

    @property
    def pending(self) -> int:
        """Return how many steps would change something; only a dry run has such steps."""
        return sum(outcome.status is Status.PENDING for outcome in self.outcomes)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return what the steps change, or would change in a dry run, and what is lost by that, in order."""
        changes = [change for outcome in self.outcomes for change in outcome.changes]
        if self.losses:
            lost = "; ".join(map(str, self.losses))
            changes.append(Change(id="lost", sign=Sign.WARNING, subject="lost", text=lost))
        return tuple(changes)

    def add(self, outcome: Outcome) -> bool:
        """Add an outcome; return whether it is news.

        A run that continues after a gate sees its first steps again, as unchanged.
        """
        for number, known in enumerate(self.outcomes):
            if known.id == outcome.id:
                is_news = known.status is Status.UNCHANGED and outcome.status is not Status.UNCHANGED
                if is_news:
                    self.outcomes[number] = outcome
                return is_news
        self.outcomes.append(outcome)
        return True

    @property
    def changed(self) -> int:
        """Return how many steps changed something that was not taken back by a rollback of the host."""
        changed = [outcome.id for outcome in self.outcomes if outcome.status is Status.CHANGED]
        if self.switch.rolled_back:
            return sum(id_ not in SWITCHING for id_ in changed)
        return len(changed)

    @property
    def has_changed(self) -> bool:
        """Return whether a step changed the host; the step that fetches a tarball changes only this machine."""
        return self.may_have_changed and self.changed > 0

    @property
    def change_is_unknown(self) -> bool:
        """Return whether a command that may change the host was sent, and no step was completed."""
        return self.may_have_changed and not self.changed and not self.ok and not self.switch.rolled_back


def exit_status(reports: list[Report]) -> int:
    """Return the exit status of a command on these hosts: the value of the most urgent verdict."""
    verdicts = {report.verdict for report in reports}
    for verdict in BY_URGENCY:
        if verdict in verdicts:
            return verdict.value
    return Verdict.OK.value
