"""Make the values of the HTML page that shows the hosts of a report; templates/report.html.j2 has its layout.

The table of hosts, the graph, the findings that do not hold and the keys are part of the page's text. The details of
each host are data, from which the page's script makes text and plots when they are wanted.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, TypeVar

from provision.chrony.clock_log import ClockPoint, SourcePoint
from provision.common.text import on_one_line, seconds_text
from provision.output.findings import folded
from provision.output.follows import Graph, graph_of
from provision.output.history import Event
from provision.output.report import WORDS, Report
from provision.output.status import Clock, HostStatus, TimeSource, authentication_text, requests_text

MOST_POINTS = (300, 150, 75, 40, 20)
"""Of one host in its plots: as many as a plot has pixels, or fewer, until the details of all hosts are small enough."""
MOST_BYTES = 3_000_000
"""Of the details of all hosts. With BokehJS and the table, the page stays below 5 MB, so that mail takes it."""
LEAST_POINT = 12
"""Bytes of a point in the details, at least."""
MOST_EVENTS = 20
"""The last ones of a host's history."""
MOST_LINES = 6
"""Sources in one plot: more lines cannot be told from each other."""
COLUMNS = (
    "host",
    "result",
    "role",
    "stratum",
    "follows",
    "offset",
    "error bound",
    "frequency",
    "reached",
    "generation",
    "release",
)
FINDINGS = {True: "ok", False: "FAILED", None: "not checked"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the table of hosts."""

    text: str
    value: float | None = None
    """The number by which the column is sorted; None: it is sorted by the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A host in the table."""

    name: str
    ok: bool
    cells: tuple[Cell, ...]
    """Those behind the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A claim that does not hold, or an error, and the hosts of which that is so."""

    claim: str
    hosts: tuple[tuple[str, str], ...]
    """The name of each host, and what was seen there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key of the site, or several with consecutive ids of which all else is equal; never a secret."""

    ids: str
    type: str
    age: str
    label: str
    used_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The values of the page."""

    title: str
    time: str
    summary: str
    rows: tuple[Row, ...]
    failures: tuple[Failure, ...]
    keys: tuple[KeyRow, ...]
    graph: Graph
    details: tuple[Mapping[str, Any], ...]
    """The details of each row, for the script of the page."""
    columns: tuple[str, ...] = COLUMNS


def page_of(
    reports: Sequence[Report],
    *,
    site: str,
    time: datetime,
    names: Mapping[str, str],
    earlier: Mapping[str, Sequence[ClockPoint]],
    keys: Sequence[KeyRow],
) -> Page:
    """Return the values of the page.

    ``names`` are names and addresses of hosts → their names in the report; ``earlier`` are the clocks in earlier
    reports by the name of the host.
    """
    return Page(
        title=f"Time of {site}",
        time=time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        summary=_summary(reports),
        rows=tuple(_row(report) for report in reports),
        failures=tuple(_failures(reports)),
        keys=tuple(keys),
        graph=graph_of(reports, names),
        details=_all_details(reports, earlier, time),
    )


def _summary(reports: Sequence[Report]) -> str:
    counts: dict[str, int] = defaultdict(int)
    for report in reports:
        counts[WORDS[report.verdict]] += 1
    words = ", ".join(f"{number} {word}" for word, number in counts.items())
    noun = "hosts"
    if len(reports) == 1:
        noun = "host"
    return f"{len(reports)} {noun}: {words}"


def _row(report: Report) -> Row:
    status = report.status
    cells = [Cell(WORDS[report.verdict])]
    if status is None:
        cells += [Cell("")] * (len(COLUMNS) - 2)
    else:
        cells += [Cell(status.role.value), *_clock_cells(status), _reached(status.sources)]
        cells += [Cell(status.generation), Cell(status.release)]
    return Row(name=_shown(str(report.host)), ok=report.ok, cells=tuple(cells))


def _clock_cells(status: HostStatus) -> Iterator[Cell]:
    clock = status.clock
    if clock is None:
        yield from [Cell("")] * 5
        return
    yield Cell(str(clock.stratum), clock.stratum)
    yield Cell(_reference(status, clock))
    yield Cell(_signed(clock.offset_seconds), clock.offset_seconds)
    yield Cell(seconds_text(clock.error_bound_seconds), clock.error_bound_seconds)
    yield Cell(f"{clock.frequency_ppm:+.3f} ppm", clock.frequency_ppm)


def _reference(status: HostStatus, clock: Clock) -> str:
    if status.selected is not None:
        return _shown(status.selected.name)
    return clock.reference or "nothing"


def _reached(sources: Sequence[TimeSource]) -> Cell:
    reached = sum(source.reach > 0 for source in sources)
    return Cell(f"{reached} of {len(sources)}", reached)


def _signed(seconds: float) -> str:
    words = seconds_text(seconds)
    if seconds > 0:
        return f"+{words}"
    return words


def _shown(text: str) -> str:
    """Return a text from a host without characters that disguise it; the template escapes those of HTML."""
    return on_one_line(text)


def _failures(reports: Iterable[Report]) -> Iterator[Failure]:
    """Yield each error and each claim that does not hold, the most frequent first."""
    hosts: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for report in reports:
        name = _shown(str(report.host))
        if report.error is not None:
            hosts["the host was asked without an error"].append((name, _shown(report.error)))
        for finding in folded(report.findings):
            if finding.holds is False:
                hosts[_shown(str(finding))].append((name, _shown(finding.seen)))
    for claim, having in sorted(hosts.items(), key=lambda item: -len(item[1])):
        yield Failure(claim=claim, hosts=tuple(having))


def _all_details(
    reports: Sequence[Report], earlier: Mapping[str, Sequence[ClockPoint]], time: datetime
) -> tuple[Mapping[str, Any], ...]:
    details: tuple[Mapping[str, Any], ...] = ()
    for most in MOST_POINTS:
        if most * len(reports) * LEAST_POINT > MOST_BYTES and most > MOST_POINTS[-1]:
            continue
        details = tuple(_details(report, earlier, time, most) for report in reports)
        if len(json.dumps(details, separators=(",", ":"))) <= MOST_BYTES:
            break
    return details


def _details(report: Report, earlier: Mapping[str, Sequence[ClockPoint]], time: datetime, most: int) -> dict[str, Any]:
    """Return the details of a host; lists in place of objects with names, because there are 1,000 hosts."""
    name = str(report.host)
    sources: Sequence[TimeSource] = ()
    if report.status is not None:
        sources = report.status.sources
    clocks = [*report.clock_points, *earlier.get(name, ()), *_now(report, time)]
    return {
        "facts": [[label, _shown(words)] for label, words in _facts(report)],
        "findings": [[FINDINGS[one.holds], _shown(str(one)), _shown(one.seen)] for one in folded(report.findings)],
        "sources": [_source(source) for source in sources],
        "history": [_event(event) for event in (report.history or ())[-MOST_EVENTS:]],
        "clock": _columns(thinned(sorted(clocks, key=lambda point: point.time_seconds), most)),
        "offsets": _offsets(report.source_points, most),
    }


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
        for source in status.sources:
            if source.fault is not None:
                yield f"no time from {_shown(source.name)}", str(source.fault)
    for note in report.notes:
        yield "note", note


def _source(source: TimeSource) -> list[str]:
    last = "never"
    if source.last_answer_seconds is not None:
        last = f"{source.last_answer_seconds} s ago"
    return [
        _shown(source.name),
        source.state,
        str(source.stratum),
        f"{source.reach.bit_count()} of 8",
        last,
        _signed(source.offset_seconds),
        seconds_text(source.error_seconds),
        authentication_text(source),
    ]


def _event(event: Event) -> list[str]:
    current = ""
    if event.current:
        current = "current"
    return [
        _shown(event.when),
        event.kind.value,
        _shown(event.who),
        _shown(event.generation),
        _shown(", ".join(event.changed)),
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


def thinned(points: Sequence[T], most: int) -> Sequence[T]:
    """Return at most so many of the points, at equal distances, with the first and the last."""
    if len(points) <= most:
        return points
    step = (len(points) - 1) / (most - 1)
    return [points[round(number * step)] for number in range(most)]


def _columns(points: Sequence[ClockPoint]) -> list[list[int]]:
    """Return times, offsets and error bounds in nanoseconds, and frequencies in parts per billion: whole numbers."""
    return [
        _steps([point.time_seconds for point in points]),
        [round(point.offset_seconds * 1e9) for point in points],
        [round(point.error_bound_seconds * 1e9) for point in points],
        [round(point.frequency_ppm * 1e3) for point in points],
    ]


def _steps(times: Sequence[int]) -> list[int]:
    """Return the first time, and the steps to the others, which have fewer digits."""
    return [later - earlier for earlier, later in pairwise([0, *times])]


def _offsets(points: Iterable[SourcePoint], most: int) -> dict[str, list[list[int]]]:
    """Return the times and offsets of each source; together they have as many points as the clock."""
    found: dict[str, list[SourcePoint]] = defaultdict(list)
    for point in points:
        found[_shown(point.source)].append(point)
    often = sorted(found, key=lambda name: -len(found[name]))[:MOST_LINES]
    return {name: _offset_columns(thinned(found[name], max(2, most // len(often)))) for name in often}


def _offset_columns(points: Sequence[SourcePoint]) -> list[list[int]]:
    times = _steps([point.time_seconds for point in points])
    return [times, [round(point.offset_seconds * 1e9) for point in points]]
