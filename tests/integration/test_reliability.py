"""A deployment that is broken, anywhere and in every way, costs no host its time; what came of it is in a document."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.booted_hosts import ROOT, login, need_root
from tests.helpers.faults import FAULTS, WITHIN, Broken, Case, kill_control
from tests.helpers.host_under_test import BEFORE, CONFIRM_TIMEOUT, NOTHING, is_proven, services
from tests.helpers.lab import Lab, prepare, stop_at
from tests.helpers.matrix import STORIES, Matrix, between_marks, cases, problems, rows, table
from tests.helpers.odd_faults import ODD, PROVING, odd_cases

pytestmark = pytest.mark.integration

DOCUMENT = ROOT / "docs/reliability.md"
MARKS = ("<!-- table: begin -->", "<!-- table: end -->")
WRITE = "WRITE_RELIABILITY"
"""With this variable in the environment every case is run, a quarter of an hour, and the table is written; otherwise
those of :data:`SAMPLE`, in which hosts differ most, and the rows of the table are compared."""
SAMPLE = {
    "before taking the host's lock",
    "inside installing packages",
    "inside building chrony 4.9",
    "before rehearsing beside the running daemon",
    "inside switching",
    "before confirming",
    "after confirming",
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    need_root()
    folder = tmp_path_factory.mktemp("disks")
    yield prepare(folder)
    # pytest keeps what tests leave, and these are large.
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def every(lab: Lab) -> list[Case]:
    return cases(lab) + odd_cases()


@pytest.fixture(scope="module")
def some(every: list[Case]) -> list[Case]:
    return [case for case in every if os.environ.get(WRITE) or _is_sampled(case)]


def _is_sampled(case: Case) -> bool:
    # How dpkg recovers from a full disk depends on the package at which it was; the whole matrix tells.
    by_chance = (case.fault, case.place) == ("disk full", "inside installing packages")
    return (case.place in SAMPLE and not by_chance) or case.fault in ODD


@pytest.fixture(scope="module")
def matrix(lab: Lab, some: list[Case]) -> Matrix:
    made = Matrix(lab)
    made.run(some)
    return made


def assert_served(matrix: Matrix, some: list[Case]) -> None:
    """Assert that all is well with some cases; say what is not with each."""
    assert some
    wrong = [f"{case}: {matrix.errors[case]}" for case in some if case in matrix.errors]
    for case in some:
        if case in matrix.results:
            wrong += [f"{case}: {problem}" for problem in problems(case, matrix.results[case])]
    assert wrong == []


def _pairs() -> list[tuple[str, str]]:
    """Return each kind of host with each fault; see _is_sampled for the one that only the whole matrix has."""
    every = [(kind, fault) for kind in STORIES for fault in FAULTS]
    return every if os.environ.get(WRITE) else [pair for pair in every if pair != ("fresh", "disk full")]


@pytest.mark.parametrize(("kind", "fault"), _pairs())
def test_time_is_served_and_the_next_run_completes(kind: str, fault: str, matrix: Matrix, some: list[Case]) -> None:
    assert_served(matrix, [case for case in some if (case.kind, case.fault) == (kind, fault)])


@pytest.mark.parametrize("case", [pytest.param(case, id=case.fault) for case in odd_cases()])
def test_an_odd_fault(case: Case, matrix: Matrix) -> None:
    assert_served(matrix, [case])
    assert matrix.results[case].served == ODD[case.fault].serves


@pytest.mark.parametrize(("kind", "runs"), [("running", None), ("packaged", BEFORE)])
def test_without_its_control_machine_a_host_goes_back_by_itself(kind: str, runs: str | None, lab: Lab) -> None:
    with lab.host(f"alone-{kind}") as tested:
        tested.become(lab.disk(kind))
        old, seen = tested.running, services(tested)
        assert runs in {None, old}
        tested.number = 100
        stop_at(tested, "before confirming")
        assert tested.unconfirmed
        deadline = time.monotonic() + WITHIN
        while (tested.running != old or tested.unconfirmed) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert tested.running == old
        assert is_proven(tested, old)
        assert tested.leftovers() == ()
        assert services(tested) == seen


def test_going_back_leaves_one_daemon_where_two_were_running(lab: Lab) -> None:
    # A power cut between the enabling of ours and the masking of Debian's has both start, each as a unit of its own.
    with lab.host("two") as tested:
        tested.become(lab.disk("packaged"))
        tested.number = 100
        stop_at(tested, PROVING)
        login(tested.disk.host, f"/opt/chrony/switch --wait {tested.running} 600")
        login(tested.disk.host, "rm /run/chrony/chronyd.pid; systemctl -q unmask chrony; systemctl start chrony")
        assert " " in tested.running, "both"
        login(tested.disk.host, "/opt/chrony/switch --back")
        assert tested.running == BEFORE
        assert "a second chronyd" not in tested.leftovers()


def test_the_run_after_a_broken_one_is_not_content_with_less(lab: Lab) -> None:
    """What was seen before the switch is kept on the host: the run that proves need not be the one that switched."""
    answers_itself = 'time.extra = ["binddevice lo"]\n'
    with lab.host("again") as tested:
        tested.become(lab.disk("running"))
        old = tested.running
        tested.number = 100
        stop_at(tested, PROVING, answers_itself)
        assert tested.unconfirmed
        again = tested.operator.run(*tested.words(answers_itself))
        assert again.status == 1
        assert "no answer reaches this machine" in again.error
        assert "and one did before the switch" in again.error
        assert (tested.running, tested.unconfirmed) == (old, False)


def test_the_run_after_a_broken_one_has_all_the_time_for_its_proof(lab: Lab) -> None:
    with lab.host("resumed") as tested:
        tested.become(lab.disk("running"))
        old, within = tested.running, 2 * CONFIRM_TIMEOUT
        tested.number = 100
        words = (*tested.words()[:-1], f"--confirm-timeout={within}")
        first = tested.operator.start_at(PROVING, *words)
        tested.operator.await_stop(first)
        kill_control(Broken(tested, first, None))
        begun = (tested.disk.files / "opt/chrony/unconfirmed").stat().st_mtime
        time.sleep(max(0.0, begun + within / 3 - time.time()))
        second = tested.operator.start_at("before confirming", *words)
        tested.operator.await_stop(second)
        time.sleep(max(0.0, begun + within + 2 - time.time()))
        kept = Broken(tested, second, None).go_on()
        assert kept.status == 0, kept
        assert tested.running not in {old, NOTHING}
        assert tested.leftovers() == ()


def test_the_document_has_each_case(matrix: Matrix, every: list[Case]) -> None:
    head, there, tail = between_marks(DOCUMENT, MARKS)
    if os.environ.get(WRITE):
        Path(DOCUMENT).write_text(f"{head}{table(matrix.results, every)}{tail}")
        return
    wanted = {case.fault if case.fault in ODD else case.place for case in every}
    assert rows(there) - {"where", "fault"} == wanted, "write it anew: inv reliability"
