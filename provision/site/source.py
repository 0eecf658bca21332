"""Define servers and pools, as in the site file and in chrony.conf.

The ranges are those of chrony.conf(5), section TIME SOURCES. chronyd accepts many values outside of them and silently
uses others.
"""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from provision.site.directive import SourceOptions, line_faults, options
from provision.site.text_types import Address, Refused

Poll = Annotated[int, Meta(ge=-7, le=24)]
"""An interval between requests, as the exponent of a power of two in seconds."""

Port = Annotated[int, Meta(ge=1, le=65535)]

# chronyd's defaults (srcparams.h).
_DEFAULT_MINPOLL = 6


_NTP_CONF_CLOCKS = ip_network("127.127.0.0/16")
"""Addresses of ntpd's reference clocks, 127.127.DRIVER.UNIT (ntp.conf(5), "Reference Clock Support")."""
_BROADCAST = ip_address("255.255.255.255")


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the site file: immutable, and refused if its values contradict each other."""

    def __post_init__(self) -> None:
        for key, why in self.contradictions():
            raise Refused(why, key=key)

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the key of each value that contradicts other values, and the reason."""
        yield from ()


class Source(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the options that servers and pools share, in the order of rendering."""

    directive: ClassVar[str]

    address: Address
    prefer: bool = False
    noselect: bool = False
    trust: bool = False
    require: bool = False
    iburst: bool = True
    burst: bool = False
    xleave: bool = False
    minpoll: Poll | None = None
    maxpoll: Poll | None = None
    polltarget: Annotated[int, Meta(ge=1, le=1000)] | None = None
    key: Annotated[int, Meta(ge=1, le=2**32 - 1)] | None = None
    nts: bool = False
    ntsport: Port | None = None
    port: Port | None = None
    version: Annotated[int, Meta(ge=1, le=4)] | None = None
    minstratum: Annotated[int, Meta(ge=0, le=15)] | None = None
    maxdelay: Annotated[float, Meta(gt=0, le=1000)] | None = None
    offset: float | None = None
    options: SourceOptions | None = None
    """Options without a key of their own; the last ones of the line."""

    @property
    def line(self) -> str:
        """Return the line of chrony.conf."""
        parts = (self.directive, self.address, options(self, without=("address", "options")), self.options or "")
        return " ".join(part for part in parts if part)

    def faults(self, chrony: str) -> Iterator[str]:
        """Yield the reasons why this chrony would not apply the options as they are written."""
        yield from line_faults(self.line, chrony)

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield values that chronyd would accept but not apply as written."""
        if self.minpoll is not None and self.maxpoll is not None and self.minpoll > self.maxpoll:
            yield "minpoll", f"{self.minpoll} is above maxpoll {self.maxpoll}"
        if self.minpoll is None and self.maxpoll is not None and self.maxpoll < _DEFAULT_MINPOLL:
            yield "maxpoll", f"{self.maxpoll} is below minpoll, which is {_DEFAULT_MINPOLL} unless you set it, too"
        if self.nts and self.key is not None:
            yield "key", "cannot go with nts: a source is authenticated in one way"
        if self.ntsport is not None and not self.nts:
            yield "ntsport", "needs nts = true"
        for name in (self.options or SourceOptions("")).names:
            if name in self.__struct_fields__:
                yield "options", f"{name} has a key of its own: write {name} = …"
        if (why := not_a_server(self.address)) is not None:
            yield "address", why
        for name in ("prefer", "trust", "require"):
            if self.noselect and getattr(self, name):
                yield name, "cannot go with noselect: the source is never selected"


def not_a_server(address: str) -> str | None:
    """Return the reason why this cannot be the address of an NTP server; None if it can, or if it is a name."""
    try:
        ip = ip_address(address)
    except ValueError:
        return None
    if ip in _NTP_CONF_CLOCKS:
        return (
            f"{address} is how ntp.conf names a clock of the host itself, and no server; "
            "use time.local in place of 127.127.1.x, and a refclock line in time.extra in place of others"
        )
    if ip.is_unspecified or ip.is_multicast or ip == _BROADCAST:
        return f"{address} is no address of a server"
    return None


class Server(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One NTP server."""

    directive = "server"


class Pool(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name that resolves to many NTP servers."""

    directive = "pool"

    maxsources: Annotated[int, Meta(ge=1, le=16)] | None = None
