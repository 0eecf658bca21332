"""Hand the run on one host to a worker of a cluster: pack the job, run it there, take the result back.

Keys, artifacts and logs are stored on the control machine only. A worker has the data of a job while it runs, and
secrets in memory only.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from provision.build.artifact import Artifact
from provision.build.artifact_store import Artifacts
from provision.build.fetch.fetch import fetch
from provision.build.fetch.store import Store
from provision.chrony.releases import Release
from provision.common.errors import ClusterFailed, ClusterLost, HostUnreachable, SiteError
from provision.common.results import Finding, Gate, Outcome, SwitchState
from provision.deploy.cancellation import INTERRUPTED, Cancellation
from provision.deploy.control_machine import ControlMachine, who
from provision.deploy.job import Job
from provision.deploy.runner import fail, fail_and_log, run_on
from provision.deploy.secrets import Secrets
from provision.host.sudo import SudoPasswords
from provision.host.target import Kind, Target
from provision.keys.reader import KeyReader
from provision.keys.source import GivenKeys
from provision.output.log import Collected
from provision.output.progress import Progress
from provision.output.report import Report
from provision.site.settings import Settings

if TYPE_CHECKING:
    from provision.fleet.cluster import Call, Cluster

CHANGING = "changing"
"""The event of a worker that is about to lock a host, which comes before each change."""
LOCK_TIMEOUT = 120
"""Seconds to wait for the workspace of a run whose worker died; its guard gives up after a minute (workspace.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A verified tarball, for a machine that may have no Internet."""

    release: Release
    data: bytes = field(repr=False)
    signature: str
    """The result of the signature check, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerJob:
    """The data that is sent to a worker."""

    job: Job
    who: str
    password: str | None = field(repr=False)
    """The password of sudo."""
    artifact: Artifact | None
    tarballs: tuple[Packed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The data that a worker returns."""

    report: Report
    log: str = field(repr=False)
    built: tuple[tuple[Artifact, str], ...]
    """The new artifacts, each with its bill of materials."""
    refused: bool
    """Whether the artifact that was sent along does not work on the host."""


def check(host_settings: Iterable[tuple[Target, Settings]], *, rolling: bool) -> None:
    """Raise SiteError if the run on one of the hosts cannot be handed to another machine."""
    for target, settings in host_settings:
        if target.kind is not Kind.SSH:
            raise SiteError(
                f"{target}: no worker could reach it; --scheduler is for hosts that are reached through SSH"
            )
        if rolling and not settings.has_keys:
            raise SiteError(
                f"{settings.key_source.name}: there are no keys yet, and a worker may not keep the first ones; "
                "make them with inv keys.add, or deploy one host without --scheduler to take over those that it has"
            )


@dataclass(frozen=True, slots=True)
class WorkerPool:
    """Hand jobs to a cluster."""

    cluster: "Cluster"
    secrets: Secrets
    _needs: dict[Target, str] = field(default_factory=dict)
    """Host → the name of the build for which it stopped at the gate."""

    def run_on(self, job: Job, progress: Progress, cancellation: Cancellation | None = None) -> Report:
        """Run the operation on one host; errors of the host and of the worker go into the report."""
        cancellation = cancellation or Cancellation()
        report = job.so_far
        log = job.open_log()
        if job.report is None:
            progress.opening(str(report.host))
        with ExitStack() as stack:
            try:
                cancellation.check()
                done = self._hand_over(job, report, progress, cancellation, stack)
                # From here on, an error is one of this machine, and the host may have changed.
                # Another worker may have changed the host before it died.
                done.report.may_have_changed |= report.may_have_changed
                report = done.report
                self._keep_artifacts(job, done)
                log.take(done.log)
            except KeyboardInterrupt:
                # As in run_on; the worker may have sent commands.
                cancellation.cancel()
                report.may_have_changed = True
                report.switch = SwitchState()
                fail(report, HostUnreachable(INTERRUPTED), cancellation)
            except Exception as error:  # noqa: BLE001 -- as in run_on
                # A worker tells before it locks a host, but the news may be lost with the scheduler.
                report.may_have_changed |= isinstance(error, ClusterLost)
                if isinstance(error, ClusterFailed) and report.may_have_changed:
                    # Nor is it known here whether the host has switched.
                    report.switch = SwitchState()
                fail_and_log(report, error, cancellation, log)
        report.log = log.path or report.log
        log.close()
        if report.stopped_at is not None and report.stopped_at.need:
            self._needs[report.host] = report.stopped_at.need
        progress.ending(report)
        return report

    def _hand_over(
        self, job: Job, report: Report, progress: Progress, cancellation: Cancellation, stack: ExitStack
    ) -> Done:
        """Run the job on a worker; ``stack`` holds the lock of its build until the artifact is in the store.

        ``report`` is told when the worker may have changed the host, for the worker's own report may never arrive.
        """
        store = Artifacts.default()
        need = self._needs.get(job.target, "")
        if Gate.BUILD in job.open and not job.plans:
            stack.enter_context(store.building(need, progress.say))
        artifact = None
        if need:
            artifact = store.find(need, progress.line, checked=job.settings.options.unit_tests)
        worker_job = pack(job, self.secrets, artifact, progress.line)
        sent = self.cluster.submit(str(job.target), work, worker_job, partial(_repeat, report, progress))
        # Release the task in any case, also after Ctrl-C.
        stack.callback(sent.drop)
        cancellation.register(sent.drop, stack)
        done: Done = self.cluster.result(sent)
        return done

    def _keep_artifacts(self, job: Job, done: Done) -> None:
        """Store the artifacts that a worker made, and drop the one that does not work. Raises StoreError."""
        store = Artifacts.default()
        if done.refused:
            store.drop(self._needs.get(job.target, ""))
        for artifact, bill in done.built:
            store.keep(artifact, bill, confirm=job.settings.site.build.confirm)


def pack(job: Job, secrets: Secrets, artifact: Artifact | None, say: Callable[[str], None]) -> WorkerJob:
    """Return the job with keys, password, artifact and tarballs, for the worker. Raises SiteError, FetchError."""
    usable = artifact is not None and artifact.may_go_to(str(job.target), confirm=job.settings.site.build.confirm)
    keys = job.settings.read_keys(secrets.keys)
    compiles = Gate.BUILD in job.open and not job.plans and (not usable or bool(job.unfit))
    text = None
    if keys:
        text = keys.text
    given = GivenKeys(job.settings.key_source.name, text)
    gates = job.open - {Gate.BUILD}
    if job.plans:
        gates = job.open
    if compiles:
        # A host that compiles returns before the switch, because others wait for its artifact.
        gates = frozenset({Gate.BUILD})
    # A worker has neither the site file nor the folder of tarballs.
    options = replace(job.settings.options, site_file=None, sources=None)
    return WorkerJob(
        job=replace(job, settings=replace(job.settings, key_source=given, options=options), open=gates),
        who=who(),
        password=secrets.passwords.given,
        artifact=artifact,
        tarballs=tuple(_packed(release, job.settings, say) for release in job.settings.releases if compiles),
    )


def _packed(release: Release, settings: Settings, say: Callable[[str], None]) -> Packed:
    options = settings.options
    tarball = fetch(release, store=Store.default(), sources=options.sources, say=say, offline=options.offline)
    return Packed(release=release, data=tarball.data, signature=tarball.signature)


def work(worker_job: WorkerJob, call: "Call") -> Done:
    """Run a job; called on the worker."""
    cancellation = Cancellation()
    call.when_cancelled(cancellation.cancel)
    _unpack(worker_job.tarballs)
    log = Collected(str(worker_job.job.target))
    with TemporaryDirectory(dir=call.folder, prefix="artifacts-") as folder:
        artifacts = Artifacts(Path(folder))
        if worker_job.artifact is not None:
            artifacts.keep(worker_job.artifact)
        control = ControlMachine(
            secrets=Secrets(KeyReader(), SudoPasswords(worker_job.password, cannot_ask="a worker cannot ask you")),
            who=worker_job.who,
            artifacts=artifacts,
            log=log,
            lock_timeout=LOCK_TIMEOUT,
            before_changes=lambda: call.send((CHANGING, None)),
        )
        report = run_on(worker_job.job, ProgressSender(call.send), cancellation, control=control)
        there = tuple(artifacts.all())
    return Done(
        report=report,
        log=log.lines,
        built=tuple((artifact, bill) for artifact, bill in there if artifact != worker_job.artifact),
        refused=worker_job.artifact is not None and worker_job.artifact not in [artifact for artifact, _ in there],
    )


def _unpack(tarballs: Iterable[Packed]) -> None:
    store = Store.default()
    for one in tarballs:
        # The tarball was authenticated by the encryption, and the store checks the digest before each use.
        if store.find(one.release, _discard) is None:
            store.keep(one.release, one.data, origin="the control machine", signature=one.signature)


def _discard(_: str) -> None:
    """Ignore a line of progress."""


class ProgressSender:
    """Send the progress of a run to the control machine; the output of commands goes to the log only."""

    def __init__(self, send: Callable[[Any], None]) -> None:
        self._send = send

    def opening(self, name: str) -> None:
        """Do nothing: the control machine has shown it."""

    def say(self, text: str) -> None:
        """Send a line."""
        self._send(("say", text))

    def detail(self, text: str) -> None:
        """Send lines about the host."""
        self._send(("detail", text))

    def begin(self, title: str) -> None:
        """Send the title of the step that is being applied."""
        self._send(("begin", title))

    def line(self, text: str) -> None:
        """Do nothing: a compiler prints thousands of lines."""

    def outcome(self, outcome: Outcome) -> None:
        """Send the outcome of a step."""
        self._send(("outcome", outcome))

    def finding(self, finding: Finding) -> None:
        """Send the finding of a check."""
        self._send(("finding", finding))

    def ending(self, report: Report) -> None:
        """Do nothing: the control machine shows it when the report arrives."""

    def quiet(self) -> AbstractContextManager[None]:
        """Do nothing: a worker has no terminal."""
        return nullcontext()


def _repeat(report: Report, progress: Progress, event: tuple[str, Any]) -> None:
    """Note or show an event of a worker on the control machine."""
    verb, value = event
    if verb == CHANGING:
        report.may_have_changed = True
    else:
        getattr(progress, verb)(value)
