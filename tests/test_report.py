"""The report: its whole text, its JSON, and what the exit status says."""
# ruff: noqa: FBT003 -- a finding reads best as claim, holds, seen

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provision.converge import Outcome, Status
from provision.errors import SiteError
from provision.findings import Finding
from provision.report import (
    Report,
    diff_text,
    ending_text,
    exit_status,
    finding_text,
    outcome_text,
    write_json,
)

DIFF = "--- chrony.conf\n+++ chrony.conf (new)\n-pool old.example"
CHANGED = Outcome(title="chrony 4.9 built", status=Status.CHANGED, reason="no finished build of this recipe")
UNCHANGED = Outcome(title="account _chrony", status=Status.UNCHANGED)
PENDING = Outcome(title="generation 3f0c staged", status=Status.PENDING, reason="not there yet", diff=DIFF)
GOOD = Finding("it runs the current generation", True, "3f0c")
BAD = Finding("the clock is synchronised", False, "0 of 4 sources answer, none is selected")
UNTRIED = Finding("asked from here", None, "no answer reaches this machine")


def report(**changes: Any) -> Report:
    made = Report(host="ntp1", tried=True, log="/log/ntp1.log", round_trips=3, seconds=0.94)
    return replace(made, **changes)


LINES = [
    pytest.param(outcome_text(UNCHANGED), "  unchanged  account _chrony", id="unchanged"),
    pytest.param(
        outcome_text(CHANGED), "  changed    chrony 4.9 built  (no finished build of this recipe)", id="changed"
    ),
    pytest.param(outcome_text(PENDING), "  pending    generation 3f0c staged  (not there yet)", id="pending"),
    pytest.param(
        diff_text(PENDING), "      --- chrony.conf\n      +++ chrony.conf (new)\n      -pool old.example", id="diff"
    ),
    pytest.param(diff_text(CHANGED), "", id="no diff"),
    pytest.param(finding_text(GOOD), "  ok         it runs the current generation  (3f0c)", id="ok"),
    pytest.param(
        finding_text(BAD),
        "  NOT OK     the clock is synchronised  (0 of 4 sources answer, none is selected)",
        id="not ok",
    ),
    pytest.param(
        finding_text(UNTRIED), "  not tried  asked from here  (no answer reaches this machine)", id="not tried"
    ),
]


@pytest.mark.parametrize(("text", "line"), LINES)
def test_a_line_starts_with_its_word(text: str, line: str) -> None:
    assert text == line


ENDINGS = [
    pytest.param(report(), "  as wanted, nothing changed (3 round trips, 0.9 s)", id="nothing to do"),
    pytest.param(
        report(outcomes=[CHANGED, UNCHANGED], notes=["made key 1 (AES128), kept in /k"]),
        "  note       made key 1 (AES128), kept in /k\n  as wanted, 1 changed (3 round trips, 0.9 s)",
        id="changed, and a note",
    ),
    pytest.param(report(outcomes=[PENDING]), "  would change (3 round trips, 0.9 s)", id="dry run"),
    pytest.param(
        report(findings=[GOOD, BAD]),
        "  log        /log/ntp1.log\n  not as wanted (3 round trips, 0.9 s)",
        id="a finding does not hold",
    ),
    pytest.param(
        report(findings=[UNTRIED]), "  as wanted, nothing changed (3 round trips, 0.9 s)", id="could not be tried"
    ),
    pytest.param(
        report(error="ntp1: building chrony 4.9 failed (exit status 2): cc: not found", outcomes=[CHANGED]),
        "  FAILED     ntp1: building chrony 4.9 failed (exit status 2): cc: not found\n"
        "  log        /log/ntp1.log\n"
        "  not as wanted (3 round trips, 0.9 s)",
        id="failed",
    ),
    pytest.param(
        report(error="ntp1: no answer", tried=False, log=None, round_trips=0),
        "  FAILED     ntp1: no answer\n  not tried (0 round trips, 0.9 s)",
        id="not tried",
    ),
]


@pytest.mark.parametrize(("made", "text"), ENDINGS)
def test_a_report_ends_with_its_verdict(made: Report, text: str) -> None:
    assert ending_text(made) == text


OK = report()
WRONG = report(findings=[BAD])
FAILED = report(error="x")
NOT_TRIED = report(error="x", tried=False)
WOULD = report(outcomes=[PENDING])
STATUSES = [
    pytest.param([OK], 0, id="as wanted"),
    pytest.param([report(findings=[GOOD, UNTRIED])], 0, id="not tried from here is no failure"),
    pytest.param([WRONG], 1, id="a finding does not hold"),
    pytest.param([FAILED], 1, id="failed on the way"),
    pytest.param([NOT_TRIED], 2, id="not tried"),
    pytest.param([WOULD], 3, id="would change"),
    pytest.param([OK, NOT_TRIED], 2, id="one not tried"),
    pytest.param([NOT_TRIED, FAILED], 1, id="the worst counts"),
    pytest.param([WOULD, OK], 3, id="one would change"),
    pytest.param([WOULD, NOT_TRIED], 2, id="an error before a change"),
]


@pytest.mark.parametrize(("reports", "status"), STATUSES)
def test_the_exit_status_tells(reports: list[Report], status: int) -> None:
    assert exit_status(reports) == status


def test_json_holds_everything(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    made = report(platform="debian-12-x86_64", outcomes=[PENDING], findings=[UNTRIED], notes=["Schlüssel"], seconds=0.5)
    write_json(str(path), [made, NOT_TRIED])
    assert json.loads(path.read_text())[0] == {
        "host": "ntp1",
        "address": "",
        "platform": "debian-12-x86_64",
        "outcomes": [{"title": "generation 3f0c staged", "status": "pending", "reason": "not there yet", "diff": DIFF}],
        "findings": [
            {"claim": "asked from here", "holds": None, "seen": "no answer reaches this machine", "vital": True}
        ],
        "sources": [],
        "notes": ["Schlüssel"],
        "error": None,
        "tried": True,
        "log": "/log/ntp1.log",
        "round_trips": 3,
        "seconds": 0.5,
        "ok": True,
        "changed": 0,
    }
    assert [host["ok"] for host in json.loads(path.read_text())] == [True, False]
    assert path.read_text().endswith("]\n")
    assert stat.S_ISREG(path.stat().st_mode)


def test_a_report_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=f"^--json {tmp_path}/no/r.json: cannot be written: No such file or directory$"):
        write_json(f"{tmp_path}/no/r.json", [OK])
