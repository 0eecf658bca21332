"""Reports of a generated site, of any size, for the HTML page."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from provision.chrony.clock_log import ClockPoint, SourcePoint
from provision.cli.report_page import MOST_BYTES, html_below
from provision.common.results import Finding
from provision.host.target import parse_target
from provision.output.history import Event, Kind, Result
from provision.output.html.details import record_of
from provision.output.html.page import KeyRow, page_of
from provision.output.html.plot_script import plot_scripts
from provision.output.report import Report
from provision.output.status import Authentication, Layer, Role, SourceFault, TimeSource
from tests.helpers.status_samples import CLOCK, SOURCE, STATUS

NOW = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
SERVERS = ("ntp1", "ntp2", "ntp3")
CLAIMS = (
    ("clock.synchronised", "the clock is synchronised"),
    ("limits.offset", "the offset is within the limit"),
    ("limits.error", "the error bound is within the limit"),
    ("limits.sources", "enough sources can be selected"),
    ("limits.authenticated", "the selected source is authenticated"),
)
FALSE = SourceFault(
    layer=Layer.FALSETICKER,
    seen="its time disagrees with that of most sources",
    advice="compare it with others: inv status shows its offset",
)
KEYS = (
    KeyRow(ids="1", type="AES128", age="12 days", label="machines", used_by="web1, web2"),
    KeyRow(ids="10-59", type="AES128", age="200 days", label="weather stations", used_by="devices"),
)


def address(number: int) -> str:
    """Return the address of a host by its number."""
    return f"198.51.{number // 250}.{number % 250 + 1}"


NAMES: Mapping[str, str] = {
    **{name: name for name in SERVERS},
    **{address(number): name for number, name in enumerate(SERVERS)},
}


def reports(clients: int, points: int = 900) -> list[Report]:
    """Return the reports of three servers and so many clients; every 50th client has a falseticker."""
    servers = (_report(name, number, Role.SERVER, _outside(number), points) for number, name in enumerate(SERVERS))
    those = range(len(SERVERS), len(SERVERS) + clients)
    return [*servers, *(_report(f"web{number - 2}", number, Role.CLIENT, _inside(number), points) for number in those)]


def tree(relays: int, clients: int) -> list[Report]:
    """Return the reports of so many servers that follow one source and each other, and of clients of four of them."""
    made = []
    for number in range(relays):
        peers = [f"relay{(number + step) % relays}" for step in (1, 2)]
        made.append(_report(f"relay{number}", number, Role.SERVER, _named("time1.example.net", *peers), 1))
    for number in range(clients):
        followed = [f"relay{(number + step) % relays}" for step in range(4)]
        made.append(_report(f"leaf{number}", number, Role.CLIENT, _named(*followed, bad=number % 3 == 0), 1))
    return made


def _named(*names: str, bad: bool = False) -> Iterator[TimeSource]:
    for place, name in enumerate(names):
        state = "selected" if place == 0 else "combined"
        if bad and place == 3:
            state = "falseticker"
        yield replace(SOURCE, name=name, address=name, state=state, key_id=1)


def names(some: Iterable[Report]) -> Mapping[str, str]:
    """Return the names and addresses of these hosts → their names."""
    return {**NAMES, **{str(report.host): str(report.host) for report in some}}


def page(
    some: Sequence[Report], *, plots: bool = True, earlier: Mapping[str, Sequence[ClockPoint]] | None = None
) -> str:
    """Return the page of these reports."""
    values = page_of(some, site="site.toml", time=NOW, names=names(some), keys=KEYS)
    records = [record_of(report, (earlier or {}).get(str(report.host), ()), NOW) for report in some]
    return html_below(MOST_BYTES, values, records, plot_scripts() if plots else ())


def _report(name: str, number: int, role: Role, followed: Iterable[TimeSource], points: int) -> Report:
    sources = tuple(followed)
    report = Report(host=parse_target(name), address=address(number), platform="debian-12-x86_64", tried=True)
    stratum = 3 if role is Role.CLIENT else 2
    offset = math.sin(number) * 3e-5
    clock = replace(CLOCK, stratum=stratum, offset_seconds=offset, frequency_ppm=math.cos(number) * 20)
    server = STATUS.server if role is Role.SERVER else None
    report.status = replace(STATUS, role=role, generation="3f0c2a9d81b7", clock=clock, sources=sources, server=server)
    holds = all(source.state != "falseticker" for source in sources)
    report.findings = [
        Finding(id=id_, claim=claim, holds=holds or id_ != "limits.sources", seen="1 of 3, limit 2")
        for id_, claim in CLAIMS
    ]
    report.history = (
        _event("2026-11-01T08:00:00Z", "1b9d52e0c6aa", current=False),
        _event("2026-11-20T08:00:00Z", "3f0c2a9d81b7", current=True),
    )
    report.clock_points = tuple(_clock_points(number, points))
    report.source_points = tuple(_source_points(number, points, sources))
    return report


def _event(when: str, generation: str, *, current: bool) -> Event:
    return Event(
        when=when,
        kind=Kind.DEPLOYED,
        who="alice@laptop",
        generation=generation,
        build="chrony-4.9",
        changed=("build", "conf"),
        result=Result.CONFIRMED,
        current=current,
    )


def _outside(number: int) -> Iterator[TimeSource]:
    for other in (1, 2, 3):
        state = "selected" if other == number % 3 + 1 else "combined"
        authentication = Authentication.NTS if other < 3 else Authentication.NONE
        yield replace(
            SOURCE,
            name=f"time{other}.example.net",
            address=f"203.0.113.{other}",
            state=state,
            authentication=authentication,
            key_id=None,
            authenticated=None if authentication is Authentication.NONE else True,
        )


def _inside(number: int) -> Iterator[TimeSource]:
    for other, name in enumerate(SERVERS):
        state, fault = "selected" if other == number % 3 else "combined", None
        if number % 50 == 7 and other == 2:
            state, fault = "falseticker", FALSE
        yield replace(SOURCE, name=name, address=address(other), stratum=2, state=state, key_id=1, fault=fault)


def _clock_points(number: int, points: int) -> Iterator[ClockPoint]:
    for age in range(points, 0, -1):
        phase = age / 30 + number
        yield ClockPoint(
            time_seconds=SECONDS - 64 * age,
            offset_seconds=math.sin(phase) * 2.7183e-5,
            error_bound_seconds=4e-4 + abs(math.cos(phase)) * 1.2345e-4,
            frequency_ppm=-3.5 + math.sin(phase / 5) * 0.04321,
        )


def _source_points(number: int, points: int, sources: Sequence[TimeSource]) -> Iterator[SourcePoint]:
    for age in range(points, 0, -1):
        source = sources[age % len(sources)]
        offset = math.sin(age / 20 + number) * 4.2e-5
        yield SourcePoint(time_seconds=SECONDS - 64 * age, source=source.address, offset_seconds=offset)
