"""Define the site's ``[time]``: time sources and clock control."""

from collections.abc import Iterator
from pathlib import Path
from posixpath import normpath
from typing import Annotated, Literal

from msgspec import Meta

from provision.chrony.conf import source_key
from provision.common.text import quoted
from provision.host.paths import STATE as _STATE
from provision.host.paths import is_in_run
from provision.site.directive import Directive, decimal, line_faults, options
from provision.site.source import Pool, Server, Source, Table, not_a_server
from provision.site.text_types import Address, HostPath, Refused, TimeZone

# The service's own folders. The hardened unit creates them, and permits chronyd to write only there.
_LOGS = "/var/log/chrony"

# conf.c, parse_log
LogName = Literal[
    "rawmeasurements", "measurements", "selection", "statistics", "tracking", "rtc", "refclocks", "tempcomp"
]

_WRITTEN_BY_CHRONYD = ("rtcfile", "ntsdumpdir", "ntscachedir")
"""Directives with a file or folder to which chronyd writes (chrony.conf(5))."""
NEVER_SELECTED = "with which chronyd never selects a source that has neither a key nor NTS"
_LIMITS = {"ratelimit", "ntsratelimit", "cmdratelimit"}
_DEFAULT_MAXSOURCES = 4
"""The default number of servers of a pool that chronyd uses (chrony.conf(5), pool)."""

Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Positive = Annotated[float, Meta(gt=0)]
Seconds = Annotated[float, Meta(ge=0)]


