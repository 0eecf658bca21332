"""One run on one host: connect, tell a story, report. What the outside world gets wrong ends in the report."""

import getpass
import platform
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from provision.artifacts import Artifact, Artifacts
from provision.converge import Status, converge
from provision.errors import (
    ArtifactRefused,
    FetchError,
    HostUnreachable,
    ProvisionError,
    SandboxError,
    SiteError,
    StoreError,
)
from provision.expectation import Expectation
from provision.findings import Finding
from provision.keys import Keys
from provision.log import Log
from provision.ntp import probe
from provision.passwords import OPERATOR, Passwords
from provision.progress import Progress
from provision.prove import Proof, prove
from provision.report import Report
from provision.rollout import Gate, Held
from provision.session import Session, connect, unlock
from provision.steps import Step
from provision.steps.active import Active
from provision.steps.fetched import Fetched
from provision.target import Target
from provision.wish import Wish

NOT_TRIED = (SiteError, FetchError, StoreError, HostUnreachable, SandboxError)
"""Errors after which, if nothing was changed yet, the host is as it was."""
INTERRUPTED = "interrupted; the same line completes what was begun"
WAIT_SECONDS = 3600
"""How long ``--wait`` waits for somebody else."""
RETURN_SECONDS = 10
"""What is left of the time to confirm, at least, when we stop waiting for a clock to be synchronised."""

Gates = Mapping[Held, Sequence[Step]]
"""Where a run may be held, and the steps that lie behind."""


class Parked(Exception):  # noqa: N818 -- no error: the run goes on when it may
    """A run has come to a gate that is closed for it."""

    def __init__(self, held: Held) -> None:
        super().__init__(held)
        self.held = held


@dataclass(slots=True)
class Run:
    """One run on one host."""

    session: Session
    wish: Wish
    keys: Keys | None
    """The operator's; None: there are none yet."""
    report: Report
    progress: Progress
    log: Log
    who: str
    """Who runs it, and where, for the host's history and its lock."""
    artifacts: Artifacts = field(default_factory=Artifacts.default)
    open: frozenset[Gate] = frozenset(Gate)
    """The gates through which it may go."""
    building: ExitStack = field(default_factory=ExitStack)
    """Holds the lock for what is built here; let go when its artifact is kept, or the run ends."""
    check: Callable[[], None] = lambda: None
    """Raises HostUnreachable when all is to end."""
    patience: int = 0
    """Seconds to wait for somebody else who is at work on the host, at least."""
    has_switched: bool = False
    """It has the host run another generation, or the same one anew."""
    _passed: set[Held] = field(default_factory=set)

    def converge(self, steps: list[Step], *, dry_run: bool = False, gates: Gates | None = None) -> None:
        """Bring the host to the wanted states; raises Parked before a step behind a gate that is closed."""
        gates = gates or {}
        try:
            outcomes = converge(self.session.host, steps, dry_run=dry_run, begin=lambda step: self._begin(step, gates))
            for step, outcome in zip(steps, outcomes, strict=True):
                if isinstance(step, Active) and outcome.status is Status.CHANGED:
                    self.has_switched = True
                if self.report.add(outcome):
                    self.progress.outcome(outcome)
        except ArtifactRefused as error:
            (held,) = [held for held in gates if held.gate is Gate.BUILD]
            self.artifacts.drop(held.need)
            self.report.notes.append(str(error))
            raise Parked(held) from error

    def artifact(self, name: str) -> Artifact | None:
        """Return the artifact of a build; None where there is none that will do."""
        return self.artifacts.find(name, self.progress.line, checked=self.wish.check)

    def _begin(self, step: Step, gates: Gates) -> bool:
        for held, behind in gates.items():
            if any(step is one for one in behind):
                self._pass(held)
        # What is fetched does not change the host.
        claimed = not isinstance(step, Fetched) and self.claim()
        self.report.begun = True
        self.progress.begin(step.title)
        return claimed

    def _pass(self, held: Held) -> None:
        """Go through a gate, or raise Parked."""
        if held.gate not in self.open:
            raise Parked(held)
        if held.gate is Gate.BUILD and held not in self._passed:
            self.building.enter_context(self.artifacts.building(held.need, self.progress.say, self.check))
            self._passed.add(held)
            if self.artifact(held.need) is not None:
                # Another run has just built it.
                raise Parked(held)

    def claim(self) -> bool:
        """Keep everybody else from changing the host until the run ends; True: we do since now."""
        session, patience = self.session, WAIT_SECONDS if self.wish.wait else self.patience
        return session.host.claim(who=self.who, uid=session.facts.uid, patience=patience, say=self.progress.say)

    def prove(self, expected: Expectation, keys: Keys, *, patience: int) -> Proof:
        """Collect evidence and judge it."""
        return prove(self.session, expected, keys, patience=patience)

    def is_answered(self) -> bool:
        """Say whether an NTP server on the host answers us, and by the way by which we came."""
        return self.session.direct and probe(self.session.address, Keys(())).answered

    def prove_switch(self, expected: Expectation, keys: Keys) -> tuple[Finding, ...]:
        """Prove what a switch has started, before the host goes back by itself; report what was found."""
        patience = min(self.wish.patience, self.wish.confirm_within - RETURN_SECONDS)
        proof = self.prove(expected, keys, patience=patience)
        self.found(proof)
        return proof.findings

    def found(self, proof: Proof) -> None:
        """Take what was found into the report."""
        for finding in proof.findings:
            self.report.findings.append(finding)
            self.progress.finding(finding)
        self.report.sources = proof.sources
        self.report.notes.extend(proof.advice)


