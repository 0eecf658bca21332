"""Define a run: the functions of an operation on one host."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from provision.build.artifact import Artifact
from provision.build.artifact_store import Artifacts
from provision.common.errors import ArtifactRefused, BuildRefused, BuildUnfit
from provision.common.results import Finding, Gate, Loss, Status, StoppedAt
from provision.deploy.converge import converge
from provision.deploy.evidence_script import Unconfirmed
from provision.deploy.phases import clock_phases
from provision.deploy.proof import Proof
from provision.deploy.prove import prove
from provision.deploy.steps import Phase, Step
from provision.deploy.steps.confirmed import Confirmed
from provision.host.session import Session
from provision.keys import Keys
from provision.output.findings import folded
from provision.output.log import Log
from provision.output.progress import Progress
from provision.output.report import Report
from provision.site.settings import Settings
from provision.verify.expectation import Expectation
from provision.verify.ntp.probe import probe

RETURN_SECONDS = 10
"""The part of the confirm timeout that remains when the wait for a synchronised clock ends."""
SHORTEST_PASSWORD = 8
"""In characters: shorter ones are not searched for in answers of a host, which never contain the password of sudo."""


class GateClosed(Exception):  # noqa: N818 -- no error: the run goes on when it may
    """A run has arrived at a closed gate."""

    def __init__(self, stopped_at: StoppedAt) -> None:
        super().__init__(stopped_at)
        self.stopped_at = stopped_at


@dataclass(slots=True)
class Run:
    """One run on one host."""

    session: Session
    settings: Settings
    keys: Keys | None
    """The operator's keys; None if there are none yet."""
    report: Report
    progress: Progress
    log: Log
    who: str
    """``user@machine`` of the operator, for the host's history and its lock."""
    artifacts: Artifacts = field(default_factory=Artifacts.default)
    open: frozenset[Gate] = frozenset(Gate)
    """The gates that are open for it."""
    building: ExitStack = field(default_factory=ExitStack)
    """Holds the lock of the build; closed when the artifact is stored, or at the end of the run."""
    check: Callable[[], None] = lambda: None
    """Raises HostUnreachable if the run is cancelled."""
    cut_off_with: Callable[[Callable[[], None], ExitStack], None] = lambda *_: None
    """Registers, until a stack is closed, a further connection to close if the run is cancelled."""
    lock_timeout: int = 0
    """Seconds to wait for the lock of the host, at least; the settings may allow more."""
    before_changes: Callable[[], None] = lambda: None
    """Called before the host is locked for the first change of this run."""
    unfit: str = ""
    """The name of a build whose artifact does not work on this host."""
    host_chain: str = ""
    """The certificates of NTS, in PEM, that are a file of the host; empty if they are not."""
    compiled_on: str = ""
    """Of a plan: the host that would compile the build for this one, if the store has no artifact."""
    _passed: set[StoppedAt] = field(default_factory=set)

    def converge(self, phases: Sequence[Phase], *, dry_run: bool = False) -> None:
        """Converge the host; raise GateClosed before a step is applied whose phase has a closed gate."""
        begin = self._begin
        if dry_run:
            begin = self._plan
        try:
            for outcome in converge(self.session.host, phases, dry_run=dry_run, begin=begin, lost=self._lost):
                if outcome.id == Confirmed.id and outcome.status is not Status.PENDING:
                    # No switch waits any more; none did if a confirmed daemon was only started anew.
                    self.report.switch.end()
                self.report.notes.extend(note for note in outcome.notes if note not in self.report.notes)
                if self.report.add(outcome):
                    self.progress.outcome(outcome)
        except ArtifactRefused as error:
            self.report.notes.append(str(error))
            self.artifacts.drop(error.build)
            raise GateClosed(StoppedAt(Gate.BUILD, error.build)) from error
        except BuildUnfit as error:
            if self.settings.site.build.on == "sandbox":
                raise BuildRefused(
                    f'{error}; build.on = "sandbox" keeps the host from compiling: set "auto" or "host"'
                ) from error
            self.report.notes.append(f"{error}; the host compiles")
            # An artifact that does not work on this host may work on others, so it stays in the store.
            raise GateClosed(StoppedAt(Gate.BUILD, error.build, unfit=True)) from error

    def clock_phases(self) -> tuple[Phase, ...]:
        """Return the phase that sets a clock which was seen to be wrong, if the site wants that and the host may."""
        if self.session.clock is None or not self.session.clock.differs:
            return ()
        return clock_phases(self.settings.site, self.session.facts, when_set=self._clock_was_set)

    def _clock_was_set(self) -> None:
        self.session = replace(self.session, clock=None)

    def warn_of_site(self) -> None:
        """Add the warnings about the site, for an operation that compares the host with it."""
        self.report.notes.extend(note for note in self.settings.warnings if note not in self.report.notes)

    def artifact(self, name: str) -> Artifact | None:
        """Return the artifact of a build; None if there is none that can be used on this host."""
        if name == self.unfit:
            return None
        found = self.artifacts.find(name, self.progress.line, checked=self.settings.options.unit_tests)
        if found is None or not found.may_go_to(self.session.host.name, confirm=self.settings.site.build.confirm):
            return None
        return found

    def _lost(self, losses: tuple[Loss, ...]) -> None:
        self.report.losses = losses

    def _plan(self, phase: Phase, step: Step) -> bool:  # noqa: ARG002 -- as _begin
        """Stop at the build gate, also in a dry run, so that one host of several plans to compile."""
        if phase.gate is not None and phase.gate.gate is Gate.BUILD and Gate.BUILD not in self.open:
            raise GateClosed(phase.gate)
        return False

    def _begin(self, phase: Phase, step: Step) -> bool:
        if phase.gate is not None:
            self._pass(phase.gate)
        # A step that only refuses needs no lock, which cannot be taken on a read-only file system.
        claimed = step.changes_host and self.claim()
        self.progress.begin(step.title)
        return claimed

    def _pass(self, stopped_at: StoppedAt) -> None:
        """Pass a gate, or raise GateClosed."""
        if stopped_at.gate not in self.open:
            raise GateClosed(stopped_at)
        if stopped_at.gate is Gate.BUILD and stopped_at not in self._passed:
            self.building.enter_context(self.artifacts.building(stopped_at.need, self.progress.say, self.check))
            self._passed.add(stopped_at)
            if self.artifact(stopped_at.need) is not None:
                # Another run has just built it.
                raise GateClosed(stopped_at)

    def claim(self) -> bool:
        """Lock the host until the run ends; return True if it was locked just now."""
        session = self.session
        if session.host.workspace is None:
            self.before_changes()
        lock_timeout = max(self.settings.options.lock_timeout, self.lock_timeout)
        return session.host.claim(who=self.who, uid=session.facts.uid, lock_timeout=lock_timeout, say=self.progress.say)

    def hide_secrets(self, text: str) -> str:
        """Return a text of the host without the keys that are known to this run, and without its sudo password."""
        password = self.session.host.password or ""
        # A short word would be replaced where it is no password, and its absence would tell it.
        if len(password) >= SHORTEST_PASSWORD:
            self.log.hide([password])
        return self.log.without_secrets(text)

    def is_answered(self) -> bool:
        """Return whether an NTP server on the host answers this machine directly, without a jump host."""
        return self.session.direct and probe(self.session.address, Keys(())).answered

    def prove_switch(self, expected: Expectation, keys: Keys, generation: str) -> tuple[Finding, ...]:
        """Prove a generation by its id before the host rolls back by itself; add the findings to the report."""
        sync_timeout = min(self.settings.options.sync_timeout, self.settings.options.confirm_timeout - RETURN_SECONDS)
        seconds = self.settings.options.confirm_timeout + self.session.host.extra_seconds
        unconfirmed = Unconfirmed(generation, seconds)
        proof = prove(self.session, expected, keys, sync_timeout=sync_timeout, unconfirmed=unconfirmed)
        self.found(proof)
        return proof.findings

    def found(self, proof: Proof) -> None:
        """Add the findings, sources and advice of a proof to the report."""
        self.report.findings.extend(proof.findings)
        for finding in folded(proof.findings):
            self.progress.finding(finding)
        self.report.sources = proof.sources
        self.report.notes.extend(note for note in proof.advice if note not in self.report.notes)


Operation = Callable[[Run], None]
"""An operation on one host, such as deploy or verify. It raises ProvisionError."""
