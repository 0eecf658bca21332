"""Make the values of the HTML page that shows the hosts of a report; templates/report.html.j2 has its layout.

The table of hosts, the graph, the findings that do not hold and the keys are part of the page's text. The details of
each host are data, from which the page's script makes text and plots when they are wanted.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from provision.common.text import on_one_line, seconds_text
from provision.output.findings import folded
from provision.output.html.details import THINNED, HostRecord, Level, details_of
from provision.output.html.follows import graph_of
from provision.output.html.graph import Graph
from provision.output.report import Report
from provision.output.status import Clock, HostStatus, TimeSource
from provision.output.status_text import offset_text

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
    details: tuple[Mapping[str, Any], ...] = ()
    """The details of each row, for the script of the page."""
    thinned: str = ""
    """What was left out of the details, so that the page stays small; empty if nothing was."""
    columns: tuple[str, ...] = COLUMNS


def page_of(
    reports: Sequence[Report],
    *,
    site: str,
    time: datetime,
    names: Mapping[str, str],
    keys: Sequence[KeyRow],
) -> Page:
    """Return the values of the page, without details; ``names`` are names and addresses of hosts → their names."""
    return Page(
        title=f"Time of {site}",
        time=time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        summary=_summary(reports),
        rows=tuple(_row(report) for report in reports),
        failures=tuple(_failures(reports)),
        keys=tuple(keys),
        graph=graph_of(reports, names),
    )


def with_details(page: Page, records: Sequence[HostRecord], level: Level) -> Page:
    """Return the page with the details of its hosts, and as much of their history as the level says."""
    details = tuple(details_of(record, level) for record in records)
    thinned = ""
    if any(THINNED in host for host in details):
        thinned = str(level)
    return replace(page, details=details, thinned=thinned)


def _summary(reports: Sequence[Report]) -> str:
    counts: dict[str, int] = defaultdict(int)
    for report in reports:
        counts[report.word] += 1
    words = ", ".join(f"{number} {word}" for word, number in counts.items())
    noun = "hosts"
    if len(reports) == 1:
        noun = "host"
    return f"{len(reports)} {noun}: {words}"


def _row(report: Report) -> Row:
    status = report.status
    cells = [Cell(report.word)]
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
    yield Cell(offset_text(clock.offset_seconds), clock.offset_seconds)
    yield Cell(seconds_text(clock.error_bound_seconds), clock.error_bound_seconds)
    yield Cell(f"{clock.frequency_ppm:+.3f} ppm", clock.frequency_ppm)


def _reference(status: HostStatus, clock: Clock) -> str:
    if status.selected is not None:
        return _shown(status.selected.name)
    return clock.reference or "nothing"


def _reached(sources: Sequence[TimeSource]) -> Cell:
    reached = sum(source.reach > 0 for source in sources)
    return Cell(f"{reached} of {len(sources)}", reached)


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
