"""What hosts and files say reaches the terminal, the log and the report only escaped."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invoke.exceptions import Exit

from provision.cli.exits import one_line_errors
from provision.common.errors import CommandFailed
from provision.common.results import Finding, Outcome, Status
from provision.common.text import aligned, in_json, on_one_line, shortened, shown
from provision.host.target import parse_target
from provision.output.fleet_text import fleet_text
from provision.output.json_report import json_text
from provision.output.log import Log
from provision.output.progress.board import Board
from provision.output.progress.lines import Lines
from provision.output.report import Report
from tests.helpers.command_reports import command_report

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202e\u200b\ud800\x7f\nas wanted"
ESCAPED = r"\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202e\u200b\ud800\x7f\nas wanted"
HARMLESS = "Schlüssel 時刻 of «ntp1»: 1 µs"


def test_what_steers_a_terminal_is_escaped() -> None:
    assert on_one_line(HOSTILE) == ESCAPED
    assert shown(HOSTILE) == ESCAPED.replace(r"\n", "\n")
    assert shown("a\tb\nc") == "a\tb\nc"
    assert on_one_line(HARMLESS) == shown(HARMLESS) == HARMLESS


@given(st.text())
def test_any_text_can_be_printed(text: str) -> None:
    assert on_one_line(text).isprintable()
    assert all(char.isprintable() or char in "\n\t" for char in shown(text))


@given(st.text())
def test_json_says_the_same(text: str) -> None:
    document = in_json(json.dumps([text], ensure_ascii=False))
    assert document.isprintable()
    assert json.loads(document) == [text]


def hostile_report() -> Report:
    report = Report(host=parse_target("ntp1"), error=HOSTILE, notes=[HOSTILE], tried=True, log=HOSTILE)
    report.outcomes.append(
        Outcome(id="hostile", title=HOSTILE, status=Status.PENDING, reason=HOSTILE, diff=f"-x\n+{HOSTILE}")
    )
    report.findings.append(Finding(id="x.y", claim=HOSTILE, subject=HOSTILE, holds=False, seen=HOSTILE))
    return report


@pytest.mark.parametrize("many", [False, True])
def test_no_line_of_a_run_steers_the_terminal(
    many: bool,  # noqa: FBT001 -- a parameter of a case
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = hostile_report()
    progress = Board([parse_target("ntp1")], dict).row(parse_target("ntp1")) if many else Lines()
    progress.opening("ntp1")
    progress.say(HOSTILE)
    progress.begin(HOSTILE)
    progress.line(HOSTILE)
    progress.outcome(report.outcomes[0])
    progress.finding(report.findings[0])
    progress.ending(report)
    printed = capsys.readouterr().out
    assert all(char.isprintable() or char == "\n" for char in printed)
    # A line of its own could pass for ours: only what is text of several lines (a diff, a history) may begin one.
    assert f"FAILED       {ESCAPED}" in printed


def test_the_live_line_and_the_table_are_escaped() -> None:
    lines = Lines()
    lines._title, lines._words = HOSTILE, HOSTILE
    assert lines.__rich__().isprintable()
    board = Board([parse_target("ntp1")], dict)
    row = board.row(parse_target("ntp1"))
    row.begin(HOSTILE)
    row.line(HOSTILE)
    cells = [str(cell) for column in board.__rich__().columns for cell in column._cells]
    assert "ntp1" in cells
    assert [cell for cell in cells if not cell.isprintable()] == []


def test_the_end_of_a_fleet_an_error_and_a_log_are_escaped(tmp_path: Path) -> None:
    ending = fleet_text([hostile_report(), hostile_report()])
    assert all(char.isprintable() or char == "\n" for char in ending)
    assert f"{ESCAPED}: ntp1, ntp1" in ending
    with pytest.raises(Exit) as caught, one_line_errors():
        raise CommandFailed(HOSTILE)
    assert str(caught.value) == f"error: {ESCAPED}"
    log = Log("ntp1", tmp_path)
    log.write(HOSTILE)
    log.close()
    assert log.path is not None
    assert Path(log.path).read_text() == f"{ESCAPED}\n"


def test_a_report_has_it_as_escapes_of_json() -> None:
    text = json_text(command_report(hostile_report()))
    assert all(char.isprintable() or char == "\n" for char in text)
    (report,) = json.loads(text)["hosts"]
    assert report["error"] == HOSTILE
    assert report["outcomes"][0]["diff"] == f"-x\n+{HOSTILE}"


def test_a_long_text_is_cut() -> None:
    assert shortened("1234567890", 10) == "1234567890"
    assert shortened("12345678901", 10) == "1234567..."


def test_the_columns_of_a_table_are_aligned() -> None:
    rows = [("id", "label", ""), ("1", "", "x"), ("100", "clock", "y")]
    assert list(aligned(rows)) == ["id   label", "1           x", "100  clock  y"]
