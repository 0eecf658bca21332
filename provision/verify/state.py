"""Make the state of a host of the answers of its chronyc. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from provision.chrony.chronyc.associations import Association, Measurement
from provision.chrony.chronyc.sources import SourceReport, SourceStatistics
from provision.chrony.chronyc.tracking import Tracking
from provision.chrony.reference_id import LOCAL_REFERENCE
from provision.common.errors import ParseError
from provision.common.text import quoted
from provision.output.status import REFERENCE_CLOCK, Authentication, Clock, Layer, Role, SourceFault, TimeSource
from provision.verify.expectation import Expectation

KINDS = {"^": "server", "=": "peer", "#": REFERENCE_CLOCK}
STATES = {
    "*": "selected",
    "+": "combined",
    "-": "not combined",
    "x": "falseticker",
    "~": "too variable",
    "?": "not usable",
}
"""chronyc(1), sources."""


_KEY_IDS = re.compile("(?P<first>[0-9]{1,20})-(?P<last>[0-9]{1,20})")
_RELEASE = re.compile(r"/chrony-(?P<release>[^/]+?)-nettle-[^/]+/sbin/chronyd")


def release_of(executable: str) -> str:
    """Return the release of a chronyd of this tool by its path; empty for another program."""
    match = _RELEASE.search(executable)
    if match is None:
        return ""
    return match["release"]


def key_ids(ranges: str) -> str:
    """Return ids of keys as ``1-50,60``, from lines such as ``1-50`` and ``60-60``. Raises ParseError."""
    shown = []
    for line in ranges.split():
        found = _KEY_IDS.fullmatch(line)
        if found is None:
            raise ParseError(f"expected the first and the last id of a range of keys, got {quoted(line)}")
        if found["first"] == found["last"]:
            shown.append(found["first"])
        else:
            shown.append(line)
    return ",".join(shown)


def role_of(expected: Expectation) -> Role:
    """Return the role of a chronyd with this chrony.conf."""
    if expected.serves:
        return Role.SERVER
    return Role.CLIENT


def clock_of(tracking: Tracking | None, sources: Sequence[SourceReport]) -> Clock | None:
    """Return the state of the clock; None if chronyd did not answer."""
    if tracking is None:
        return None
    selected = [source.name for source in sources if source.selected]
    reference = ""
    if selected:
        reference = selected[0]
    elif tracking.reference_id == LOCAL_REFERENCE:
        reference = "local"
    return Clock(
        synchronised=tracking.synchronised and bool(selected),
        reference=reference,
        reference_id=tracking.reference_id,
        reference_time_seconds=tracking.reference_time,
        stratum=tracking.stratum,
        leap=tracking.leap.lower(),
        # chronyc's is positive where the clock is behind.
        offset_seconds=0.0 - tracking.offset,
        last_offset_seconds=tracking.last_offset,
        rms_offset_seconds=tracking.rms_offset,
        root_delay_seconds=tracking.root_delay,
        root_dispersion_seconds=tracking.root_dispersion,
        update_interval_seconds=tracking.update_interval,
        error_bound_seconds=tracking.error_bound,
        frequency_ppm=tracking.frequency,
        residual_frequency_ppm=tracking.residual_frequency,
        skew_ppm=tracking.skew,
    )


def time_sources(
    names: Sequence[str],
    sources: Sequence[SourceReport],
    associations: Sequence[Association],
    faults: Mapping[str, SourceFault],
) -> Iterator[TimeSource]:
    """Yield the sources; ``names`` are those in chrony.conf, in the same order. Those without an address come last."""
    if len(names) != len(sources):
        # A source was replaced between the two questions.
        names = [source.name for source in sources]
    known = {association.address: association for association in associations}
    for name, source in zip(names, sources, strict=True):
        yield _time_source(name, source, known.get(source.name), faults.get(source.name))
    yield from (_without_address(name, fault) for name, fault in faults.items() if fault.layer is Layer.NAME)


def with_details(
    sources: Iterator[TimeSource],
    statistics: Mapping[str, Sequence[SourceStatistics]],
    answers: Mapping[str, Measurement],
) -> Iterator[TimeSource]:
    """Yield the sources with the statistics of their samples, and with their last answers, both by address.

    Of several reference clocks with one name, the statistics are in the same order. chronyc prints zeros for a source
    that has none.
    """
    left = {address: iter(of_source) for address, of_source in statistics.items()}
    for source in sources:
        found, answer = next(left.get(source.address, iter(())), None), answers.get(source.address)
        if found is not None and found.samples == 0:
            found = None
        if source.last_answer_seconds is None:
            answer = None
        yield replace(source, statistics=found, measurement=answer)


def _without_address(name: str, fault: SourceFault) -> TimeSource:
    return TimeSource(
        name=name,
        address="",
        kind=KINDS["^"],
        state=STATES["?"],
        stratum=0,
        poll_seconds=0.0,
        reach=0,
        last_answer_seconds=None,
        offset_seconds=0.0,
        error_seconds=0.0,
        reference="",
        authentication=Authentication.UNKNOWN,
        key_id=None,
        authenticated=None,
        fault=fault,
    )


def _time_source(
    name: str, source: SourceReport, association: Association | None, fault: SourceFault | None
) -> TimeSource:
    authentication, key_id, authenticated, reference = Authentication.UNKNOWN, None, None, ""
    if association is not None:
        authentication, key_id, authenticated = _authentication(association), association.key, association.authenticated
        reference = association.reference
    return TimeSource(
        name=name,
        address=source.name,
        kind=KINDS[source.mode],
        state=STATES[source.state],
        stratum=source.stratum,
        poll_seconds=2.0**source.poll,
        reach=source.reach,
        last_answer_seconds=source.last_received,
        offset_seconds=source.offset,
        error_seconds=source.error,
        reference=reference,
        authentication=authentication,
        key_id=key_id,
        authenticated=authenticated,
        fault=fault,
    )


def _authentication(association: Association) -> Authentication:
    if association.key is not None:
        return Authentication.KEY
    if association.nts:
        return Authentication.NTS
    return Authentication.NONE
