"""Make the details of a host in the HTML page: data from which the script of the page makes text and plots.

Lists take the place of objects with names, because a site may have 1,000 hosts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from provision.chrony.clock_log import ClockPoint, SourcePoint
from provision.common.text import on_one_line, seconds_text
from provision.output.findings import WORDS, folded
from provision.output.history import Event
from provision.output.html.points import (
    Series,
    bound_words,
    clock_series,
    frequency_words,
    offset_words,
    range_of,
    source_series,
    thinned,
    with_steps,
)
from provision.output.report import Report
from provision.output.status import TimeSource
from provision.output.status_text import authentication_text, offset_text, requests_text

MOST_LINES = 6
"""Sources in one plot: more lines cannot be told from each other."""
THINNED = "thinned"
"""The name of what was left out of a host's details, in words; absent if nothing was."""


@dataclass(frozen=True, slots=True)
class Level:
    """How much of the history of each host the page has."""

    points: int
    """Of the clock in its plots, and of all sources together."""
    events: int
    """The last ones of its history."""

    def __str__(self) -> str:
        """Return what the page has, in words."""
        points = "no points"
        if self.points:
            points = f"up to {self.points} points of each plot, with the least and the largest value of each stretch,"
        return f"the page has {points} and the last {self.events} events of each host"


LEVELS = (Level(300, 20), Level(150, 20), Level(75, 10), Level(40, 5), Level(20, 3), Level(0, 2))
"""Those that are tried in turn until the page is small enough; the first has as many points as a plot has pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecord:
    """All that the page may show of a host, from which each level takes its part."""

    fixed: Mapping[str, Any]
    """The parts that each level has."""
    history: Sequence[Sequence[str]]
    clock: Series
    """As the first level has it, as the series below."""
    offsets: Mapping[str, Series]
    """Name of a source → its offsets over time."""
    clock_points: int
    """How many there are."""
    source_points: int
    """Of the sources that one plot can show."""
    sources: int
    """How many have points."""


def record_of(report: Report, earlier: Iterable[ClockPoint], time: datetime) -> HostRecord:
    """Return the record of a host; ``earlier`` is its clock in earlier reports, ``time`` is that of this report."""
    sources: Sequence[TimeSource] = ()
    if report.status is not None:
        sources = report.status.sources
    clock = clock_series([*report.clock_points, *earlier, *_now(report, time)])
    known = _by_source(report.source_points, sources)
    offsets = dict(list(known.items())[:MOST_LINES])
    return HostRecord(
        fixed={
            "facts": [[label, on_one_line(words)] for label, words in _facts(report)],
            "findings": [
                [WORDS[one.holds], on_one_line(str(one)), on_one_line(one.seen)] for one in folded(report.findings)
            ],
            "sources": [_source(source) for source in sources],
            "ranges": [
                *_clock_ranges(clock),
                *(range_of(name, each[1], offset_words) for name, each in offsets.items()),
            ],
        },
        history=[_event(event) for event in report.history or ()],
        clock=thinned(clock, LEVELS[0].points),
        offsets=_thinned_offsets(offsets, LEVELS[0]),
        clock_points=len(clock[0]),
        source_points=sum(len(series[0]) for series in offsets.values()),
        sources=len(known),
    )


def details_of(record: HostRecord, level: Level) -> Mapping[str, Any]:
    """Return the details of a host."""
    clock = thinned(record.clock, level.points)
    offsets = _thinned_offsets(record.offsets, level)
    details = {
        **record.fixed,
        "history": record.history[-level.events :],
        "clock": with_steps(clock),
        "offsets": {name: with_steps(series) for name, series in offsets.items()},
    }
    shown = (
        (len(clock[0]), record.clock_points, "points of the clock"),
        (sum(len(series[0]) for series in offsets.values()), record.source_points, "points of the sources"),
        (len(record.offsets), record.sources, "sources"),
        (min(len(record.history), level.events), len(record.history), "events"),
    )
    left = [f"{number} of {whole} {words}" for number, whole, words in shown if number < whole]
    if left:
        details[THINNED] = f"Shown are {', '.join(left)}."
    return details


def _thinned_offsets(offsets: Mapping[str, Series], level: Level) -> Mapping[str, Series]:
    return {name: thinned(series, _of_each(level, len(offsets))) for name, series in offsets.items()}


def _of_each(level: Level, lines: int) -> int:
    """Return how many points each of so many lines in one plot may have: at least those of one stretch."""
    if not level.points:
        return 0
    return max(level.points // lines, 4)


def _clock_ranges(clock: Series) -> Iterator[list[str]]:
    times, offsets, bounds, frequencies = clock
    if times:
        yield range_of("offset", offsets, offset_words)
        yield range_of("error bound", bounds, bound_words)
        yield range_of("frequency", frequencies, frequency_words)


def _by_source(points: Iterable[SourcePoint], sources: Iterable[TimeSource]) -> dict[str, Series]:
    """Return the series of each source by its name, those with the most points first."""
    names = {source.address: on_one_line(source.name) for source in sources if source.address}
    found: dict[str, list[SourcePoint]] = defaultdict(list)
    for point in points:
        found[names.get(point.source) or on_one_line(point.source)].append(point)
    often = sorted(found, key=lambda name: -len(found[name]))
    return {name: source_series(found[name]) for name in often}


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    if report.error is not None:
        yield "error", report.error
    yield "platform", report.platform
    status = report.status
    if status is not None:
        waits = ""
        if status.unconfirmed is not None:
            waits = f", {status.unconfirmed}"
        yield "generation", f"{status.generation}{waits}"
        yield "keys", status.key_ids or "none"
        if status.server is not None:
            yield "requests", requests_text(status.server)
        if status.clock is not None:
            yield "leap", status.clock.leap
            yield "skew", f"{status.clock.skew_ppm:.3f} ppm"
    for note in report.notes:
        yield "note", note


def _source(source: TimeSource) -> list[str]:
    """Return the cells of a source; the last one is why it gives no time."""
    last, fault = "never", ""
    if source.last_answer_seconds is not None:
        last = f"{source.last_answer_seconds} s ago"
    if source.fault is not None:
        fault = str(source.fault)
    return [
        on_one_line(source.name),
        source.state,
        str(source.stratum),
        f"{source.reach.bit_count()} of 8",
        last,
        offset_text(source.offset_seconds),
        seconds_text(source.error_seconds),
        authentication_text(source),
        on_one_line(fault),
    ]


def _event(event: Event) -> list[str]:
    current = ""
    if event.current:
        current = "current"
    return [
        on_one_line(event.when),
        event.kind.value,
        on_one_line(event.who),
        on_one_line(event.generation),
        on_one_line(", ".join(event.changed)),
        event.result.value,
        current,
    ]


def _now(report: Report, time: datetime) -> Iterator[ClockPoint]:
    if report.status is None or report.status.clock is None or not report.status.clock.synchronised:
        return
    clock = report.status.clock
    yield ClockPoint(
        time_seconds=int(time.timestamp()),
        offset_seconds=clock.offset_seconds,
        error_bound_seconds=clock.error_bound_seconds,
        frequency_ppm=clock.frequency_ppm,
    )
