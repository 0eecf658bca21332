"""Hosts that are watched: one connection for each, also while their answers are errors, and a new one after a loss."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from provision.common.errors import CommandFailed, HostUnreachable
from provision.deploy import runner
from provision.deploy.run import Run
from provision.fleet import watch
from provision.fleet.watch import CONNECTING, Watch
from provision.host.session import connect
from provision.host.target import parse_target
from provision.output.report import Report
from tests.helpers.command_secrets import make_secrets
from tests.helpers.host_settings import make_settings

LOCAL = parse_target("local")
PATIENCE = 60
"""Seconds; a test that waits for so long waits for nothing else."""


@pytest.fixture(autouse=True)
def connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the hosts to which a connection was made."""
    made: list[str] = []

    def counted(target: object, **options: object) -> object:
        made.append(str(target))
        return connect(target, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "connect", counted)
    monkeypatch.setattr(watch, "RECONNECT_SECONDS", 0.0)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return made


def watched(operation: Callable[[Run], None], until: Callable[[Report], bool]) -> Report:
    """Watch this machine until a report is as expected; return it."""
    given_up = threading.Timer(PATIENCE, lambda: None)
    given_up.start()

    def show(reports: list[Report]) -> None:
        if until(reports[0]) or not given_up.is_alive():
            raise KeyboardInterrupt

    one = Watch(seconds=0.05, parallel=1, quiet=nullcontext)
    try:
        (report,) = one.run(operation, [(LOCAL, make_settings())], make_secrets(), show)
    finally:
        given_up.cancel()
    assert until(report), report
    return report


def asked(answers: Iterator[Exception | None]) -> Callable[[Run], None]:
    """Return an operation that ends with these errors in turn, and notes its number."""
    number = 0

    def ask(run: Run) -> None:
        nonlocal number
        number += 1
        if (error := next(answers, None)) is not None:
            raise error
        run.report.notes.append(str(number))

    return ask


def was_asked_three_times(report: Report) -> bool:
    """Return whether the third answer is there, or a later one: on a busy machine, not every answer is shown."""
    return any(int(note) >= 3 for note in report.notes)


def test_a_host_is_asked_again_over_the_same_connection(connections: list[str]) -> None:
    report = watched(asked(iter([])), was_asked_three_times)
    assert (report.ok, report.tried, connections) == (True, True, ["local"])


def test_an_answer_that_is_an_error_keeps_the_connection(connections: list[str]) -> None:
    seen: list[str | None] = []

    def until(report: Report) -> bool:
        seen.append(report.error)
        return was_asked_three_times(report)

    report = watched(asked(iter([None, CommandFailed("local: nothing is deployed here")])), until)
    assert (report.error, connections) == (None, ["local"])


def test_after_a_loss_the_host_is_connected_to_anew(connections: list[str]) -> None:
    report = watched(asked(iter([None, HostUnreachable("local: connection lost")])), was_asked_three_times)
    assert (report.error, connections) == (None, ["local", "local"])


def test_a_host_that_is_away_is_shown_as_not_tried_with_the_reason() -> None:
    def lost(_: Run) -> None:
        raise HostUnreachable("local: connection lost")

    report = watched(lost, lambda report: report.error not in {None, CONNECTING})
    assert (report.error, report.tried) == ("local: connection lost", False)


def test_no_log_is_written_for_hours_of_answers(tmp_path: Path) -> None:
    def greet(run: Run) -> None:
        run.session.host.run("greeting", "echo hello")
        run.report.notes.append("greeted")

    watched(greet, lambda report: "greeted" in report.notes)
    assert list(tmp_path.rglob("*.log")) == []


def test_hosts_that_hang_are_waited_for_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "END_SECONDS", 1.0)
    released = threading.Event()

    def hang(*_: object, **__: object) -> Report:
        released.wait(PATIENCE)
        return Report(host=LOCAL)

    monkeypatch.setattr(watch, "run_on", hang)

    def interrupt(_: list[Report]) -> None:
        raise KeyboardInterrupt

    hosts = [(parse_target(f"ntp{number}"), make_settings()) for number in range(20)]
    begun = time.monotonic()
    Watch(seconds=0.05, parallel=20, quiet=nullcontext).run(lambda _: None, hosts, make_secrets(), interrupt)
    seconds = time.monotonic() - begun
    released.set()
    # One after the other it is 20 s.
    assert seconds < 10


def test_a_bug_names_no_log_for_there_is_none() -> None:
    def fail(_: Run) -> None:
        raise KeyError("x")

    report = watched(fail, lambda report: report.error not in {None, CONNECTING})
    assert report.error == "internal error: KeyError; without --watch, a log has the traceback: please report it"
