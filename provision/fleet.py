"""One story on many hosts: as many at once as may be, and in the order in which time is served all the while."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from provision.artifacts import Artifacts
from provision.errors import SiteError, StoreError
from provision.progress import Progress
from provision.progress.board import Board
from provision.progress.lines import Lines
from provision.report import Report
from provision.rollout import Place, Rollout
from provision.run import INTERRUPTED, Job, Stop, Story, left_alone, run_on
from provision.target import Target
from provision.wish import Wish

POLL_SECONDS = 0.5
"""How often the store is asked for an artifact that hosts wait for."""

T = TypeVar("T")

Worker = Callable[[Job], Report]
RunOn = Callable[[Job, Progress, Stop], Report]
"""As :func:`run_on`: here, or handed to a machine elsewhere."""


class Inline(Executor):
    """Runs what is submitted at once, and here: Ctrl-C reaches it, and nothing has two threads that needs one."""

    def submit(self, act: Callable[..., T], /, *positional: Any, **named: Any) -> "Future[T]":
        """Act, and return a future that is done."""
        future: Future[T] = Future()
        future.set_result(act(*positional, **named))
        return future


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """How many hosts are worked on at once, and when that stops."""

    parallel: int = 16
    max_failures: int | None = None
    scheduler: str = ""
    """The address of a Dask cluster that works on the hosts; without it, this machine does."""

    def tell(
        self,
        story: Story,
        wishes: Sequence[tuple[Target, Wish]],
        *,
        rolling: bool,
        keep: Callable[[list[Report]], None] = lambda _: None,
    ) -> list[Report]:
        """Tell a story on each host; return the reports in the same order.

        ``rolling``: it may change what serves time, so servers take turns, and nobody comes before those it follows.
        ``keep`` is given the reports in any case, also where Ctrl-C, or a bug, ends it all.
        """
        rollout = Rollout(places(wishes, rolling=rolling), parallel=self.parallel, max_failures=self.max_failures)
        jobs = {str(target): Job(target=target, wish=wish, story=story) for target, wish in wishes}
        reports: dict[str, Report] = {}
        try:
            if not self.scheduler:
                self._tell(jobs, rollout, run_on, reports)
            else:
                with _elsewhere(self.scheduler, wishes, rolling=rolling) as hand_over:
                    self._tell(jobs, rollout, hand_over, reports)
        finally:
            told = [_ended(job, reports.get(name)) for name, job in jobs.items()]
            keep(told)
        return told

    def _tell(self, jobs: Mapping[str, Job], rollout: Rollout, run: RunOn, reports: dict[str, Report]) -> None:
        """Run the jobs; where they are handed over, a thread here waits for each, and shows and keeps what comes."""
        stop = Stop()
        if len(jobs) == 1:
            with Lines() as lines, Inline() as inline:
                _run(jobs, rollout, inline, lambda job: run(job, lines, stop), reports, stop)
            return
        with Board(list(jobs), lambda: rollout.counts) as board, ThreadPoolExecutor(self.parallel) as threads:
            _run(jobs, rollout, threads, lambda job: run(job, board.row(str(job.target)), stop), reports, stop)


@contextmanager
def _elsewhere(scheduler: str, wishes: Sequence[tuple[Target, Wish]], *, rolling: bool) -> Iterator[RunOn]:
    """Yield what hands jobs to a cluster. Raises SiteError."""
    from provision.elsewhere import Elsewhere, check  # noqa: PLC0415 -- most runs do without

    check(wishes, rolling=rolling)
    try:
        from provision.cluster import joined  # noqa: PLC0415 -- not everybody has Dask
    except ImportError as error:
        raise SiteError(f"--scheduler needs Dask ({error}): pip install 'chrony-provision[dask]'") from error
    with joined(scheduler) as cluster:
        yield Elsewhere(cluster).run_on


def places(wishes: Iterable[tuple[Target, Wish]], *, rolling: bool) -> list[Place]:
    """Return what decides when each host may run; who is followed stands before."""
    known: dict[str, Place] = {}
    for target, wish in wishes:
        place = Place(name=str(target), serves=False, builder=wish.site.rollout.builder)
        if rolling:
            place = replace(
                place,
                group=wish.group or "",
                serves=wish.site.serve.role == "server",
                # Those that follow each other in a circle have to begin somewhere.
                follows=tuple(name for name in wish.follows if name in known),
                max_unavailable=wish.site.rollout.max_unavailable,
                keys_from="" if wish.has_keys else wish.key_source.name,
            )
        known[place.name] = place
    return list(known.values())


def _run(
    jobs: Mapping[str, Job],
    rollout: Rollout,
    executor: Executor,
    worker: Worker,
    reports: dict[str, Report],
    stop: Stop,
) -> None:
    """Run the jobs as the rollout says, and take in the reports."""
    running: dict[Future[Report], str] = {}
    checked = any(job.wish.check for job in jobs.values())
    try:
        while True:
            for start in rollout.ready():
                job = replace(jobs[start.name], open=start.open, report=reports.get(start.name))
                running[executor.submit(worker, job)] = start.name
            if not running:
                break
            # An artifact is there before the host that has built it is done.
            done, _ = wait(running, timeout=POLL_SECONDS if rollout.needs else None, return_when=FIRST_COMPLETED)
            for future in done:
                name = running.pop(future)
                reports[name] = future.result()
                _note(rollout, name, jobs[name], reports[name])
            _find_artifacts(rollout, checked=checked)
    except BaseException:
        # Ctrl-C, or a bug: what runs on hosts is cut off, and their guards tidy up.
        stop.now()
        for future, name in running.items():
            with suppress(Exception):
                reports[name] = future.result()
        raise
    for name, why in rollout.left_alone.items():
        reports[name] = left_alone(replace(jobs[name], report=reports.get(name)), why)


def _ended(job: Job, report: Report | None) -> Report:
    """Return a report that is whole, also of a host that was not begun, or did not come to its end."""
    if report is not None and report.held is None:
        return report
    return left_alone(replace(job, report=report), INTERRUPTED)


def _note(rollout: Rollout, name: str, job: Job, report: Report) -> None:
    """Tell the rollout how a run has ended."""
    source = job.wish.key_source
    if not job.wish.has_keys and source.exists():
        rollout.has_keys(source.name)
    if report.held is not None:
        rollout.held(name, report.held)
    else:
        rollout.ended(name, ok=report.ok, tried=report.tried)


def _find_artifacts(rollout: Rollout, *, checked: bool) -> None:
    """Tell the rollout which builds have come into the store."""
    for need in rollout.needs:
        # A store that cannot be read is told by the hosts that need it.
        with suppress(StoreError):
            if Artifacts.default().find(need, _discard, checked=checked) is not None:
                rollout.made(need)


def _discard(_: str) -> None:
    """Take a line that nobody wants."""


def fleet(parallel: str, max_failures: str, scheduler: str = "") -> Fleet:
    """Return what a command line says. Raises SiteError."""
    return Fleet(
        parallel=_number("--parallel", parallel, 1000),
        max_failures=_number("--max-failures", max_failures, 1000000) if max_failures else None,
        scheduler=scheduler,
    )


def _number(option: str, text: str, most: int) -> int:
    if not re.fullmatch("[0-9]{1,7}", text) or not 1 <= int(text) <= most:
        raise SiteError(f"{option} {text}: say a number of hosts, from 1 to {most}")
    return int(text)
