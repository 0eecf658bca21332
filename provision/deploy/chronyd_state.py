"""Make the state of a chronyd that this tool did not deploy from the answers of its chronyc. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provision.chrony.chronyc.associations import Association, parse_associations
from provision.chrony.chronyc.fields import has_fields
from provision.chrony.chronyc.sources import SourceReport, parse_sources
from provision.chrony.chronyc.tracking import parse_tracking
from provision.output.status import Clock, TimeSource
from provision.verify.state import clock_of, time_sources

FIELDS_OF_A_SOURCE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ChronydState:
    """The state of a chronyd, as chronyc tells it."""

    clock: Clock | None = None
    """None if chronyd did not answer."""
    sources: tuple[TimeSource, ...] | None = None
    """None if chronyd did not answer."""


def parse_chronyd_state(said: Mapping[str, str]) -> ChronydState:
    """Parse the sections of ``print_own_services.sh`` about chronyd, of 3.0 or later. Raises ParseError."""
    if not has_fields(said["tracking"]):
        return ChronydState()
    reports = parse_sources(said["sources"])
    # Before 4.0, authdata is no command; without a line of it, a source has no known authentication.
    associations: tuple[Association, ...] = ()
    if has_fields(said["authdata"]):
        associations = parse_associations(said["authdata"], said["ntpdata"])
    names = _names(said["names"], reports)
    return ChronydState(
        clock=clock_of(parse_tracking(said["tracking"]), reports),
        sources=tuple(time_sources(names, reports, associations, {})),
    )


def _names(text: str, reports: Sequence[SourceReport]) -> list[str]:
    """Return the names as in the configuration; before 4.0, chronyc has no option for them, and prints its usage."""
    if any(line.count(",") != FIELDS_OF_A_SOURCE - 1 for line in text.splitlines()):
        return [report.name for report in reports]
    return [named.name for named in parse_sources(text)]
