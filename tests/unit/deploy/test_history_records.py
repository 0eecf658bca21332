"""The history of a host: its lines, what to go back to, the events, and the table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.common.errors import ParseError
from provision.deploy.history_records import Record, events, parse_history, previous
from provision.host.unconfirmed import UnconfirmedSwitch
from provision.output.history import Kind, Result, history_text

LINES = """\
2026-11-22T20:00:00Z alice@laptop aaaa active chrony-4.8-nettle-3.10.2-0123 - deploy
2026-11-22T20:00:02Z alice@laptop aaaa confirmed chrony-4.8-nettle-3.10.2-0123 - prove
2026-11-22T21:00:00Z bob@ci bbbb active chrony-4.9-nettle-3.10.2-4567 build,unit deploy
2026-11-22T21:01:30Z chrony-undo.timer bbbb not-confirmed chrony-4.9-nettle-3.10.2-4567 - back
2026-11-22T21:01:30Z chrony-undo.timer aaaa active chrony-4.8-nettle-3.10.2-0123 build,unit back
"""
RECORDS = parse_history(LINES)
WAITING = UnconfirmedSwitch(generation="a", fallback="b", reverts_at="2026-11-22T20:00:59Z", seconds_left=59)


def record(line: str) -> Record:
    generation, outcome = line.split()
    return Record(when="now", who="me", generation=generation, outcome=outcome, build="-", changed="-", task="-")


def history(lines: list[str]) -> tuple[Record, ...]:
    """Return the lines "WHO GENERATION OUTCOME CHANGED TASK" as the host writes them."""
    words = [line.split() for line in lines]
    return parse_history("\n".join(f"T {who} {name} {how} b {what} {task}" for who, name, how, what, task in words))


def test_a_line_is_a_record() -> None:
    assert RECORDS[2] == Record(
        when="2026-11-22T21:00:00Z",
        who="bob@ci",
        generation="bbbb",
        outcome="active",
        build="chrony-4.9-nettle-3.10.2-4567",
        changed="build,unit",
        task="deploy",
    )
    assert len(RECORDS) == 5
    assert parse_history("") == ()


@pytest.mark.parametrize("words", ["", " b conf"])
def test_a_line_of_an_older_release_names_no_task(words: str) -> None:
    (old,) = parse_history(f"2026-11-22T20:00:00Z root aaaa active{words}\n")
    assert old.task == "-"
    assert events((old,), "", None)[0].kind is Kind.SWITCHED


def test_a_truncated_line_is_reported() -> None:
    with pytest.raises(ParseError, match="a line that is none of ours: '2026 al'"):
        parse_history("2026 al")


@given(st.text())
def test_no_history_makes_it_fall_over(text: str) -> None:
    try:
        history_text(events(parse_history(text), "x", WAITING))
    except ParseError:
        return


PREVIOUS = [
    pytest.param(["a active", "a confirmed"], "a", None, id="the first"),
    pytest.param(["a confirmed", "b active", "b confirmed"], "b", "a", id="the one before"),
    pytest.param(["a active", "b active"], "b", "a", id="switched by hand, which nobody confirms"),
    pytest.param(["a confirmed", "b active", "b not-confirmed", "a active"], "a", None, id="never what was not proven"),
    pytest.param(["a confirmed", "c failed", "b confirmed"], "b", "a", id="never what did not come up"),
    pytest.param(["a confirmed", "b confirmed", "a confirmed"], "a", "b", id="back and forth"),
    pytest.param(["a confirmed", "gone confirmed", "b confirmed"], "b", "a", id="never what is not there any more"),
    pytest.param(["c failed", "a confirmed", "c confirmed", "b confirmed"], "b", "c", id="what was mended since"),
]


@pytest.mark.parametrize(("lines", "current", "expected"), PREVIOUS)
def test_what_to_go_back_to(lines: list[str], current: str, expected: str | None) -> None:
    assert previous([record(line) for line in lines], current, ("a", "b", "c")) == expected


EVENTS = [
    pytest.param(
        ["me a active - deploy", "me a confirmed - prove"],
        [("deployed", "a", "proven and confirmed")],
        id="a deployment and its confirmation are one event",
    ),
    pytest.param(
        ["me a active - deploy", "me a confirmed - prove", "me b active conf rollback", "me b confirmed - prove"],
        [("deployed", "a", "proven and confirmed"), ("rolled back", "b", "proven and confirmed")],
        id="a rollback is no deployment",
    ),
    pytest.param(
        ["me b active conf deploy", "me b not-confirmed - back", "me a active conf back"],
        [("deployed", "b", "not confirmed"), ("went back", "a", "started")],
        id="a proof that failed",
    ),
    pytest.param(
        ["me b active conf deploy", "chrony-undo.timer b not-confirmed - back", "chrony-undo.timer a active conf back"],
        [("deployed", "b", "not confirmed"), ("reverted by itself", "a", "started")],
        id="the timer of the host",
    ),
    pytest.param(
        ["me b failed conf deploy", "me a active conf back"],
        [("deployed", "b", "did not come up"), ("went back", "a", "started")],
        id="it did not come up",
    ),
    pytest.param(["root a active conf -"], [("switched", "a", "started")], id="by hand"),
    pytest.param(
        ["root a active conf -", "root a confirmed - -"],
        [("switched", "a", "confirmed by hand")],
        id="by hand, with a timer: this tool proved nothing",
    ),
    pytest.param(
        ["root a active conf -", "me a confirmed - prove"],
        [("switched", "a", "proven and confirmed")],
        id="by hand, and proven by the next run",
    ),
    pytest.param(
        ["root before none - -"], [("removed", "before", "no service to start")], id="no previous service was there"
    ),
    pytest.param(
        ["chrony-undo.timer before none - back"],
        [("reverted by itself", "before", "no service to start")],
        id="the timer of the host, without a previous service",
    ),
    pytest.param(["me a active nothing restart"], [("restarted", "a", "started")], id="the same generation"),
    pytest.param(
        ["me b active - deploy", "me b not-confirmed - back", "me before active - back"],
        [("deployed", "b", "not confirmed"), ("went back", "before", "started")],
        id="the first deployment failed",
    ),
    pytest.param(
        ["me a active - deploy", "me a confirmed - prove", "me before active - -"],
        [("deployed", "a", "proven and confirmed"), ("removed", "before", "started")],
        id="uninstall",
    ),
    pytest.param(
        ["me a confirmed - prove", "chrony-undo.timer a not-confirmed - -"],
        [("switched", "a", "proven and confirmed"), ("switched", "a", "not confirmed")],
        id="a confirmed event is not taken back by a switch that a power cut stopped",
    ),
]


@pytest.mark.parametrize(("lines", "expected"), EVENTS)
def test_each_change_is_one_event_with_its_kind(lines: list[str], expected: list[tuple[str, str, str]]) -> None:
    seen = events(history(lines), "", None)
    assert [(event.kind.value, event.generation, event.result.value) for event in seen] == expected


def test_the_last_event_of_the_current_generation_is_current_and_may_wait() -> None:
    lines = ["me a active - deploy", "me a confirmed - prove", "me b active conf deploy", "me a active conf rollback"]
    seen = events(history(lines), "a", WAITING)
    assert [event.current for event in seen] == [False, False, True]
    assert [event.result for event in seen] == [Result.CONFIRMED, Result.STARTED, Result.WAITS]
    assert events(history(lines), "a", None)[2].result is Result.STARTED
