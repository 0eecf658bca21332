"""One story on many hosts: threads, what is held and goes on, what is left alone, and what a command line says."""

import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from provision.cli.options import Options
from provision.common.errors import SiteError
from provision.common.results import Gate, StoppedAt
from provision.deploy.cancellation import INTERRUPTED, Cancellation
from provision.deploy.job import Job
from provision.deploy.run import Run
from provision.deploy.runner import run_on
from provision.fleet.executor import Fleet, Inline, Worker, _run, places
from provision.fleet.rollout import Rollout
from provision.host.target import Target, parse_target
from provision.output.progress.lines import Lines
from provision.output.report import Report, Verdict
from provision.site.schema import Rollout as RolloutTable
from provision.site.settings import Settings
from tests.helpers.command_secrets import make_control, make_secrets
from tests.helpers.host_settings import make_settings

A, B = parse_target("a"), parse_target("b")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def operation(_: Run) -> None:
    raise AssertionError("no host is asked here")


def settings(*, role: str = "server", **more: object) -> Settings:
    made = make_settings()
    serve = type(made.site.serve)(role=role)  # type: ignore[arg-type]
    table = type(made.site)(serve=serve, rollout=RolloutTable(max_unavailable=1))
    return replace(made, site=table, has_keys=True, **more)  # type: ignore[arg-type]


def run(
    worker: Worker, host_settings: dict[str, Settings], *, parallel: int = 16, rolling: bool = True
) -> list[Report]:
    pairs = [(parse_target(name), one) for name, one in host_settings.items()]
    jobs = {target: Job(target=target, settings=one, operation=operation) for target, one in pairs}
    rollout = Rollout(places(pairs, rolling=rolling), parallel=parallel, max_failures=None)
    reports: dict[Target, Report] = {}
    with ThreadPoolExecutor(parallel) as threads:
        _run(jobs, rollout, threads, worker, reports, Cancellation())
    return [reports[target] for target in jobs]


def done(job: Job, *, error: str | None = None) -> Report:
    report = job.report or Report(host=job.target)
    return replace(report, stopped_at=None, error=error, tried=True, round_trips=report.round_trips + 1)


def test_all_run_at_once_and_are_reported_in_their_order() -> None:
    together = threading.Barrier(4, timeout=60)

    def worker(job: Job) -> Report:
        together.wait()
        return done(job)

    reports = run(worker, dict.fromkeys("dbca", settings(role="client")))
    assert [str(report.host) for report in reports] == ["d", "b", "c", "a"]


def test_no_more_hosts_run_at_once_than_the_limit() -> None:
    now = set[Target]()
    most = 0

    def worker(job: Job) -> Report:
        nonlocal most
        now.add(job.target)
        most = max(most, len(now))
        time.sleep(0.01)
        now.remove(job.target)
        return done(job)

    run(worker, {f"h{number}": settings(role="client") for number in range(20)}, parallel=3)
    assert 1 < most <= 3


def test_what_is_held_goes_on_with_its_report() -> None:
    seen: list[tuple[str, bool]] = []

    def worker(job: Job) -> Report:
        seen.append((str(job.target), Gate.SWITCH in job.open))
        report = done(job)
        return report if Gate.SWITCH in job.open else replace(report, stopped_at=StoppedAt(Gate.SWITCH))

    reports = run(
        worker, {"a": settings(group="x"), "b": settings(group="x"), "c": settings(role="client", follows=(A, B))}
    )
    assert [report.round_trips for report in reports] == [1, 2, 2]
    switched = [name for name, may in seen if may]
    assert switched == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("hosts", "scheduler", "may_build"), [(1, "", True), (2, "", False), (1, "tls://dask1:8786", False)]
)
def test_a_lone_host_may_build_at_once(hosts: int, scheduler: str, may_build: bool) -> None:  # noqa: FBT001 -- a case
    fleet = Fleet(parallel=1, max_failures=None, scheduler=scheduler)
    assert (Gate.BUILD in fleet._open_at_once(hosts)) is may_build


def test_a_server_that_fails_stops_the_others_of_its_group_and_the_report_says_why() -> None:
    def worker(job: Job) -> Report:
        if Gate.SWITCH not in job.open:
            return replace(done(job), stopped_at=StoppedAt(Gate.SWITCH))
        return done(job, error="it broke")

    first, second = run(worker, {"a": settings(group="x"), "b": settings(group="x")})
    assert first.error == "it broke"
    assert (second.error or "").startswith("left alone: a of its group may be without service")
    assert (second.stopped_at, second.tried) == (None, False)


