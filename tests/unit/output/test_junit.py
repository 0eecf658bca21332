"""The report as JUnit XML: its cases, their results, and text that XML does not take."""

from dataclasses import replace
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.common.results import Finding, Outcome, Status
from provision.host.target import Kind, Target
from provision.output.junit import junit_text
from provision.output.report import Report
from tests.helpers.command_reports import checked_junit, command_report
from tests.helpers.report_samples import BAD, CHANGED, GOOD, PENDING, UNCHANGED, UNTRIED, report
from tests.helpers.status_samples import FAULT, LOST, SOURCE, STATUS

ADDRESSED = replace(UNTRIED, holds=True, seen="offset 9 µs")
NOT_TRIED = report(error="ntp1: no route to host", tried=False)


def suites_of(*reports: Report) -> list[Element]:
    """Return the suites of a command that ended with these reports."""
    return list(checked_junit(junit_text(command_report(*reports))))


def case_of(report: Report, kind: str) -> Element:
    """Return the only case of a kind in the suite of a host."""
    (suite,) = suites_of(report)
    (case,) = [case for case in suite.iter("testcase") if case.get("classname") == f"ntp1.{kind}"]
    return case


def result_of(case: Element) -> tuple[str, dict[str, str], str | None]:
    """Return the element of a case, with its attributes and its text."""
    (result,) = case
    return result.tag, result.attrib, result.text


def test_a_host_is_a_suite() -> None:
    (suite,) = suites_of(report(role="server", outcomes=[CHANGED, UNCHANGED], findings=[GOOD, BAD, UNTRIED]))
    assert suite.attrib == {
        "name": "ntp1",
        "tests": "6",
        "errors": "0",
        "failures": "1",
        "skipped": "1",
        "time": "0.940",
        "timestamp": "2026-11-27T19:02:17",
    }
    properties = {found.get("name"): found.get("value") for found in suite.iter("property")}
    assert properties == {"verdict": "FAILED", "role": "server", "platform": "", "address": ""}
    assert [(case.get("classname"), case.get("name")) for case in suite.iter("testcase")] == [
        ("ntp1.run", "verify"),
        ("ntp1.step", "build"),
        ("ntp1.step", "account"),
        ("ntp1.finding", "process.generation"),
        ("ntp1.finding", "clock.synchronised"),
        ("ntp1.finding", "client.requests[198.51.100.7]"),
    ]


def test_the_run_shows_the_state_of_the_clock_and_why_a_source_gives_no_time() -> None:
    hostile = replace(LOST, name="\x1b[2Jntp\nX")
    made = report()
    made.status = replace(STATUS, sources=(SOURCE, hostile))
    text = case_of(made, "run").findtext("system-out")
    assert text is not None
    lines = text.splitlines()
    assert lines[0] == "  role        server"
    assert "  offset      -3 µs, error bound 5 ms" in lines
    assert any(f": {FAULT}" in line for line in lines)
    assert lines[-1].startswith("  ok, ")
    assert "\x1b" not in text


STEPS = [
    pytest.param(UNCHANGED, ("system-out", {}, "unchanged    account _chrony"), id="unchanged"),
    pytest.param(
        CHANGED,
        ("system-out", {}, "changed      chrony 4.9 built  (no finished build of this recipe)"),
        id="changed",
    ),
    pytest.param(
        PENDING,
        (
            "skipped",
            {"message": "would change: not there yet"},
            "pending      generation 3f0c staged  (not there yet)",
        ),
        id="would change",
    ),
]


@pytest.mark.parametrize(("outcome", "result"), STEPS)
def test_a_step_is_a_case(outcome: Outcome, result: object) -> None:
    assert result_of(case_of(report(outcomes=[outcome]), "step")) == result


FINDINGS = [
    pytest.param(GOOD, ("system-out", {}, "ok           chronyd runs the current generation  (3f0c)"), id="holds"),
    pytest.param(
        BAD,
        (
            "failure",
            {"message": "0 of 4 sources answer, none is selected", "type": "finding"},
            "FAILED       the clock is synchronised  (0 of 4 sources answer, none is selected)",
        ),
        id="does not hold",
    ),
    pytest.param(
        UNTRIED,
        (
            "skipped",
            {"message": "not checked: no answer reaches this machine"},
            "not checked  198.51.100.7: requests from this machine are answered  (no answer reaches this machine)",
        ),
        id="not checked",
    ),
]


