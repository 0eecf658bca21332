"""Make the whole state of a host of what print_status.sh and print_evidence.sh print about its chronyd. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from provision.chrony.chronyc.associations import Association, Measurement, parse_associations, parse_measurements
from provision.chrony.chronyc.fields import has_fields
from provision.chrony.chronyc.serverstats import ServerCounters, parse_server_counters
from provision.chrony.chronyc.sources import SourceReport, SourceStatistics, parse_source_statistics, parse_sources
from provision.chrony.chronyc.tracking import Tracking, parse_tracking
from provision.host.unconfirmed import named_values, parse_unconfirmed
from provision.output.status import ClockLimits, HostStatus, SourceFault, TimeSource
from provision.verify.expectation import Expectation
from provision.verify.source_faults import source_faults
from provision.verify.source_signs import parse_signs
from provision.verify.state import clock_of, key_ids, release_of, role_of, time_sources, with_details

LAST_SECTION = "names"
"""Of those that ``show_state`` prints (host/scripts/functions/state.sh)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What chronyc told about the clock of a host and its sources."""

    tracking: Tracking | None
    """None if chronyd did not answer."""
    sources: tuple[SourceReport, ...]
    associations: tuple[Association, ...] | None
    """None if chronyc did not show them."""
    faults: Mapping[str, SourceFault]
    """Why sources give no time, by address, or by the name of a source that has none."""


def parse_answers(said: Mapping[str, str]) -> Answers:
    """Parse the sections of chronyc's answers. Raises ParseError, KeyError, ValueError."""
    if not has_fields(said["tracking"]):
        return Answers(tracking=None, sources=(), associations=None, faults=source_faults((), (), parse_signs(said)))
    sources = parse_sources(said["sources"])
    associations: tuple[Association, ...] | None = None
    # Without sources, there is no line.
    authdata = said["authdata"].strip()
    if not authdata or has_fields(authdata):
        associations = parse_associations(said["authdata"], said["ntpdata"])
    return Answers(
        tracking=parse_tracking(said["tracking"]),
        sources=sources,
        associations=associations,
        faults=source_faults(sources, associations or (), parse_signs(said)),
    )


def host_status(
    said: Mapping[str, str],
    answers: Answers,
    expected: Expectation,
    *,
    generation: str,
    executable: str,
    limits: ClockLimits,
    wanted_release: str,
) -> HostStatus:
    """Return the state of a host whose chronyd, if it runs, runs this generation and executable.

    ``expected`` is by the chrony.conf of the host, ``limits`` and ``wanted_release`` are those of the site. Raises
    ParseError, KeyError, ValueError.
    """
    unconfirmed = parse_unconfirmed(named_values(said["unconfirmed"]))
    sources = time_sources(_names(said, answers.sources), answers.sources, answers.associations or (), answers.faults)
    return HostStatus(
        role=role_of(expected),
        generation=generation,
        release=release_of(executable),
        wanted_release=wanted_release,
        confirmed=unconfirmed is None,
        unconfirmed=unconfirmed,
        clock=clock_of(answers.tracking, answers.sources),
        sources=_detailed(said, sources),
        server=_server_counters(said["serverstats"]) if expected.serves else None,
        limits=limits if expected.follows else None,
        key_ids=key_ids(said["key ids"]),
    )


def _names(said: Mapping[str, str], sources: tuple[SourceReport, ...]) -> list[str]:
    """Return the names of the sources in chrony.conf."""
    if not sources:
        return []
    return [source.name for source in parse_sources(said["names"])]


def _detailed(said: Mapping[str, str], sources: Iterator[TimeSource]) -> tuple[TimeSource, ...]:
    """Return the sources with what chronyc tells about the samples of each."""
    statistics: dict[str, list[SourceStatistics]] = {}
    answers: dict[str, Measurement] = {}
    if has_fields(said["sourcestats"]):
        statistics = parse_source_statistics(said["sourcestats"])
    if has_fields(said["ntpdata"]):
        answers = parse_measurements(said["ntpdata"])
    return tuple(with_details(sources, statistics, answers))


def _server_counters(text: str) -> ServerCounters | None:
    if not has_fields(text):
        return None
    return parse_server_counters(text)
