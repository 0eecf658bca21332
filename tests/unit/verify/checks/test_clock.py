"""Judge evidence of a real server, in which one thing is otherwise: the findings of checks.clock."""
# ruff: noqa: FBT001 -- a parameter of a case

from dataclasses import replace

import pytest

from provision.common.results import Finding
from provision.output.status import Layer, SourceFault
from provision.verify.checks import clock, findings
from provision.verify.evidence import Before, Evidence
from provision.verify.expectation import Expectation
from tests.helpers.evidence_samples import EXPECTED, SERVER, STOPPED, Judged, case, judged, one, tracking

SILENT = replace(SERVER.sources[0], state="?", reach=0)
WRONG = [
    case(
        "not synchronised",
        tracking(leap="Not synchronised"),
        clock.SYNCHRONISED,
        "1 of 1 sources answer, none is selected",
        vital=False,
    ),
    case(
        "follows itself",
        tracking(reference_id="7F7F0101"),
        clock.SYNCHRONISED,
        "1 of 1 sources answer, none is selected",
        vital=False,
    ),
    case(
        "no source answers",
        replace(SERVER, sources=tuple(replace(source, state="?", reach=0) for source in SERVER.sources)),
        clock.SYNCHRONISED,
        "0 of 1 sources answer, none is selected",
        vital=False,
    ),
    case(
        "a reference clock has no port",
        replace(SERVER, sources=(replace(SILENT, mode="#", name="PPS"),)),
        clock.SYNCHRONISED,
        "0 of 1 sources answer, none is selected",
        vital=False,
    ),
    case(
        "selected by measurements of the process before",
        replace(SERVER, associations=tuple(replace(one, received=0) for one in SERVER.associations or ())),
        clock.SYNCHRONISED,
        "198.19.0.2 has not answered since chronyd started: is UDP port 123 to it open?",
        vital=False,
    ),
    case(
        "too far away",
        tracking(root_dispersion=1.5, root_delay=0.0, offset=0.0),
        clock.SYNCHRONISED,
        "to 198.19.0.2, stratum 2, error bound 1.5 s, limit 1 s",
        vital=False,
    ),
]


@pytest.mark.parametrize(("evidence", "expected", "finding"), WRONG)
def test_a_fault_is_found(evidence: Evidence, expected: Expectation, finding: Finding) -> None:
    assert finding in findings(evidence, expected, [])


OWN_CLOCK = [
    ("Normal", True, "stratum 2"),
    ("Not synchronised", False, "not yet: see its options in chrony.conf(5), local"),
]
BEFORE = Before(synchronised=True, error_bound=0.002, answered=False)


@pytest.mark.parametrize(("leap", "holds", "seen"), OWN_CLOCK)
def test_a_server_of_its_own_clock_serves_it(leap: str, holds: bool, seen: str) -> None:
    found = judged(tracking(leap=leap), replace(EXPECTED, follows=False, serves_own_clock=True))
    assert one(found, clock.LOCAL) == clock.LOCAL.finding(holds=holds, seen=seen, vital=False)


def test_a_server_of_its_own_clock_that_served_time_before_has_to_serve_it_again() -> None:
    lost = replace(tracking(leap="Not synchronised"), before=BEFORE)
    assert one(judged(lost, replace(EXPECTED, follows=False, serves_own_clock=True)), clock.LOCAL).vital


def test_the_clock_of_a_host_without_sources_is_not_judged() -> None:
    found = judged(tracking(leap="Not synchronised"), replace(EXPECTED, follows=False))
    assert [id_ for id_, _ in found if id_.startswith("clock.")] == []


@pytest.mark.parametrize(("follows", "ids"), [(True, ["clock.synchronised"]), (False, [])])
def test_where_chronyc_has_no_answer_the_clock_of_a_follower_is_not_checked(follows: bool, ids: list[str]) -> None:
    found = judged(replace(SERVER, tracking=None), replace(EXPECTED, follows=follows))
    assert [(id_, finding.holds) for (id_, _), finding in found.items() if id_.startswith("clock.")] == [
        (id_, None) for id_ in ids
    ]


def after_a_switch(now: float, was: float | None, *, synchronised: bool = True) -> Judged:
    """Judge the clock with this error bound, in seconds, after a switch; ``was`` is that before it."""
    evidence = tracking(root_dispersion=now, root_delay=0.0, offset=0.0)
    before = Before(synchronised=synchronised, error_bound=was, answered=False)
    return judged(replace(evidence, before=before))


