"""Run one operation on many hosts: in parallel, in an order in which time is served throughout."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from provision.build.artifact_store import Artifacts
from provision.common.errors import SiteError, StoreError, is_no_thread, no_thread_error
from provision.common.results import Gate
from provision.deploy.cancellation import INTERRUPTED, Cancellation
from provision.deploy.control_machine import ControlMachine
from provision.deploy.job import Job, left_alone
from provision.deploy.run import Operation
from provision.deploy.runner import fail_and_log, run_on
from provision.deploy.secrets import Secrets
from provision.fleet import capacity
from provision.fleet.rollout import Place, Rollout
from provision.host.target import Target
from provision.output.progress import Progress
from provision.output.progress.board import Board
from provision.output.progress.lines import Lines
from provision.output.report import Report
from provision.site.settings import Settings

POLL_SECONDS = 0.5
"""Interval at which the store is checked for artifacts that hosts wait for."""

T = TypeVar("T")

Worker = Callable[[Job], Report]
RunOn = Callable[[Job, Progress, Cancellation], Report]
"""As :func:`run_on`: on this machine, or handed to a worker of a cluster."""


class Inline(Executor):
    """Run submitted functions at once in the calling thread, which Ctrl-C reaches; for a single host."""

    def submit(self, act: Callable[..., T], /, *positional: Any, **named: Any) -> "Future[T]":
        """Call ``act`` and return a future that is done."""
        future: Future[T] = Future()
        try:
            future.set_result(act(*positional, **named))
        except Exception as error:  # noqa: BLE001 -- raised again by future.result
            future.set_exception(error)
        return future


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The number of hosts at a time, the limit of failures, and the machines that do the work."""

    parallel: int
    max_failures: int | None
    """Start no further host after this many have failed; None: no limit."""
    scheduler: str
    """The address of a Dask cluster that works on the hosts; without it, this machine does."""

    def run(
        self,
        operation: Operation,
        host_settings: Sequence[tuple[Target, Settings]],
        secrets: Secrets,
        *,
        rolling: bool,
        plans: bool = False,
        shows_steps: bool = True,
        keep: Callable[[list[Report]], None] = lambda _: None,
    ) -> list[Report]:
        """Run an operation on each host; return the reports in the same order.

        ``rolling``: the operation may replace the running time service, so servers take turns, and a host runs after
        its upstreams. ``plans``: it changes nothing, and says which hosts would compile.
        ``shows_steps``: print steps and findings while it runs. ``keep`` is called with the
        reports in any case, also after Ctrl-C or a bug. Raises SiteError before any host is touched.
        """
        jobs = {
            target: Job(target=target, settings=settings, operation=operation, plans=plans)
            for target, settings in host_settings
        }
        if not self.scheduler:
            capacity.provide(min(self.parallel, len(jobs)), "use --parallel")
        planned_builds = 0
        if plans:
            planned_builds = _most_confirmations(jobs)
        rollout = Rollout(
            places(host_settings, rolling=rolling, plans=plans),
            parallel=self.parallel,
            max_failures=self.max_failures,
            planned_builds=planned_builds,
            open_at_once=self._open_at_once(len(jobs)),
        )
        reports: dict[Target, Report] = {}
        try:
            if not self.scheduler:
                run = partial(run_on, control=ControlMachine(secrets=secrets))
                self._run_jobs(jobs, rollout, run, reports, shows_steps=shows_steps)
            else:
                with _worker_pool(self.scheduler, host_settings, secrets, rolling=rolling) as hand_over:
                    self._run_jobs(jobs, rollout, hand_over, reports, shows_steps=shows_steps)
        except RuntimeError as error:
            # Another program may have taken what was there when the run began.
            if is_no_thread(error):
                raise no_thread_error() from error
            raise
        finally:
            ended = [_ended(job, reports.get(target)) for target, job in jobs.items()]
            keep(ended)
        return ended

    def _open_at_once(self, hosts: int) -> frozenset[Gate]:
        # A worker of a cluster has to be told which build it makes, and only the first run finds that out.
        if hosts == 1 and not self.scheduler:
            return frozenset({Gate.BUILD})
        return frozenset()

    def _run_jobs(
        self,
        jobs: Mapping[Target, Job],
        rollout: Rollout,
        run: RunOn,
        reports: dict[Target, Report],
        *,
        shows_steps: bool,
    ) -> None:
        """Run the jobs in threads; a job that is handed to a worker has a thread here that shows its progress."""
        cancellation = Cancellation()
        if len(jobs) == 1:
            with Lines(shows_steps=shows_steps) as lines, Inline() as inline:
                _run(jobs, rollout, inline, lambda job: run(job, lines, cancellation), reports, cancellation)
            return
        with (
            Board(list(jobs), lambda: rollout.counts, shows_steps=shows_steps) as board,
            ThreadPoolExecutor(self.parallel) as threads,
        ):
            _run(
                jobs,
                rollout,
                threads,
                lambda job: run(job, board.row(job.target), cancellation),
                reports,
                cancellation,
            )


@contextmanager
def _worker_pool(
    scheduler: str, host_settings: Sequence[tuple[Target, Settings]], secrets: Secrets, *, rolling: bool
) -> Iterator[RunOn]:
    """Yield the function that hands jobs to a cluster. Raises SiteError."""
    from provision.fleet.worker import WorkerPool, check  # noqa: PLC0415 -- most runs do not need it

    check(host_settings, rolling=rolling)
    try:
        from provision.fleet.cluster import joined  # noqa: PLC0415 -- Dask is an optional dependency
    except ImportError as error:
        raise SiteError(f"--scheduler needs Dask ({error}): pip install 'chrony-provision[dask]'") from error
    with joined(scheduler) as cluster:
        yield WorkerPool(cluster, secrets).run_on


