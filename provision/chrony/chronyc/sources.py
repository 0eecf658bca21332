"""Parse ``chronyc -c sources``, ``sourcestats`` and ``activity``: the sources and their samples."""

import re
from dataclasses import dataclass

from provision.chrony.chronyc.fields import LARGEST_STRATUM, check, number, parse_line, whole_number, with_whole_name

MODES = ("^", "=", "#")
STATES = ("*", "+", "-", "?", "x", "~")
REACH = re.compile("[0-3]?[0-7]{1,2}")
"""Eight bits in octal."""
NEVER = 2**32 - 1
"""What ``sources`` prints for the seconds since the last answer where there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """Describe one source, from a line of ``sources``."""

    mode: str
    """``^`` server, ``=`` peer, ``#`` reference clock."""
    state: str
    """``*`` selected, ``+`` combined, ``-`` not combined, ``x`` falseticker, ``~`` too variable, ``?`` not usable."""
    name: str
    stratum: int
    poll: int
    """log2 of the seconds between requests."""
    reach: int
    """The last eight requests as bits; 0xFF (377 octal) means that all were answered."""
    last_received: int | None
    """Seconds since the last answer; None: there was none."""
    offset: float
    """Seconds, corrected for later slews of the clock; positive: the clock is ahead of the source."""
    measured_offset: float
    """Seconds, as measured."""
    error: float
    """Seconds, the margin of the measurement."""

    @property
    def selected(self) -> bool:
        """Return whether the clock follows this source."""
        return self.state == "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatistics:
    """Describe how the samples of one source fit together, from a line of ``sourcestats``."""

    samples: int
    """That are kept of the source."""
    runs: int
    """Runs of residuals with one sign, after the last regression."""
    span_seconds: float
    """Between the oldest and the newest sample."""
    frequency_ppm: float
    """Residual frequency of the clock by this source."""
    skew_ppm: float
    """The error bound of that frequency."""
    offset_seconds: float
    """Estimated; positive: the clock is ahead of the source."""
    deviation_seconds: float
    """Standard deviation of the samples."""


def parse_sources(text: str) -> tuple[SourceReport, ...]:
    """Parse ``chronyc -c sources``; an empty output has no sources."""
    return tuple(parse_line("sources", line, _source) for line in text.splitlines())


def parse_source_statistics(text: str) -> dict[str, list[SourceStatistics]]:
    """Parse ``chronyc -c -n sourcestats``; return the statistics by the address of the source.

    Several reference clocks may have one name; their statistics are in the order of ``sources``.
    """
    found: dict[str, list[SourceStatistics]] = {}
    for line in text.splitlines():
        address, statistics = parse_line("sourcestats", line, _statistics)
        found.setdefault(address, []).append(statistics)
    return found


def parse_offline(text: str) -> int:
    """Parse ``chronyc -c activity``: the number of sources that chronyd was told not to ask."""
    return parse_line("activity", text, _offline)


def _source(fields: list[str]) -> SourceReport:
    fields = with_whole_name(fields, 10, place=2)
    mode, state, name, stratum, poll, reach, last_received, offset, measured_offset, error = fields
    check(mode in MODES and state in STATES)
    return SourceReport(
        mode=mode,
        state=state,
        name=name,
        stratum=whole_number(stratum, most=LARGEST_STRATUM),
        poll=whole_number(poll, least=-128, most=127),
        reach=_reach(reach),
        last_received=_last_received(last_received),
        offset=number(offset),
        measured_offset=number(measured_offset),
        error=number(error),
    )


def _reach(field: str) -> int:
    check(REACH.fullmatch(field) is not None)
    return int(field, 8)


def _last_received(field: str) -> int | None:
    seconds = whole_number(field)
    if seconds == NEVER:
        return None
    return seconds


def _statistics(fields: list[str]) -> tuple[str, SourceStatistics]:
    address, samples, runs, span, *numbers = with_whole_name(fields, 8, place=0)
    frequency, skew, offset, deviation = map(number, numbers)
    return address, SourceStatistics(
        samples=whole_number(samples),
        runs=whole_number(runs),
        span_seconds=number(span),
        frequency_ppm=frequency,
        skew_ppm=skew,
        offset_seconds=offset,
        deviation_seconds=deviation,
    )


def _offline(fields: list[str]) -> int:
    # client.c: online, offline, burst to online, burst to offline, unresolved.
    online, offline, *rest = fields
    check(online.isdecimal() and len(rest) == 3)
    return whole_number(offline)