WORSE = [
    pytest.param(0.002, 0.002, True, "error bound 2 ms, before 2 ms", id="the same"),
    pytest.param(
        0.019, 0.002, True, "error bound 19 ms, before 2 ms", id="ten times, which seconds of measuring explain"
    ),
    pytest.param(0.02, 0.002, True, "error bound 20 ms, before 2 ms", id="exactly ten times"),
    pytest.param(0.001, 0.000001, True, "error bound 1 ms, before 1 µs", id="just still good"),
    pytest.param(0.021, 0.002, False, "error bound 21 ms, before 2 ms", id="more than ten times"),
    pytest.param(0.0009, 0.000001, True, "error bound 900 µs, before 1 µs", id="still good"),
]


@pytest.mark.parametrize(("now", "was", "holds", "seen"), WORSE)
def test_a_switch_that_makes_the_clock_worse_is_found(now: float, was: float, holds: bool, seen: str) -> None:
    assert one(after_a_switch(now, was), clock.NOT_WORSE) == clock.NOT_WORSE.finding(holds=holds, seen=seen)


def test_a_clock_that_was_not_synchronised_is_not_compared() -> None:
    assert (clock.NOT_WORSE.id, "") not in after_a_switch(2.0, 0.002, synchronised=False)


LOST = [
    pytest.param(tracking(leap="Not synchronised"), "the clock is not synchronised", id="not synchronised"),
    pytest.param(replace(SERVER, tracking=None), "chronyc cannot talk to chronyd", id="mute"),
    pytest.param(STOPPED, "chronyd does not run", id="stopped"),
]


@pytest.mark.parametrize(("evidence", "reason"), LOST)
def test_a_clock_whose_error_is_not_known_is_not_compared(evidence: Evidence, reason: str) -> None:
    found = judged(replace(evidence, before=BEFORE))
    assert one(found, clock.NOT_WORSE) == clock.NOT_WORSE.not_checked(reason)


@pytest.mark.parametrize(
    ("runs", "reason"), [(True, "chronyc cannot talk to chronyd"), (False, "chronyd does not run")]
)
def test_of_a_server_of_its_own_clock_that_is_not_asked_nothing_is_claimed(runs: bool, reason: str) -> None:
    expected = replace(EXPECTED, follows=False, serves_own_clock=True)
    found = list(clock.status_findings(None, (), expected, {}, runs=runs))
    assert found[1:] == [clock.LOCAL.not_checked(reason)]
    assert found[0].holds is False


def test_an_error_as_large_as_the_limit_is_allowed() -> None:
    assert one(after_a_switch(EXPECTED.max_error, None), clock.SYNCHRONISED).holds is True


def test_a_clock_that_was_synchronised_has_to_be_again() -> None:
    lost = replace(
        tracking(leap="Not synchronised"), before=Before(synchronised=True, error_bound=None, answered=False)
    )
    finding = one(judged(lost), clock.SYNCHRONISED)
    assert (finding.holds, finding.vital) == (False, True)


ROUTE = SourceFault(layer=Layer.NO_ROUTE, seen="the host has no route to it", advice="see 'ip route'")


def test_the_fault_of_each_source_is_named() -> None:
    lost = replace(tracking(leap="Not synchronised"), sources=(SILENT,), faults={"198.19.0.2": ROUTE})
    assert one(judged(lost), clock.SYNCHRONISED).seen == (
        "0 of 1 sources answer, none is selected; 198.19.0.2: no-route: the host has no route to it; see 'ip route'"
    )


def test_the_fault_of_a_source_that_was_selected_before_is_named() -> None:
    associations = tuple(replace(one, received=0) for one in SERVER.associations or ())
    seen = one(
        judged(replace(SERVER, associations=associations, faults={"198.19.0.2": ROUTE})), clock.SYNCHRONISED
    ).seen
    assert (
        seen
        == "198.19.0.2 has not answered since chronyd started: no-route: the host has no route to it; see 'ip route'"
    )


def test_a_source_without_an_address_is_said_to_have_none() -> None:
    lost = replace(tracking(leap="Not synchronised"), sources=())
    seen = one(judged(lost), clock.SYNCHRONISED).seen
    assert seen == "no source has an address: does the host resolve their names?"


def test_a_clock_that_was_not_synchronised_is_no_reason_to_go_back() -> None:
    found = after_a_switch(2.0, None, synchronised=False)
    finding = one(found, clock.SYNCHRONISED)
    assert (finding.holds, finding.vital) == (False, False)


def test_where_the_error_before_is_not_known_nothing_is_compared() -> None:
    found = after_a_switch(0.001, None)
    assert one(found, clock.SYNCHRONISED).holds is True
    assert (clock.NOT_WORSE.id, "") not in found
