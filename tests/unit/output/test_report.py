"""The report: its whole text, and what the exit status says."""

from dataclasses import replace
from typing import Any

import pytest

from provision.chrony.chronyc.associations import Association
from provision.common.results import Finding, Outcome, Status, SwitchState
from provision.deploy.steps.active import Active
from provision.deploy.steps.daemon_unaltered import Unaltered
from provision.deploy.steps.process_as_unit import AsUnitSays
from provision.host.target import parse_target
from provision.output.report import (
    BY_URGENCY,
    MOST_NAMED,
    SWITCHING,
    Report,
    Verdict,
    diff_text,
    ending_text,
    exit_status,
    finding_text,
    fleet_text,
    outcome_text,
)

DIFF = "--- chrony.conf\n+++ chrony.conf (new)\n-pool old.example"
CHANGED = Outcome(
    id="build", title="chrony 4.9 built", status=Status.CHANGED, reason="no finished build of this recipe"
)
UNCHANGED = Outcome(id="account", title="account _chrony", status=Status.UNCHANGED)
PENDING = Outcome(id="staged", title="generation 3f0c staged", status=Status.PENDING, reason="not there yet", diff=DIFF)
GOOD = Finding(id="process.generation", claim="chronyd runs the current generation", holds=True, seen="3f0c")
BAD = Finding(
    id="clock.synchronised",
    claim="the clock is synchronised",
    holds=False,
    seen="0 of 4 sources answer, none is selected",
)
SWITCHED = Outcome(id="active", title="generation 3f0c running", status=Status.CHANGED)
ROLLED_BACK = SwitchState(generation="3f0c", begun=True, rolled_back=True)
UNTRIED = Finding(
    id="client.requests",
    claim="requests from this machine are answered",
    subject="198.51.100.7",
    holds=None,
    seen="no answer reaches this machine",
)


def report(**changes: Any) -> Report:
    made = Report(host=parse_target("ntp1"), tried=True, log="/log/ntp1.log", round_trips=3, seconds=0.94)
    return replace(made, **changes)


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


OK = report()
WRONG = report(findings=[BAD])
FAILED = report(error="x")
NOT_TRIED = report(error="x", tried=False)
WOULD = report(outcomes=[PENDING])
STATUSES = [
    pytest.param([OK], 0, id="ok"),
    pytest.param([report(findings=[GOOD, UNTRIED])], 0, id="a claim that was not checked is no failure"),
    pytest.param([WRONG], 1, id="a finding does not hold"),
    pytest.param([FAILED], 1, id="failed on the way"),
    pytest.param([NOT_TRIED], 2, id="not tried"),
    pytest.param([WOULD], 3, id="would change"),
    pytest.param([OK, NOT_TRIED], 2, id="one not tried"),
    pytest.param([NOT_TRIED, FAILED], 1, id="the worst counts"),
    pytest.param([WOULD, OK], 3, id="one would change"),
    pytest.param([WOULD, NOT_TRIED], 2, id="an error before a change"),
]


CHANGED_HOST = report(outcomes=[CHANGED], may_have_changed=True)
SUMMARIES = [
    pytest.param([OK, OK], "2 hosts: 2 ok; nothing changed", id="nothing to do"),
    pytest.param(
        [CHANGED_HOST, report(error="x", outcomes=[CHANGED], may_have_changed=True)],
        "2 hosts: 1 ok, 1 FAILED; 2 changed",
        id="failed after a step",
    ),
    pytest.param(
        [CHANGED_HOST, report(error="x", may_have_changed=True)],
        "2 hosts: 1 ok, 1 FAILED; 1 changed, 1 may have changed",
        id="failed within the first step",
    ),
    pytest.param(
        [OK, report(error="x", may_have_changed=True)],
        "2 hosts: 1 ok, 1 FAILED; 1 may have changed",
        id="no step was completed",
    ),
    pytest.param(
        [WOULD, report(error="x", tried=False, outcomes=[CHANGED])],
        "2 hosts: 1 would change, 1 not tried; nothing changed",
        id="only this machine was changed",
    ),
]


@pytest.mark.parametrize(("reports", "line"), SUMMARIES)
def test_the_summary_counts_what_may_have_changed(reports: list[Report], line: str) -> None:
    assert fleet_text(reports).splitlines()[0] == line