class Makestep(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Step the clock if its error exceeds ``threshold`` seconds, in the first ``limit`` updates (-1: in all)."""

    threshold: Annotated[float, Meta(ge=0)] = 1.0
    limit: Annotated[int, Meta(ge=-1, le=2**31 - 1)] = 3

    def __str__(self) -> str:
        return f"{decimal(self.threshold)} {self.limit}"


class Local(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Serve time without a source."""

    stratum: Annotated[int, Meta(ge=1, le=15)] = 10
    orphan: bool = False
    distance: Seconds | None = None
    activate: Seconds | None = None
    waitsynced: Seconds | None = None
    waitunsynced: Seconds | None = None

    def __str__(self) -> str:
        return options(self)


class Time(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the time sources and the settings of the clock.

    The defaults are those of the manual guide, except for maxupdateskew. With the guide's 100 ppm, a host without a
    drift file often rejects its first estimates, and cannot serve its clients for minutes.
    """

    follows: str | None = None
    """The group of the site whose servers are additional sources; empty: none, to override a previous level."""
    follows_with: Literal["key", "nts"] = "key"
    """How the servers of that group are authenticated."""
    trusted_certificates: tuple[Path, ...] = ()
    """PEM files on this machine: the authorities of sources with NTS that the host does not trust anyway."""
    pools: tuple[Pool, ...] | None = None
    servers: tuple[Server, ...] | None = None
    minsources: Count | None = None
    maxdistance: Positive | None = None
    authselectmode: Literal["require", "prefer", "mix", "ignore"] | None = None
    local: Local | None = None
    makestep: Makestep = Makestep()
    maxupdateskew: Positive | None = None
    rtcsync: bool = True
    bootstrap: bool = False
    """Whether a deployment sets a wrong clock from the control machine's, before anything else."""
    leapsectz: TimeZone | None = None
    driftfile: HostPath = HostPath(f"{_STATE}/chrony.drift")
    driftfile_interval: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    """The shortest time between two updates of the drift file, in seconds."""
    logdir: HostPath = HostPath(_LOGS)
    log: tuple[LogName, ...] = ()
    extra: tuple[Directive, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...] | None:
        """Return the sources of the site, possibly an empty tuple; None if the site does not set them."""
        if self.pools is None and self.servers is None:
            return None
        return tuple(source for _, source in self.placed())

    def placed(self) -> Iterator[tuple[str, Source]]:
        """Yield each source with its position in the table, such as ``servers[0]``."""
        for name, sources in (("pools", self.pools), ("servers", self.servers)):
            for number, source in enumerate(sources or ()):
                yield f"{name}[{number}]", source

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield duplicate or missing sources, paths that the service cannot write, and contradictory settings."""
        yield from self._malformed_peers()
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
        yield from self._contradictions_of_lines()
        yield from self._never_selected()

    def _contradictions_of_lines(self) -> Iterator[tuple[str, str]]:
        """Yield lines of ``extra`` that the service cannot apply, or that contradict other settings."""
        for number, line in enumerate(self.extra):
            if line.name == "peer" and (why := not_a_server(line.argument)) is not None:
                yield f"extra[{number}]", why
            if line.name == "sourcedir" and (why := _not_of_dhcp(line)) is not None:
                yield f"extra[{number}]", why
            if line.name == "rtcfile" and self.rtcsync:
                yield f"extra[{number}]", "rtcfile cannot go with time.rtcsync; set that to false"
            if line.name in _WRITTEN_BY_CHRONYD and not _is_state(line.argument):
                why = f"must be {_STATE} or below, the one folder where the service keeps state"
                yield f"extra[{number}]", f"{line.name} {quoted(line.argument)}: {why}"
            if line.name in _LIMITS and any(other.name == "noclientlog" for other in self.extra):
                yield f"extra[{number}]", f"{line.name} cannot go with noclientlog: chronyd limits by that log"

    def _never_selected(self) -> Iterator[tuple[str, str]]:
        """Yield settings with which chronyd would never select a source and never synchronise the clock."""
        if self.sources is None or self.follows or any(line.name == "sourcedir" for line in self.extra):
            # Default sources, those of a followed group, and those of a DHCP client depend on the host.
            return
        most = self.most_sources()
        has_own_time = self.local is not None or any(line.name == "manual" for line in self.extra)
        strata = {line.name: int(line.argument) for line in self.extra if line.argument.isdecimal()}
        if strata.get("minstratum", 0) > strata.get("maxstratum", 16):
            yield "extra", "minstratum is above maxstratum, so that no source can be selected"
        if most == 0 and not has_own_time and self.sources and all(source.noselect for source in self.sources):
            yield "servers", "each source has noselect, so that the clock is never synchronised"
        elif most == 0 and not has_own_time and self.authselectmode == "require" and list(self.unauthenticated()):
            yield "authselectmode", f'"require", {NEVER_SELECTED}, and no source has one'
        elif self.minsources is not None and self.minsources > most > 0:
            yield "minsources", f"{self.minsources} is more than the {most} sources that chronyd can select"

    def unauthenticated(self) -> Iterator[str]:
        """Yield the address of each NTP source without a key and NTS; sources with ``noselect`` are left out."""
        for source in self.sources or ():
            if source.key is None and not source.nts and not source.noselect:
                yield source.address
        for line in self.extra:
            if line.name == "peer" and source_key(line) is None:
                yield line.argument

    def most_sources(self) -> int:
        """Return the largest number of the site's sources that chronyd can select."""
        most = sum(1 for line in self.extra if line.name in {"peer", "refclock"})
        most += sum(1 for server in self.servers or () if not server.noselect)
        most += sum(pool.maxsources or _DEFAULT_MAXSOURCES for pool in self.pools or () if not pool.noselect)
        if self.authselectmode != "require":
            return most
        # chrony.conf(5), authselectmode: unauthenticated NTP sources are then never selected.
        pools = {pool.address: pool.maxsources or _DEFAULT_MAXSOURCES for pool in self.pools or ()}
        return most - sum(pools.get(Address(address), 1) for address in self.unauthenticated())

    def faults(self, chrony: str) -> Iterator[tuple[str, str]]:
        """Yield each key with a value that this chrony would not apply as it is written, and the reason."""
        for place, source in self.placed():
            for why in source.faults(chrony):
                yield place, why
        if self.local is not None:
            for why in line_faults(f"local {self.local}", chrony):
                yield "local", why
        if self.driftfile_interval is not None:
            for why in line_faults(self.driftfile_line, chrony):
                yield "driftfile_interval", why
        for number, name in enumerate(self.log):
            for why in line_faults(f"log {name}", chrony):
                yield f"log[{number}]", why

    @property
    def driftfile_line(self) -> str:
        """Return the driftfile directive."""
        if self.driftfile_interval is None:
            return f"driftfile {self.driftfile}"
        return f"driftfile {self.driftfile} interval {self.driftfile_interval}"

    def _malformed_peers(self) -> Iterator[tuple[str, str]]:
        """Yield each peer line whose address is neither a host name nor an IP address."""
        for number, line in enumerate(self.extra):
            if line.name != "peer":
                continue
            try:
                Address(line.argument)
            except Refused as error:
                yield f"extra[{number}]", f"peer: {error}"

    def _twice(self) -> Iterator[tuple[str, str]]:
        first: dict[str, str] = {}
        named = [(place, f"{place}.address", source.address) for place, source in self.placed()]
        for number, line in enumerate(self.extra):
            if line.name == "peer":
                named.append((f"extra[{number}]", f"extra[{number}]", Address(line.argument)))
        for place, key, address in named:
            if (other := first.setdefault(address.identity, place)) != place:
                yield key, f"{address} is named twice, first in time.{other}"


def _not_of_dhcp(line: Directive) -> str | None:
    """Return why the folders of a sourcedir line cannot be a DHCP client's; None if they can."""
    for folder in line.split()[1:]:
        if not is_in_run(folder):
            return (
                f"sourcedir {quoted(folder)}: must be below /run, where a DHCP client writes; other sources are set by "
                "time.servers and time.pools"
            )
    return None


def _is_state(path: str) -> bool:
    # Use normpath, because a path such as /var/lib/chrony/../x is outside of the folder.
    clean = normpath(path)
    return clean == _STATE or clean.startswith(f"{_STATE}/")
