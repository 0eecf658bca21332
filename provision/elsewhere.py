"""A run on one host, handed to a worker of a cluster: what goes along, what is done there, and what comes back.

This machine keeps all that lasts: keys, artifacts, logs. A worker has what a run needs for as long as it runs, and
secrets in memory only.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from provision.artifacts import Artifact, Artifacts
from provision.converge import Outcome
from provision.errors import ProvisionError, SiteError
from provision.fetch import Store, fetch
from provision.findings import Finding
from provision.key_source import GivenKeys
from provision.log import Collected
from provision.passwords import OPERATOR, Given
from provision.progress import Progress
from provision.releases import Release
from provision.report import Report
from provision.rollout import Gate
from provision.run import Desk, Job, Stop, fail, run_on, who
from provision.target import Kind, Target
from provision.wish import Wish, forget_keys

if TYPE_CHECKING:
    from provision.cluster import Call, Cluster

PATIENCE_SECONDS = 120
"""For the guard of a run whose worker died: it lets others in at once, or after a minute of silence (workplace)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A verified tarball, for a machine that may have no Internet."""

    release: Release
    data: bytes = field(repr=False)
    signature: str
    """What it proves, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What goes to a worker."""

    job: Job
    who: str
    password: str | None = field(repr=False)
    """Of sudo."""
    artifact: Artifact | None
    tarballs: tuple[Packed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What comes back."""

    report: Report
    log: str = field(repr=False)
    made: tuple[tuple[Artifact, str], ...]
    """What was built, and its bill of materials."""
    refused: bool
    """The artifact that came along does not do its work there."""


def check(wishes: Iterable[tuple[Target, Wish]], *, rolling: bool) -> None:
    """Raise SiteError for what cannot be handed to another machine."""
    for target, wish in wishes:
        if target.kind is not Kind.SSH:
            raise SiteError(
                f"{target}: no worker could reach it; --scheduler is for hosts that are reached through SSH"
            )
        if rolling and not wish.has_keys:
            raise SiteError(
                f"{wish.key_source.name}: there are no keys yet, and a worker may not keep the first ones; "
                "make them with inv keys.add, or deploy one host without --scheduler to take over those that it has"
            )


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Hands jobs to a cluster."""

    cluster: "Cluster"
    _needs: dict[str, str] = field(default_factory=dict)
    """Host → the name of its build, since it was held for it."""

    def run_on(self, job: Job, progress: Progress, stop: Stop | None = None) -> Report:
        """Have a story told on one host; what goes wrong on the way, there or with a worker, ends in the report."""
        stop = stop or Stop()
        report, log = job.so_far, job.open_log()
        if job.report is None:
            progress.opening(report.host)
        try:
            stop.check()
            done = self._hand_over(job, progress, stop)
            report = done.report
            log.take(done.log)
        except ProvisionError as error:
            fail(report, error, stop)
            with suppress(SiteError):  # the error may be that the log cannot be written
                log.write(f"error: {error}")
        report.log = log.path or report.log
        log.close()
        if report.held is not None and report.held.need:
            self._needs[report.host] = report.held.need
        progress.ending(report)
        return report

    def _hand_over(self, job: Job, progress: Progress, stop: Stop) -> Done:
        name, store = str(job.target), Artifacts.default()
        with ExitStack() as stack:
            need = self._needs.get(name, "")
            if Gate.BUILD in job.open:
                # Until its artifact is kept here.
                stack.enter_context(store.building(need, progress.say))
            parcel = pack(job, store.find(need, progress.line, checked=job.wish.check) if need else None, progress.line)
            sent = self.cluster.submit(name, work, parcel, partial(_repeat, progress))
            # Whatever ends us, such as Ctrl-C: nobody waits for it any more.
            stack.callback(sent.drop)
            stop.by(sent.drop, stack)
            done: Done = self.cluster.result(sent)
            if done.refused:
                store.drop(need)
            for artifact, bill in done.made:
                store.keep(artifact, bill)
            return done


def pack(job: Job, artifact: Artifact | None, say: Callable[[str], None]) -> Parcel:
    """Read the keys, and put in what the job needs. Raises SiteError, FetchError."""
    keys, compiles = job.wish.read_keys(), Gate.BUILD in job.open and artifact is None
    given = GivenKeys(job.wish.key_source.name, keys.text if keys else None)
    return Parcel(
        job=replace(
            job,
            wish=replace(job.wish, key_source=given, sources=None),
            # Who compiles comes back with the artifact, for which others wait, before it switches.
            open=frozenset({Gate.BUILD}) if compiles else job.open - {Gate.BUILD},
        ),
        who=who(),
        password=OPERATOR.given,
        artifact=artifact,
        tarballs=tuple(_packed(release, job.wish, say) for release in job.wish.releases if compiles),
    )


def _packed(release: Release, wish: Wish, say: Callable[[str], None]) -> Packed:
    tarball = fetch(release, store=Store.default(), sources=wish.sources, say=say, offline=wish.offline)
    return Packed(release=release, data=tarball.path.read_bytes(), signature=tarball.signature)


def work(parcel: Parcel, call: "Call") -> Done:
    """Do a job, on a worker."""
    stop = Stop()
    call.when_cancelled(stop.now)
    _unpack(parcel.tarballs)
    log = Collected(str(parcel.job.target))
    with TemporaryDirectory(dir=call.folder, prefix="artifacts-") as folder:
        artifacts = Artifacts(Path(folder))
        if parcel.artifact is not None:
            artifacts.keep(parcel.artifact)
        desk = Desk(
            who=parcel.who,
            artifacts=artifacts,
            log=log,
            passwords=Given(parcel.password),
            patience=PATIENCE_SECONDS,
        )
        try:
            report = run_on(parcel.job, Teller(call.tell), stop, desk)
        finally:
            forget_keys()
        there = tuple(artifacts.all())
    return Done(
        report=report,
        log=log.lines,
        made=tuple((artifact, bill) for artifact, bill in there if artifact != parcel.artifact),
        refused=parcel.artifact is not None and parcel.artifact not in [artifact for artifact, _ in there],
    )


def _unpack(tarballs: Iterable[Packed]) -> None:
    store = Store.default()
    for one in tarballs:
        # It came sealed; and what is in the store is asked for its digest before it is used.
        if store.find(one.release, _discard) is None:
            store.keep(one.release, one.data, origin="the control machine", signature=one.signature)


def _discard(_: str) -> None:
    """Take a line that nobody wants."""


class Teller:
    """Tells what a run does to whoever shows it; the lines of commands stay in the log."""

    def __init__(self, tell: Callable[[Any], None]) -> None:
        self._tell = tell

    def opening(self, name: str) -> None:
        """Do nothing: it was told where the job comes from."""

    def say(self, text: str) -> None:
        """Tell it."""
        self._tell(("say", text))

    def begin(self, title: str) -> None:
        """Tell it."""
        self._tell(("begin", title))

    def line(self, text: str) -> None:
        """Do nothing: of a compiler, there are thousands."""

    def outcome(self, outcome: Outcome) -> None:
        """Tell it."""
        self._tell(("outcome", outcome))

    def finding(self, finding: Finding) -> None:
        """Tell it."""
        self._tell(("finding", finding))

    def ending(self, report: Report) -> None:
        """Do nothing: it is told when the report has come back."""

    def quiet(self) -> AbstractContextManager[None]:
        """Do nothing: nobody is asked here."""
        return nullcontext()


def _repeat(progress: Progress, told: tuple[str, Any]) -> None:
    """Show what was told there, here."""
    verb, value = told
    getattr(progress, verb)(value)
