"""The history of a host: its lines, what to go back to, and the table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.errors import ParseError
from provision.history import Event, history_text, parse_history, previous

LINES = """\
2026-11-22T20:00:00Z alice@laptop aaaa active chrony-4.8-nettle-3.10.2-0123 -
2026-11-22T20:00:02Z alice@laptop aaaa confirmed chrony-4.8-nettle-3.10.2-0123 -
2026-11-22T21:00:00Z bob@ci bbbb active chrony-4.9-nettle-3.10.2-4567 build,unit
2026-11-22T21:01:30Z chrony-undo.timer bbbb not-confirmed chrony-4.9-nettle-3.10.2-4567 -
2026-11-22T21:01:30Z chrony-undo.timer aaaa active chrony-4.8-nettle-3.10.2-0123 build,unit
"""
EVENTS = parse_history(LINES)


def event(line: str) -> Event:
    generation, outcome = line.split()
    return Event(when="now", who="me", generation=generation, outcome=outcome, build="-", changed="-")


def test_a_line_is_an_event() -> None:
    assert EVENTS[2] == Event(
        when="2026-11-22T21:00:00Z",
        who="bob@ci",
        generation="bbbb",
        outcome="active",
        build="chrony-4.9-nettle-3.10.2-4567",
        changed="build,unit",
    )
    assert len(EVENTS) == 5
    assert parse_history("") == ()


def test_a_line_of_four_words_is_one_of_an_older_release() -> None:
    (old,) = parse_history("2026-11-22T20:00:00Z root aaaa active\n")
    assert (old.build, old.changed) == ("-", "-")


def test_a_line_that_was_cut_is_told() -> None:
    with pytest.raises(ParseError, match="a line that is none of ours: '2026 al'"):
        parse_history("2026 al")


@given(st.text())
def test_no_history_makes_it_fall_over(text: str) -> None:
    try:
        history_text(parse_history(text), "x")
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
    assert previous([event(line) for line in lines], current, ("a", "b", "c")) == expected


def test_the_table_is_read_by_eye() -> None:
    heading, *lines = history_text(EVENTS[1:3], "aaaa").splitlines()
    assert heading.split("  ")[1] == "when"
    assert heading.endswith("changed     what became of it")
    assert lines == [
        "* 2026-11-22T20:00:02Z  alice@laptop  aaaa        chrony-4.8-nettle-3.10.2-0123  -           proven",
        "  2026-11-22T21:00:00Z  bob@ci        bbbb        chrony-4.9-nettle-3.10.2-4567  build,unit  started",
    ]
    assert {line.index("aaaa" if "aaaa" in line else "bbbb") for line in lines} == {heading.index("generation")}