def test_what_only_looks_needs_no_turn() -> None:
    seen: list[frozenset[Gate]] = []

    def worker(job: Job) -> Report:
        seen.append(job.open)
        return done(job, error="it broke")

    reports = run(worker, {"a": settings(group="x"), "b": settings(group="x", follows=(A,))}, rolling=False)
    assert [report.error for report in reports] == ["it broke", "it broke"]


def test_a_plan_without_keys_lets_the_host_that_makes_them_come_first_as_a_deployment_does() -> None:
    """That host compiles, for no other one has arrived at the gate by then."""
    pairs = [(parse_target(name), replace(settings(role="client"), has_keys=False)) for name in "abc"]
    jobs = {target: Job(target=target, settings=one, operation=operation, plans=True) for target, one in pairs}
    rollout = Rollout(places(pairs, rolling=False, plans=True), parallel=16, max_failures=None, planned_builds=1)
    compilers: list[str] = []
    lock = threading.Lock()

    def worker(job: Job) -> Report:
        with lock:
            if job.compiled_on or Gate.BUILD in job.open:
                compilers.append(job.compiled_on or str(job.target))
                return done(job)
        return replace(done(job), stopped_at=StoppedAt(Gate.BUILD, "chrony-x"))

    with ThreadPoolExecutor(16) as threads:
        _run(jobs, rollout, threads, worker, {}, Cancellation())
    assert compilers == ["a", "a", "a"]


def test_hosts_that_follow_each_other_begin_with_the_first() -> None:
    pairs = [
        (A, settings(follows=(B,))),
        (B, settings(follows=(A,))),
    ]
    assert [place.follows for place in places(pairs, rolling=True)] == [(), (A,)]


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_bug_on_one_host_does_not_end_the_others(parallel: int) -> None:
    def worker(job: Job) -> Report:
        if job.target == A:
            raise ZeroDivisionError
        return done(job)

    first, second = run(worker, dict.fromkeys("ab", settings(role="client")), parallel=parallel)
    assert (first.error or "").startswith("internal error: ZeroDivisionError; ")
    assert (first.verdict, first.may_have_changed) == (Verdict.FAILED, True)
    assert first.log is not None
    assert "ZeroDivisionError" in Path(first.log).read_text()
    assert second.ok


def test_inline_acts_at_once_and_here() -> None:
    assert Inline().submit(threading.current_thread).result() is threading.main_thread()


def test_one_host_is_reported_in_this_thread(capsys: pytest.CaptureFixture[str]) -> None:
    threads: list[threading.Thread] = []

    def tell(_: Run) -> None:
        threads.append(threading.current_thread())

    (report,) = Options().fleet.run(tell, [(parse_target("local"), settings())], make_secrets(), rolling=True)
    assert (report.ok, threads) == (True, [threading.main_thread()])
    assert capsys.readouterr().out.startswith("local\n  ok, nothing changed (1 round trips, ")


@pytest.mark.parametrize(
    ("changes", "verdict"), [(True, Verdict.FAILED), (False, Verdict.NOT_TRIED)], ids=["in a change", "before a change"]
)
def test_ctrl_c_on_one_host_is_reported_by_what_was_sent(
    changes: bool,  # noqa: FBT001 -- a parameter of a case
    verdict: Verdict,
) -> None:
    def be_interrupted(run: Run) -> None:
        if changes:
            run.session.host.run("changing something", "true")
        signal.raise_signal(signal.SIGINT)

    kept: list[Report] = []
    with pytest.raises(KeyboardInterrupt):
        Options().fleet.run(
            be_interrupted, [(parse_target("local"), settings())], make_secrets(), rolling=True, keep=kept.extend
        )
    (report,) = kept
    assert (report.error, report.verdict) == (INTERRUPTED, verdict)


def test_when_all_is_to_end_nothing_begins(capsys: pytest.CaptureFixture[str]) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    report = run_on(
        Job(target=parse_target("local"), settings=settings(), operation=operation),
        Lines(),
        cancellation,
        control=make_control(),
    )
    assert (report.error, report.tried) == ("interrupted; run the same command again to complete it", False)
    assert "interrupted; run the same command again to complete it" in capsys.readouterr().out


def test_a_cluster_without_dask_names_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "provision.fleet.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    fleet = Options(scheduler="tcp://127.0.0.1:8786").fleet
    with pytest.raises(SiteError, match=r"^--scheduler needs Dask \(.+\): pip install 'chrony-provision\[dask\]'$"):
        fleet.run(operation, [(parse_target("ntp1"), settings())], make_secrets(), rolling=True)
