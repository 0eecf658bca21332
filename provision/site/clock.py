"""The site's ``[time]``: where time comes from, and how the clock is kept."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from provision.site.directive import Directive, decimal, options
from provision.site.source import Pool, Server, Source, Table
from provision.site.values import HostPath, TimeZone

# The folders of the service's own: the hardened unit makes them, and lets chronyd write nowhere else.
_STATE = "/var/lib/chrony"
_LOGS = "/var/log/chrony"

# conf.c, parse_log
LogName = Literal[
    "rawmeasurements", "measurements", "selection", "statistics", "tracking", "rtc", "refclocks", "tempcomp"
]

Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Positive = Annotated[float, Meta(gt=0)]


class Makestep(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the clock is stepped: beyond ``threshold`` seconds, in the first ``limit`` updates (-1: in any)."""

    threshold: Annotated[float, Meta(ge=0)] = 1.0
    limit: Annotated[int, Meta(ge=-1, le=2**31 - 1)] = 3

    def __str__(self) -> str:
        return f"{decimal(self.threshold)} {self.limit}"


class Local(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Serve time although there is no source."""

    stratum: Annotated[int, Meta(ge=1, le=15)] = 10
    orphan: bool = False
    distance: Positive | None = None

    def __str__(self) -> str:
        return options(self)


class Time(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where time comes from, and how it is kept.

    The defaults are the guide's, but for maxupdateskew: with its 100 ppm a host that starts without a drift file often
    uses none of its first estimates, and is of no use to its clients for minutes.
    """

    follows: str | None = None
    """A group of the site, whose servers are asked, too; empty: none, where a level below names one."""
    pools: tuple[Pool, ...] | None = None
    servers: tuple[Server, ...] | None = None
    minsources: Count | None = None
    maxdistance: Positive | None = None
    authselectmode: Literal["require", "prefer", "mix", "ignore"] | None = None
    local: Local | None = None
    makestep: Makestep = Makestep()
    maxupdateskew: Positive | None = None
    rtcsync: bool = True
    leapsectz: TimeZone | None = None
    driftfile: HostPath = HostPath(f"{_STATE}/chrony.drift")
    logdir: HostPath = HostPath(_LOGS)
    log: tuple[LogName, ...] = ()
    extra: tuple[Directive, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...] | None:
        """Return the sources that the site names, which may be none at all; None when it does not say."""
        if self.pools is None and self.servers is None:
            return None
        return tuple(source for _, source in self.placed())

    def placed(self) -> Iterator[tuple[str, Source]]:
        """Yield each source with its place in the table, as ``servers[0]``."""
        for name, sources in (("pools", self.pools), ("servers", self.servers)):
            for number, source in enumerate(sources or ()):
                yield f"{name}[{number}]", source

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield sources named twice, no source at all, paths the service cannot write, and what shuts itself out."""
        yield from self._twice()
        if (
            self.sources == ()
            and not self.follows
            and self.local is None
            and not any(line.gives_time for line in self.extra)
        ):
            yield "servers", "no source is named, and there is no time.local; leave the empty list out for the defaults"
        if not self.driftfile.is_below(_STATE):
            yield "driftfile", f"must be below {_STATE}, the one folder where the service keeps state"
        if self.logdir != _LOGS and not self.logdir.is_below(_LOGS):
            yield "logdir", f"must be {_LOGS} or below, the one folder where the service writes logs"
        for number, line in enumerate(self.extra):
            if line.name == "rtcfile" and self.rtcsync:
                yield f"extra[{number}]", "rtcfile cannot go with time.rtcsync; set that to false"

    def _twice(self) -> Iterator[tuple[str, str]]:
        first: dict[str, str] = {}
        for place, source in self.placed():
            if (other := first.setdefault(source.address.identity, place)) != place:
                yield f"{place}.address", f"{source.address} is named twice, first in time.{other}"
