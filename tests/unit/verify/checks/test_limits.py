"""The clock and the sources of a host against the limits of its site."""

from dataclasses import replace

import pytest

from provision.output.status import REFERENCE_CLOCK, ClockLimits, HostStatus
from provision.verify.checks.limits import limit_findings
from provision.verify.expectation import expect
from tests.helpers.samples import FACTS
from tests.helpers.status_samples import CLOCK, FAULT, LOST, SOURCE, STATUS

FOLLOWS = expect("server ntp1.example.net\nserver b\nserver c\nserver d\n", version="", seccomp=False, facts=FACTS)
LOCAL = expect("local stratum 5\nallow 0.0.0.0/0\n", version="", seccomp=False, facts=FACTS)
THREE = (SOURCE, replace(SOURCE, name="b", state="combined"), replace(SOURCE, name="c", state="not combined"))
GOOD = replace(STATUS, sources=THREE)
LIMITS = ClockLimits(offset_seconds=0.05, error_seconds=1.0, least_sources=3, authenticated=False)


def verdicts(state: HostStatus, limits: ClockLimits = LIMITS) -> dict[str, bool | None]:
    """Return which findings hold."""
    return {one.id: one.holds for one in limit_findings(state, FOLLOWS, limits)}


def test_a_clock_within_all_limits_is_good() -> None:
    assert verdicts(GOOD) == {"limits.offset": True, "limits.error": True, "limits.sources": True}


@pytest.mark.parametrize("offset", [0.051, -0.051])
def test_an_offset_in_either_direction_is_judged(offset: float) -> None:
    state = replace(GOOD, clock=replace(CLOCK, offset_seconds=offset))
    assert verdicts(state)["limits.offset"] is False
    assert verdicts(state, replace(LIMITS, offset_seconds=0.052))["limits.offset"] is True


def test_the_error_bound_is_judged() -> None:
    state = replace(GOOD, clock=replace(CLOCK, error_bound_seconds=0.011))
    assert verdicts(state, replace(LIMITS, error_seconds=0.01))["limits.error"] is False
    (seen,) = [one.seen for one in limit_findings(state, FOLLOWS, LIMITS) if one.id == "limits.error"]
    assert seen == "11 ms, limit 1 s"


@pytest.mark.parametrize("state", ["falseticker", "too variable", "not usable"])
def test_a_source_that_cannot_be_selected_does_not_count(state: str) -> None:
    seen = replace(GOOD, sources=(*THREE[:2], replace(SOURCE, name="c", state=state)))
    assert verdicts(seen)["limits.sources"] is False


def test_the_faults_of_sources_are_named_where_no_other_finding_does() -> None:
    state = replace(GOOD, sources=(*THREE[:2], LOST))
    (seen,) = [one.seen for one in limit_findings(state, FOLLOWS, LIMITS) if one.id == "limits.sources"]
    assert seen == f"2 of 3, limit 3; 198.51.100.8: {FAULT}"
    enough = [one.seen for one in limit_findings(state, FOLLOWS, replace(LIMITS, least_sources=2))]
    assert "2 of 3, limit 2" in enough
    lost = replace(state, clock=replace(CLOCK, synchronised=False))
    (seen,) = [one.seen for one in limit_findings(lost, FOLLOWS, LIMITS) if one.id == "limits.sources"]
    assert seen == "2 of 3, limit 3"


AUTHENTICATED = replace(LIMITS, authenticated=True)


def test_authentication_is_judged_by_the_selected_source() -> None:
    assert verdicts(GOOD, AUTHENTICATED)["limits.authenticated"] is True
    silent = replace(GOOD, sources=(replace(SOURCE, authenticated=False), *THREE[1:]))
    assert verdicts(silent, AUTHENTICATED)["limits.authenticated"] is False
    unknown = replace(GOOD, sources=(replace(SOURCE, authenticated=None), *THREE[1:]))
    assert verdicts(unknown, AUTHENTICATED)["limits.authenticated"] is False
    device = replace(GOOD, sources=(replace(SOURCE, kind=REFERENCE_CLOCK, authenticated=None),))
    assert verdicts(device, AUTHENTICATED)["limits.authenticated"] is True


def test_a_clock_that_is_not_synchronised_has_no_offset_to_judge() -> None:
    state = replace(GOOD, clock=replace(CLOCK, synchronised=False), sources=(replace(SOURCE, state="not usable"),))
    expected = {"limits.offset": None, "limits.error": None, "limits.sources": False, "limits.authenticated": None}
    assert verdicts(state, AUTHENTICATED) == expected


def test_a_host_without_sources_or_without_an_answer_has_no_limits() -> None:
    assert list(limit_findings(GOOD, LOCAL, LIMITS)) == []
    assert list(limit_findings(replace(GOOD, clock=None), FOLLOWS, LIMITS)) == []
