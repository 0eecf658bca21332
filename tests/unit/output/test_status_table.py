"""The table of many hosts."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from provision.common.results import Finding
from provision.host.target import parse_target
from provision.host.unconfirmed import UnconfirmedSwitch
from provision.output.progress.status_board import print_status
from provision.output.report import Report
from provision.output.status import HostStatus
from provision.output.status_table import status_lines, worst_first
from tests.helpers.status_samples import CLOCK, LOST, SOURCE, STATUS
from tests.unit.output.test_progress import on_a_terminal

LATE = Finding(id="limits.offset", claim="the offset is within the limit", holds=False, seen="60 ms, limit 50 ms")


def report(name: str, state: HostStatus | None = STATUS, *findings: Finding, error: str | None = None) -> Report:
    """Return the report of a status."""
    return Report(host=parse_target(name), status=state, findings=list(findings), error=error, tried=error is None)


WORSE = replace(STATUS, generation="0123456789abcdef", clock=replace(CLOCK, error_bound_seconds=0.2))
SILENT = replace(STATUS, generation="", clock=None, sources=())
REPORTS = [
    report("good"),
    report("lost", None, error="lost: connection refused"),
    report("weak", WORSE),
    report("late", STATUS, LATE),
    report("down", SILENT, replace(LATE, id="process.running", claim="chronyd runs", seen="no process")),
]
TABLE = """\
host  role    stratum  offset  error bound  source            reach  authentication  generation  state
down  server  -        -       -            -                 -      -               -           FAILED: process.running
late  server  2        -3 µs   5 ms         ntp1.example.net  377    key 7, valid    aaaa        FAILED: limits.offset
lost  -       -        -       -            -                 -      -               -           not tried
weak  server  2        -3 µs   200 ms       ntp1.example.net  377    key 7, valid    01234567    ok
good  server  2        -3 µs   5 ms         ntp1.example.net  377    key 7, valid    aaaa        ok
5 hosts: 2 FAILED, 1 not tried, 2 ok
  1 host (down): FAILED: chronyd runs (no process)
  1 host (late): FAILED: the offset is within the limit (60 ms, limit 50 ms)
  1 host (lost): connection refused
"""


def test_each_host_has_a_line_and_the_worst_is_first(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(REPORTS)
    assert capsys.readouterr().out == TABLE


def test_what_was_seen_on_several_hosts_is_that_of_the_first_with_its_name() -> None:
    later = replace(LATE, seen="70 ms,\nlimit 50 ms")
    alike = [line for line, _ in status_lines([report("a", STATUS, LATE), report("b", STATUS, LATE)])]
    assert alike[-1] == "  2 hosts (a, b): FAILED: the offset is within the limit (60 ms, limit 50 ms)"
    different = [line for line, _ in status_lines([report("a", STATUS, later), report("b", STATUS, LATE)])]
    assert different[-1] == "  2 hosts (a, b): FAILED: the offset is within the limit (a: 70 ms,\\nlimit 50 ms)"
    long = [line for line, _ in status_lines([report("a", STATUS, replace(LATE, seen="x" * 9000)), report("b")])]
    assert len(long[-1]) < 400


def test_one_host_is_counted_as_one() -> None:
    assert ("1 host: 1 ok", "bold") in status_lines([report("a")])


def test_equal_hosts_keep_their_order() -> None:
    assert [str(one.host) for one in worst_first([report("b"), report("a")])] == ["b", "a"]


def test_hosts_that_are_not_ok_have_a_colour() -> None:
    colours = {line.split()[0]: colour for line, colour in status_lines(REPORTS)}
    assert (colours["late"], colours["lost"], colours["good"]) == ("red", "yellow", "")


def test_an_unconfirmed_switch_is_named() -> None:
    waiting = UnconfirmedSwitch(generation="aaaa", fallback="bbbb", reverts_at="2026-11-22T20:00:59Z", seconds_left=59)
    lines = status_lines([report("a", replace(STATUS, unconfirmed=waiting, confirmed=False)), report("b")])
    assert next(line for line, _ in lines if line.startswith("a ")).endswith("  ok, not confirmed")


def test_a_host_that_fails_names_the_layers_of_its_sources_once() -> None:
    state = replace(STATUS, sources=(SOURCE, LOST, LOST))
    lines = [line for line, _ in status_lines([report("bad", state, LATE), report("good", state)])]
    assert lines[1].endswith("  FAILED: limits.offset (no-route)")
    assert lines[2].endswith("  ok")


ON_A_TERMINAL = """
from tests.unit.output.test_status_table import REPORTS
from provision.output.progress.status_board import StatusBoard, print_status
print_status(REPORTS)
with StatusBoard(5) as board:
    board.show(REPORTS[:2])
    with board.quiet():
        print("password:")
    board.show(REPORTS[3:])
"""


def test_on_a_terminal_hosts_have_colours_and_a_watched_table_is_drawn_anew(tmp_path: Path) -> None:
    written = on_a_terminal(ON_A_TERMINAL, tmp_path)
    assert "\x1b[31mlate" in written
    assert "\x1b[33mlost" in written
    heading = " UTC, every 5 s; Ctrl-C ends"
    assert written.count(heading) >= 2
    assert written.index(heading) < written.index("password:") < written.rindex(heading)
    # Control Sequence "cursor up": the second table is drawn over the first.
    assert "\x1b[1A" in written[written.index(heading) :]


def test_a_terminal_without_a_cursor_gets_each_table(tmp_path: Path) -> None:
    written = on_a_terminal(ON_A_TERMINAL, tmp_path, term="dumb")
    assert "\x1b" not in written
    assert written.count(" UTC, every 5 s; Ctrl-C ends") == 2


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (120, 10),
        (100, 9),
        (80, 8),
        (60, 5),
        (20, 5),
    ],
)
def test_the_state_is_within_a_narrow_terminal(width: int, columns: int) -> None:
    heading = status_lines(REPORTS, width)[0][0]
    assert len(re.split(r"  +", heading)) == columns
    if width >= 60:
        assert heading.index("  state") + len("  not tried") <= width
    assert status_lines(REPORTS)[0][0] == TABLE.splitlines()[0]


def test_text_from_a_host_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = replace(STATUS, generation="a\nb", sources=(replace(SOURCE, name="\x1b[2Jntp\nX"),))
    print_status([report("a", hostile), report("b")])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert len(out.splitlines()) == 4
