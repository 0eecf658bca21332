"""One story on many hosts: threads, what is held and goes on, what is left alone, and what a command line says."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from provision.errors import SiteError
from provision.fleet import Fleet, Inline, Worker, _run, fleet, places
from provision.progress.lines import Lines
from provision.report import Report
from provision.rollout import Gate, Held, Rollout
from provision.run import Job, Run, Stop, run_on
from provision.site import Rollout as RolloutTable
from provision.target import parse_target
from provision.wish import Options, Wish, make_wish


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def story(_: Run) -> None:
    raise AssertionError("no host is asked here")


def wish(*, role: str = "server", **more: object) -> Wish:
    made = make_wish(Options())
    serve = type(made.site.serve)(role=role)  # type: ignore[arg-type]
    table = type(made.site)(serve=serve, rollout=RolloutTable(max_unavailable=1))
    return replace(made, site=table, has_keys=True, **more)  # type: ignore[arg-type]


def run(worker: Worker, wishes: dict[str, Wish], *, parallel: int = 16, rolling: bool = True) -> list[Report]:
    pairs = [(parse_target(name), one) for name, one in wishes.items()]
    jobs = {str(target): Job(target=target, wish=one, story=story) for target, one in pairs}
    rollout = Rollout(places(pairs, rolling=rolling), parallel=parallel, max_failures=None)
    reports: dict[str, Report] = {}
    with ThreadPoolExecutor(parallel) as threads:
        _run(jobs, rollout, threads, worker, reports, Stop())
    return [reports[name] for name in jobs]


def done(job: Job, *, error: str | None = None) -> Report:
    report = job.report or Report(host=str(job.target))
    return replace(report, held=None, error=error, tried=True, round_trips=report.round_trips + 1)


def test_all_run_at_once_and_are_reported_in_their_order() -> None:
    together = threading.Barrier(4, timeout=60)

    def worker(job: Job) -> Report:
        together.wait()
        return done(job)

    reports = run(worker, dict.fromkeys("dbca", wish(role="client")))
    assert [report.host for report in reports] == ["d", "b", "c", "a"]


def test_no_more_run_at_once_than_are_wanted() -> None:
    now = set[str]()
    most = 0

    def worker(job: Job) -> Report:
        nonlocal most
        now.add(str(job.target))
        most = max(most, len(now))
        time.sleep(0.01)
        now.remove(str(job.target))
        return done(job)

    run(worker, {f"h{number}": wish(role="client") for number in range(20)}, parallel=3)
    assert 1 < most <= 3


def test_what_is_held_goes_on_with_its_report() -> None:
    seen: list[tuple[str, bool]] = []

    def worker(job: Job) -> Report:
        seen.append((str(job.target), Gate.SWITCH in job.open))
        report = done(job)
        return report if Gate.SWITCH in job.open else replace(report, held=Held(Gate.SWITCH))

    reports = run(worker, {"a": wish(group="x"), "b": wish(group="x"), "c": wish(role="client", follows=("a", "b"))})
    assert [report.round_trips for report in reports] == [1, 2, 2]
    switched = [name for name, may in seen if may]
    assert switched == ["a", "b", "c"]


def test_a_server_that_fails_stops_the_others_of_its_group_and_the_report_says_why() -> None:
    def worker(job: Job) -> Report:
        if Gate.SWITCH not in job.open:
            return replace(done(job), held=Held(Gate.SWITCH))
        return done(job, error="it broke")

    first, second = run(worker, {"a": wish(group="x"), "b": wish(group="x")})
    assert first.error == "it broke"
    assert (second.error or "").startswith("left alone: a of its group may be without service")
    assert (second.held, second.tried) == (None, False)


def test_what_only_looks_needs_no_turn() -> None:
    seen: list[frozenset[Gate]] = []

    def worker(job: Job) -> Report:
        seen.append(job.open)
        return done(job, error="it broke")

    reports = run(worker, {"a": wish(group="x"), "b": wish(group="x", follows=("a",))}, rolling=False)
    assert [report.error for report in reports] == ["it broke", "it broke"]


def test_hosts_that_follow_each_other_begin_with_the_first() -> None:
    pairs = [
        (parse_target("a"), wish(follows=("b",))),
        (parse_target("b"), wish(follows=("a",))),
    ]
    assert [place.follows for place in places(pairs, rolling=True)] == [(), ("a",)]


def test_a_bug_in_a_thread_is_a_traceback() -> None:
    def worker(_: Job) -> Report:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(worker, {"a": wish(), "b": wish()})


def test_inline_acts_at_once_and_here() -> None:
    assert Inline().submit(threading.current_thread).result() is threading.main_thread()


def test_one_host_is_told_in_this_thread(capsys: pytest.CaptureFixture[str]) -> None:
    threads: list[threading.Thread] = []

    def tell(_: Run) -> None:
        threads.append(threading.current_thread())

    (report,) = Fleet().tell(tell, [(parse_target("local"), wish())], rolling=True)
    assert (report.ok, threads) == (True, [threading.main_thread()])
    assert capsys.readouterr().out.startswith("local\n  as wanted, nothing changed (1 round trips, ")


def test_when_all_is_to_end_nothing_begins(capsys: pytest.CaptureFixture[str]) -> None:
    stop = Stop()
    stop.now()
    report = run_on(Job(target=parse_target("local"), wish=wish(), story=story), Lines(), stop)
    assert (report.error, report.tried) == ("interrupted; the same line completes what was begun", False)
    assert "interrupted; the same line completes what was begun" in capsys.readouterr().out


NUMBERS = [
    pytest.param("0", "", "--parallel 0: say a number of hosts, from 1 to 1000", id="none at once"),
    pytest.param("many", "", "--parallel many: say a number of hosts, from 1 to 1000", id="no number"),
    pytest.param("16", "0", "--max-failures 0: say a number of hosts, from 1 to 1000000", id="no failure at all"),
]


@pytest.mark.parametrize(("parallel", "failures", "words"), NUMBERS)
def test_what_a_command_line_says_is_checked(parallel: str, failures: str, words: str) -> None:
    with pytest.raises(SiteError) as caught:
        fleet(parallel, failures)
    assert str(caught.value) == words


def test_a_command_line_is_understood() -> None:
    assert fleet("20", "") == Fleet(parallel=20, max_failures=None)
    assert fleet("1", "3") == Fleet(parallel=1, max_failures=3)


def test_a_cluster_without_dask_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "provision.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SiteError, match=r"^--scheduler needs Dask \(.+\): pip install 'chrony-provision\[dask\]'$"):
        Fleet(scheduler="tcp://127.0.0.1:8786").tell(story, [(parse_target("ntp1"), wish())], rolling=True)
