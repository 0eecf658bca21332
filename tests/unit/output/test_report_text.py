"""The lines about one host: each begins with its word."""

import pytest

from provision.output.report import Report
from provision.output.report_text import diff_text, ending_text, finding_text, outcome_text
from tests.helpers.report_samples import BAD, CHANGED, GOOD, PENDING, ROLLED_BACK, SWITCHED, UNCHANGED, UNTRIED, report

LINES = [
    pytest.param(outcome_text(UNCHANGED), "  unchanged    account _chrony", id="unchanged"),
    pytest.param(
        outcome_text(CHANGED), "  changed      chrony 4.9 built  (no finished build of this recipe)", id="changed"
    ),
    pytest.param(outcome_text(PENDING), "  pending      generation 3f0c staged  (not there yet)", id="pending"),
    pytest.param(
        diff_text(PENDING), "      --- chrony.conf\n      +++ chrony.conf (new)\n      -pool old.example", id="diff"
    ),
    pytest.param(diff_text(CHANGED), "", id="no diff"),
    pytest.param(finding_text(GOOD), "  ok           chronyd runs the current generation  (3f0c)", id="ok"),
    pytest.param(
        finding_text(BAD),
        "  FAILED       the clock is synchronised  (0 of 4 sources answer, none is selected)",
        id="failed check",
    ),
    pytest.param(
        finding_text(UNTRIED),
        "  not checked  198.51.100.7: requests from this machine are answered  (no answer reaches this machine)",
        id="not checked",
    ),
]


@pytest.mark.parametrize(("text", "line"), LINES)
def test_a_line_starts_with_its_word(text: str, line: str) -> None:
    assert text == line


ENDINGS = [
    pytest.param(report(), "  ok, nothing changed (3 round trips, 0.9 s)", id="nothing to do"),
    pytest.param(
        report(outcomes=[CHANGED, UNCHANGED], notes=["made key 1 (AES128), kept in /k"]),
        "  note         made key 1 (AES128), kept in /k\n  ok, 1 changed (3 round trips, 0.9 s)",
        id="changed, and a note",
    ),
    pytest.param(report(outcomes=[PENDING]), "  would change (3 round trips, 0.9 s)", id="dry run"),
    pytest.param(
        report(findings=[GOOD, BAD]),
        "  log          /log/ntp1.log\n  FAILED, nothing changed (3 round trips, 0.9 s)",
        id="a finding does not hold",
    ),
    pytest.param(report(findings=[UNTRIED]), "  ok, nothing changed (3 round trips, 0.9 s)", id="could not be tried"),
    pytest.param(
        report(
            error="ntp1: building chrony 4.9 failed (exit status 2): cc: not found",
            outcomes=[CHANGED],
            may_have_changed=True,
        ),
        "  FAILED       ntp1: building chrony 4.9 failed (exit status 2): cc: not found\n"
        "  log          /log/ntp1.log\n"
        "  FAILED, 1 changed (3 round trips, 0.9 s)",
        id="failed",
    ),
    pytest.param(
        report(error="x", outcomes=[CHANGED, SWITCHED], may_have_changed=True, switch=ROLLED_BACK),
        "  FAILED       x\n  log          /log/ntp1.log\n  FAILED, rolled back, 1 changed (3 round trips, 0.9 s)",
        id="rolled back",
    ),
    pytest.param(
        report(error="x", outcomes=[SWITCHED], may_have_changed=True, switch=ROLLED_BACK),
        "  FAILED       x\n  log          /log/ntp1.log\n"
        "  FAILED, rolled back, nothing else changed (3 round trips, 0.9 s)",
        id="rolled back, and nothing else was done",
    ),
    pytest.param(
        report(error="/log: cannot write the log", may_have_changed=True),
        "  FAILED       /log: cannot write the log\n"
        "  log          /log/ntp1.log\n"
        "  FAILED, may have changed (3 round trips, 0.9 s)",
        id="ended within the first step",
    ),
    pytest.param(
        report(error="ntp1: query failed (exit status 1): no such file", outcomes=[CHANGED]),
        "  FAILED       ntp1: query failed (exit status 1): no such file\n"
        "  log          /log/ntp1.log\n"
        "  FAILED, nothing changed (3 round trips, 0.9 s)",
        id="only this machine was changed",
    ),
    pytest.param(
        report(error="ntp1: no answer", tried=False, log=None, round_trips=0),
        "  error        ntp1: no answer\n  not tried (0 round trips, 0.9 s)",
        id="not tried",
    ),
]


@pytest.mark.parametrize(("made", "text"), ENDINGS)
def test_a_report_ends_with_its_verdict(made: Report, text: str) -> None:
    assert ending_text(made) == text