def places(host_settings: Iterable[tuple[Target, Settings]], *, rolling: bool, plans: bool = False) -> list[Place]:
    """Return the place of each host in the rollout; ``host_settings`` has upstreams before the hosts that use them."""
    pairs = tuple(host_settings)
    # The site file names its builder; there are no names of hosts behind this point.
    named = {target.text: target for target, _ in pairs}
    known: dict[Target, Place] = {}
    for target, settings in pairs:
        place = Place(host=target, serves=False, builder=named.get(settings.site.rollout.builder or ""))
        if (rolling or plans) and not settings.has_keys:
            place = replace(place, keys_from=settings.key_source.name)
        if rolling:
            place = _in_order(place, settings, known)
        known[target] = place
    return list(known.values())


def _in_order(place: Place, settings: Settings, known: Collection[Target]) -> Place:
    """Return the place with its group, upstreams and limits; ``known`` are the hosts before it in the list."""
    return replace(
        place,
        group=settings.group or "",
        serves=settings.site.serve.role == "server",
        # Only hosts earlier in the list: hosts that follow each other in a circle have to begin somewhere.
        follows=tuple(followed for followed in settings.follows if followed in known),
        max_unavailable=settings.site.rollout.max_unavailable,
    )


def _most_confirmations(jobs: Mapping[Target, Job]) -> int:
    """Return the number of hosts that have to compile a build before all hosts may use it (build.confirm)."""
    return max((job.settings.site.build.confirm for job in jobs.values()), default=1)


def _wait_for_some(running: Mapping[Future[Report], Target], rollout: Rollout) -> Collection[Future[Report]]:
    """Wait until a job ends, or until it is time to look for artifacts; return the jobs that ended."""
    timeout = None
    if rollout.needs:
        # Poll the store while hosts wait for a build: an artifact is stored before its host is done.
        timeout = POLL_SECONDS
    done, _ = wait(running, timeout=timeout, return_when=FIRST_COMPLETED)
    return done


def _run(
    jobs: Mapping[Target, Job],
    rollout: Rollout,
    executor: Executor,
    worker: Worker,
    reports: dict[Target, Report],
    cancellation: Cancellation,
) -> None:
    """Run the jobs in the order of the rollout, and collect their reports."""
    running: dict[Future[Report], Target] = {}
    checked = any(job.settings.options.unit_tests for job in jobs.values())
    confirm = _most_confirmations(jobs)
    try:
        while True:
            for start in rollout.ready():
                report = reports.get(start.host)
                job = replace(jobs[start.host], open=start.open, compiled_on=start.compiled_on, report=report)
                running[executor.submit(worker, job)] = start.host
            if not running:
                break
            for future in _wait_for_some(running, rollout):
                target = running.pop(future)
                reports[target] = _report(future, jobs[target], reports.get(target))
                _note(rollout, jobs[target], reports[target])
            _end_if_interrupted(cancellation)
            _find_artifacts(rollout, checked=checked, confirm=confirm)
    except BaseException:
        # Ctrl-C or a bug: the running commands are cut off, and the guards on the hosts clean up.
        cancellation.cancel()
        for future, target in running.items():
            with suppress(Exception):
                reports[target] = future.result()
        raise
    for target, why in rollout.left_alone.items():
        reports[target] = left_alone(replace(jobs[target], report=reports.get(target)), why)


def _report(future: Future[Report], job: Job, before: Report | None) -> Report:
    """Return the report of a run; where a bug has lost it, one that says so."""
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 -- a bug on one host must not end the work on others
        report = replace(job, report=before).so_far
        report.may_have_changed = True
        with closing(job.open_log()) as log:
            fail_and_log(report, error, Cancellation(), log)
            report.log = log.path or report.log
        return report


def _end_if_interrupted(cancellation: Cancellation) -> None:
    """Raise KeyboardInterrupt again, if a job in this thread was interrupted and has reported how far it came."""
    if cancellation.is_set:
        raise KeyboardInterrupt


def _ended(job: Job, report: Report | None) -> Report:
    """Return the report of a job; for a host that was not begun or not finished, one that says so."""
    if report is not None and report.stopped_at is None:
        return report
    return left_alone(replace(job, report=report), INTERRUPTED)


def _note(rollout: Rollout, job: Job, report: Report) -> None:
    """Pass the result of a run to the rollout."""
    source = job.settings.key_source
    # A plan makes no keys; the other hosts know by then which host would make them, and the build before them.
    if not job.settings.has_keys and (source.exists() or job.plans):
        rollout.has_keys(source.name)
    if report.stopped_at is not None:
        rollout.stopped_at(job.target, report.stopped_at)
    else:
        rollout.ended(job.target, ok=report.ok, tried=report.tried)


def _find_artifacts(rollout: Rollout, *, checked: bool, confirm: int) -> None:
    """Tell the rollout which of the needed builds are in the store and may be used on any host."""
    for need in rollout.needs:
        # The hosts that need the store report the error.
        with suppress(StoreError):
            found = Artifacts.default().find(need, _discard, checked=checked)
            if found is not None and found.is_confirmed(confirm):
                rollout.built(need)


def _discard(_: str) -> None:
    """Ignore a line of progress."""
