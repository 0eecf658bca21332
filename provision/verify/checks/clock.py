"""Check the clock of a host: synchronised, and as good as before a switch."""

from collections.abc import Iterator, Mapping, Sequence

from provision.chrony.chronyc.sources import SourceReport
from provision.chrony.chronyc.tracking import Tracking
from provision.common.results import Finding
from provision.common.text import seconds_text
from provision.output.status import SourceFault
from provision.verify.checks.check import Check
from provision.verify.checks.process import CHRONYC, NO_ANSWER, NOT_RUNNING, not_running_finding
from provision.verify.evidence import Before, Evidence
from provision.verify.expectation import Expectation
from provision.verify.source_faults import faults_text

SYNCHRONISED = Check("clock.synchronised", "the clock is synchronised")
NOT_WORSE = Check("clock.not-worse", "the clock is as good as before the switch")
LOCAL = Check("clock.local", "the host's own clock is served (local)")

WORSE = 10
"""How many times worse than before a switch the error bound may be after it: chronyd has measured for seconds only."""
GOOD_ENOUGH = 1e-3
"""Seconds. An error bound below this is never called worse: on a quiet network microseconds come and go."""
PORT_OPEN = "is UDP port 123 to it open?"


def status_findings(
    tracking: Tracking | None,
    sources: Sequence[SourceReport],
    expected: Expectation,
    faults: Mapping[str, SourceFault],
    *,
    runs: bool,
) -> Iterator[Finding]:
    """Judge the clock of a host that was not switched; ``faults`` of its sources; ``runs``: whether chronyd runs."""
    if not runs:
        yield not_running_finding()
        yield from _unchecked(expected, NOT_RUNNING)
    elif tracking is None:
        yield CHRONYC.finding(holds=False, seen="it could not")
        yield from _unchecked(expected, NO_ANSWER)
    elif expected.has_only_its_own_clock:
        yield _own_clock(tracking)
    else:
        yield _synchronised(tracking, sources, expected.max_error, faults)


def clock_findings(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    """Judge the clock by the output of chronyc."""
    tracking = evidence.tracking
    # A host that had no time before the switch loses none by it.
    vital = evidence.before.synchronised
    if not evidence.runs:
        yield from _unchecked(expected, NOT_RUNNING, evidence.before)
        return
    if tracking is None:
        yield CHRONYC.finding(holds=False, seen="it could not")
        yield from _unchecked(expected, NO_ANSWER, evidence.before)
        return
    if not expected.follows:
        if expected.serves_own_clock:
            yield _own_clock(tracking, vital=vital)
        return
    if (silent := _selected_and_silent(evidence)) is not None:
        seen = f"{silent} has not answered since chronyd started: {evidence.faults.get(silent, PORT_OPEN)}"
        yield SYNCHRONISED.finding(holds=False, seen=seen, vital=vital)
    else:
        yield _synchronised(tracking, evidence.sources, expected.max_error, evidence.faults, vital=vital)
    before, now = evidence.before.error_bound, tracking.error_bound
    if evidence.before.synchronised and before is not None:
        if not tracking.synchronised:
            yield NOT_WORSE.not_checked("the clock is not synchronised")
            return
        yield NOT_WORSE.finding(
            holds=now <= max(WORSE * before, GOOD_ENOUGH),
            seen=f"error bound {seconds_text(now)}, before {seconds_text(before)}",
        )


def _selected_and_silent(evidence: Evidence) -> str | None:
    """Return the selected source if it was selected by measurements from before chronyd's start (-r), and is silent."""
    if evidence.associations is None:
        return None
    answered = {one.address for one in evidence.associations if one.received}
    selected = [source for source in evidence.sources if source.selected and source.mode != "#"]
    return next((source.name for source in selected if source.name not in answered), None)


def _unchecked(expected: Expectation, reason: str, before: Before | None = None) -> Iterator[Finding]:
    """Yield the checks of a clock whose state is not known; ``before`` a switch, it had this one."""
    if expected.follows:
        yield SYNCHRONISED.not_checked(reason)
        if before is not None and before.synchronised and before.error_bound is not None:
            yield NOT_WORSE.not_checked(reason)
    elif expected.serves_own_clock:
        yield LOCAL.not_checked(reason)


def _own_clock(tracking: Tracking, *, vital: bool = True) -> Finding:
    is_served = tracking.leap != "Not synchronised"
    seen = f"stratum {tracking.stratum}"
    if not is_served:
        seen = "not yet: see its options in chrony.conf(5), local"
    return LOCAL.finding(holds=is_served, seen=seen, vital=vital)


def _synchronised(
    tracking: Tracking,
    sources: Sequence[SourceReport],
    max_error: float,
    faults: Mapping[str, SourceFault],
    *,
    vital: bool = True,
) -> Finding:
    selected = [source.name for source in sources if source.selected]
    if not (tracking.synchronised and selected):
        return SYNCHRONISED.finding(holds=False, seen=_no_source(sources, faults), vital=vital)
    bound = tracking.error_bound
    return SYNCHRONISED.finding(
        holds=bound <= max_error,
        seen=f"to {selected[0]}, stratum {tracking.stratum}, error bound {seconds_text(bound)}, limit {max_error:g} s",
        vital=vital,
    )


def _no_source(sources: Sequence[SourceReport], faults: Mapping[str, SourceFault]) -> str:
    """Return why no source gives the time."""
    reached = sum(1 for source in sources if source.reach)
    seen = f"{reached} of {len(sources)} sources answer, none is selected"
    if not sources:
        seen = "no source has an address: does the host resolve their names?"
    if faults:
        return f"{seen}; {faults_text(faults)}"
    return seen