def asked(address: str, key: int | None, *, authenticated: bool = True) -> Association:
    return Association(address=address, key=key, received=3, authenticated=authenticated)


def test_the_summary_of_a_fleet_says_what_failed_and_what_is_not_known() -> None:
    reports = [
        report(host=parse_target("ntp1"), address="198.51.100.7", sources=(asked("198.51.100.1", None),)),
        report(host=parse_target("ntp2"), address="198.51.100.8", findings=[BAD]),
        report(host=parse_target("own"), address="198.51.100.10", findings=[BAD], sources=()),
        report(host=parse_target("web1"), sources=(asked("198.51.100.7", 1), asked("198.51.100.8", 7))),
        report(host=parse_target("web2"), sources=(asked("198.51.100.7", 1, authenticated=False),), findings=[BAD]),
        report(host=parse_target("web3"), error="web3: no answer", tried=False),
        report(host=parse_target("web4")),
    ]
    assert fleet_text(reports).splitlines() == [
        "7 hosts: 3 ok, 3 FAILED, 1 not tried; nothing changed",
        "  3 hosts (ntp2, own, web2): FAILED: the clock is synchronised",
        "  1 host (web3): no answer",
        "  authenticated  ntp1            ntp2",
        "  ntp2           not known       not known",
        "  web1           key 1           key 7",
        "  web2           NOT with key 1  -",
        "  web3           not known       not known",
    ]


def test_each_note_is_in_the_summary_once_with_its_hosts() -> None:
    made, follows = "made key 1 (AES128), kept in /k", "it follows one server alone, 198.51.100.1"
    reports = [
        report(notes=[made, follows, follows]),
        report(host=parse_target("web1"), notes=[follows]),
        report(host=parse_target("web2")),
    ]
    assert fleet_text(reports).splitlines()[1:] == [
        f"  note         {made}: ntp1",
        f"  note         {follows}: ntp1, web1",
    ]


def test_a_note_on_each_of_many_hosts_does_not_name_them() -> None:
    reports = [report(host=parse_target(f"web{number}"), notes=["x"]) for number in range(MOST_NAMED + 1)]
    assert fleet_text(reports).splitlines()[1:] == ["  note         x: all 11 hosts"]


def test_claims_about_keys_that_fail_alike_are_one_cause() -> None:
    bad = [replace(BAD, id="client.key", subject=f"key {number} at ::1", claim="c") for number in (1, 2)]
    (cause,) = fleet_text([OK, report(findings=bad)]).splitlines()[1:]
    assert cause == "  1 host (ntp1): FAILED: keys 1, 2 at ::1: c"


def test_without_sources_that_have_keys_there_is_no_table() -> None:
    assert "authenticated" not in fleet_text([report(sources=(asked("198.51.100.1", None),)), WRONG])


def test_the_steps_that_a_rollback_takes_back_are_those_that_start_chronyd() -> None:
    assert {Active.id, AsUnitSays.id, Unaltered.id} == SWITCHING


def test_each_verdict_but_ok_has_its_place_in_the_order() -> None:
    assert {*BY_URGENCY, Verdict.OK} == set(Verdict)


@pytest.mark.parametrize(("reports", "status"), STATUSES)
def test_the_exit_status_tells(reports: list[Report], status: int) -> None:
    assert exit_status(reports) == status


def test_equal_causes_are_one_whatever_the_hosts_are_called_and_other_words_stay() -> None:
    errors = {
        "a": "a: no connection to 192.0.2.1 port 22: connection refused",
        "b": "b: no connection to 2001:db8::1 port 22: connection refused",
        "c": "c: no answer from ntp1 port 22 in 10 s",
        "d": "d: cannot resolve ntp1.example.com: unknown",
        "e": "e: the keys come from chrony.keys: line 1: wrong",
    }
    reports = [Report(host=parse_target(name), error=error) for name, error in errors.items()]
    assert [line.strip() for line in fleet_text(reports).splitlines()[1:6]] == [
        "2 hosts (a, b): no connection to the host port 22: connection refused",
        "1 host (c): no answer from the host port 22 in 10 s",
        "1 host (d): cannot resolve the host: unknown",
        "1 host (e): the keys come from chrony.keys: line 1: wrong",
    ]