Story = Callable[[Run], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be told on a host, and how far it may go."""

    target: Target
    wish: Wish
    story: Story
    open: frozenset[Gate] = frozenset(Gate)
    report: Report | None = None
    """What became of the part before, where it was held."""

    @property
    def so_far(self) -> Report:
        """Return the report as it goes on, or a new one."""
        report = self.report or Report(host=str(self.target), notes=list(self.wish.warnings))
        return replace(report, held=None)

    def open_log(self) -> Log:
        """Return the log on this machine, new or going on."""
        return Log(str(self.target), path=Path(self.report.log) if self.report and self.report.log else None)


class Stop:
    """Ends what runs, from another thread: each run says how it is cut off."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[int, Callable[[], None]] = {}
        self.is_set = False

    def now(self) -> None:
        """Cut off what runs, and let nothing begin."""
        with self._lock:
            self.is_set = True
            ends = list(self._ends.values())
        for end in ends:
            end()

    def check(self) -> None:
        """Raise HostUnreachable when all is to end."""
        if self.is_set:
            raise HostUnreachable(INTERRUPTED)

    def by(self, end: Callable[[], None], stack: ExitStack) -> None:
        """Take note of how a run is cut off, until the stack is left. Raises HostUnreachable."""
        with self._lock:
            self._ends[id(end)] = end
        stack.callback(self._ends.pop, id(end), None)
        self.check()


def who() -> str:
    """Return who runs us, and where: one word."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an id without a name, as in containers
        user = "somebody"
    return re.sub(r"[^A-Za-z0-9_.@-]", "-", f"{user}@{platform.node()}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a run has of the machine on which it runs."""

    who: str = field(default_factory=who)
    artifacts: Artifacts = field(default_factory=Artifacts.default)
    log: Log | None = None
    """None: a file."""
    passwords: Passwords = OPERATOR
    patience: int = 0
    """Seconds, as a run has it."""


def run_on(job: Job, progress: Progress, stop: Stop | None = None, desk: Desk | None = None) -> Report:
    """Tell a story on one host; what the outside world gets wrong on the way ends in the report."""
    begun = time.monotonic()
    stop, desk = stop or Stop(), desk or Desk()
    report = job.so_far
    log = desk.log or job.open_log()
    if job.report is None:
        progress.opening(str(job.target))
    try:
        stop.check()
        _tell(job, report, progress, log, stop, desk)
    except Parked as parked:
        report.held = parked.held
    except ProvisionError as error:
        fail(report, error, stop)
        with suppress(SiteError):  # the error may be that the log cannot be written
            log.write(f"error: {error}")
    else:
        report.tried = True
    report.log = log.path or report.log
    log.close()
    report.seconds = round(report.seconds + time.monotonic() - begun, 2)
    progress.ending(report)
    return report


def _tell(job: Job, report: Report, progress: Progress, log: Log, stop: Stop, desk: Desk) -> None:
    """Connect, and tell the story. Raises ProvisionError, Parked."""
    wish = job.wish
    # Its name takes a while to compute, on purpose: meanwhile we connect.
    keys = wish.read_keys()
    threading.Thread(target=lambda: keys and keys.digest, daemon=True).start()

    way = connect(
        job.target,
        accept_new=wish.accept_new,
        log=log.write,
        progress=progress.line,
        say=progress.say,
    )
    with way as session, ExitStack() as ends, ExitStack() as building:
        stop.by(session.host.transport.close, ends)
        unlock(session, desk.passwords, quiet=progress.quiet, check=stop.check)
        report.platform, report.address = session.facts.platform, session.address
        run = Run(
            session,
            wish,
            keys,
            report,
            progress,
            log,
            who=desk.who,
            artifacts=desk.artifacts,
            open=job.open,
            building=building,
            check=stop.check,
            patience=desk.patience,
        )
        try:
            job.story(run)
        finally:
            session.host.leave()
            report.round_trips += session.host.trips


def fail(report: Report, error: ProvisionError, stop: Stop) -> None:
    """Take an error into a report."""
    report.error = INTERRUPTED if stop.is_set else str(error)
    # A connection may be lost in the middle of a step; a fetch that fails has not touched the host.
    cut_off = report.begun and isinstance(error, HostUnreachable)
    report.tried = cut_off or report.changed > 0 or not isinstance(error, NOT_TRIED)


def left_alone(job: Job, why: str) -> Report:
    """Return the report on a host that was not begun, or not brought to its end."""
    report = job.report or Report(host=str(job.target))
    return replace(report, held=None, error=f"left alone: {why}", tried=report.changed > 0)