@pytest.mark.parametrize(("finding", "result"), FINDINGS)
def test_a_finding_is_a_case(finding: Finding, result: object) -> None:
    assert result_of(case_of(report(findings=[finding]), "finding")) == result


@pytest.mark.parametrize(
    ("failed", "kind"),
    [(NOT_TRIED, "not tried"), (replace(NOT_TRIED, tried=True), "FAILED")],
    ids=["not tried", "tried"],
)
def test_the_error_of_a_host_is_that_of_its_run(failed: Report, kind: str) -> None:
    error, output = case_of(failed, "run")
    assert (error.tag, error.attrib) == ("error", {"message": "ntp1: no route to host", "type": kind})
    assert str(output.text).endswith(f"  {kind}{', nothing changed' * failed.tried} (3 round trips, 0.9 s)")


def test_findings_with_one_id_are_told_apart_by_their_subjects() -> None:
    (suite,) = suites_of(report(findings=[ADDRESSED, replace(ADDRESSED, subject="2001:db8::7")]))
    names = [case.get("name") for case in suite.iter("testcase")]
    assert names[1:] == ["client.requests[198.51.100.7]", "client.requests[2001:db8::7]"]


def test_the_case_of_a_step_has_the_same_name_for_each_generation() -> None:
    staged = replace(GOOD, id="site.staged", subject="generation 3f0c staged")
    assert case_of(report(findings=[staged]), "finding").get("name") == "site.staged"


def test_the_error_of_the_whole_command_is_a_suite_of_its_own() -> None:
    made = command_report(report(), error="site.toml: time.servers: empty", exit_status=2)
    _, suite = checked_junit(junit_text(made))
    assert (suite.get("name"), suite.get("errors")) == ("chrony-provision", "1")
    case = suite.find("testcase")
    assert case is not None
    assert (case.get("classname"), case.get("name")) == ("chrony-provision.run", "verify")
    assert result_of(case)[1] == {"message": "site.toml: time.servers: empty", "type": "command"}


HOSTILE = "<script>&\"'\x1b[31m\x00\r\n\t]]>\ud800\ufffe\U0001fffe\u202e--><![CDATA["
TEXT = st.text() | st.just(HOSTILE) | st.lists(st.sampled_from(HOSTILE)).map("".join)


@st.composite
def hosts(draw: st.DrawFn) -> Report:
    """Return a report on a host whose every text is hostile."""
    outcome = st.builds(Outcome, id=st.just("step"), title=TEXT, status=st.sampled_from(Status), reason=TEXT, diff=TEXT)
    finding = st.builds(
        Finding, id=st.just("x.y"), claim=TEXT, subject=TEXT, holds=st.none() | st.booleans(), seen=TEXT
    )
    return Report(
        host=Target(text=draw(TEXT.filter(bool)), kind=Kind.LOCAL),
        platform=draw(TEXT),
        address=draw(TEXT),
        error=draw(st.none() | TEXT.filter(bool)),
        notes=draw(st.lists(TEXT, max_size=2)),
        log=draw(TEXT),
        tried=draw(st.booleans()),
        outcomes=draw(st.lists(outcome, max_size=1)),
        findings=draw(st.lists(finding, max_size=1)),
    )


@given(hosts(), st.none() | TEXT)
def test_hostile_text_leaves_the_structure_and_the_results_as_they_are(host: Report, error: str | None) -> None:
    made = command_report(host)
    if error is not None:
        made.error, made.exit_status = error, 2
    text = junit_text(made)
    root = checked_junit(text)
    assert all(char.isprintable() or char == "\n" for char in text)
    is_success = (root.get("errors"), root.get("failures")) == ("0", "0")
    assert is_success == (made.exit_status in {0, 3})


def test_text_is_shown_as_on_a_terminal() -> None:
    text = junit_text(command_report(report(findings=[replace(BAD, seen=HOSTILE)])))
    failure = next(checked_junit(text).iter("failure"))
    shown = "<script>&\"'\\x1b[31m\\x00\\r\\n\\t]]>\\ud800\\ufffe\\U0001fffe\\u202e--><![CDATA["
    assert failure.get("message") == shown
    assert "<script>" not in text
