"""Check the clock and the sources of a host against the limits of the site."""

from collections.abc import Iterator

from provision.common.results import Finding
from provision.common.text import seconds_text
from provision.output.status import REFERENCE_CLOCK, Clock, ClockLimits, HostStatus, TimeSource
from provision.output.status_text import authentication_text
from provision.verify.checks.check import Check
from provision.verify.expectation import Expectation
from provision.verify.source_faults import faults_text

OFFSET = Check("limits.offset", "the offset is within the limit")
ERROR = Check("limits.error", "the error bound is within the limit")
SOURCES = Check("limits.sources", "enough sources can be selected")
AUTHENTICATED = Check("limits.authenticated", "the selected source is authenticated")
USABLE = {"selected", "combined", "not combined"}
"""States of sources that chronyd could select (chronyc(1), sources)."""
NOT_SYNCHRONISED = "the clock is not synchronised"


def limit_findings(state: HostStatus, expected: Expectation, limits: ClockLimits) -> Iterator[Finding]:
    """Judge a host that has sources; one that serves only its own clock has no limits."""
    if state.clock is None or not expected.follows:
        return
    yield from _clock(state.clock, limits)
    yield _sources(state, limits.least_sources, names_faults=state.clock.synchronised)
    if limits.authenticated:
        yield _authenticated(state.selected)


def _clock(clock: Clock, limits: ClockLimits) -> Iterator[Finding]:
    values = (
        (OFFSET, abs(clock.offset_seconds), limits.offset_seconds),
        (ERROR, clock.error_bound_seconds, limits.error_seconds),
    )
    for check, value, limit in values:
        if not clock.synchronised:
            yield check.not_checked(NOT_SYNCHRONISED)
        else:
            yield check.finding(holds=value <= limit, seen=f"{seconds_text(value)}, limit {seconds_text(limit)}")


def _sources(state: HostStatus, least: int, *, names_faults: bool) -> Finding:
    """Judge the number of sources; the finding about a clock that is not synchronised names their faults already."""
    usable = sum(source.state in USABLE for source in state.sources)
    seen = f"{usable} of {len(state.sources)}, limit {least}"
    faults = {source.address or source.name: source.fault for source in state.sources if source.fault is not None}
    if usable < least and faults and names_faults:
        seen = f"{seen}; {faults_text(faults)}"
    return SOURCES.finding(holds=usable >= least, seen=seen)


def _authenticated(selected: TimeSource | None) -> Finding:
    if selected is None:
        return AUTHENTICATED.not_checked(NOT_SYNCHRONISED)
    if selected.kind == REFERENCE_CLOCK:
        return AUTHENTICATED.finding(holds=True, seen=f"{selected.name} is a device of the host")
    return AUTHENTICATED.finding(
        holds=selected.authenticated is True, seen=f"{selected.name}: {authentication_text(selected)}"
    )
