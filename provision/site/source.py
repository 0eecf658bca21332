"""Where time comes from: servers and pools, as the site names them and as chrony.conf does.

Ranges are those of chrony.conf(5), section TIME SOURCES. chronyd takes many values beyond them and quietly uses others.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from provision.site.directive import options
from provision.site.values import Address, Refused

Poll = Annotated[int, Meta(ge=-7, le=24)]
"""An interval between requests, as a power of two in seconds."""

Port = Annotated[int, Meta(ge=1, le=65535)]

# What chronyd takes when the line does not say (srcparams.h).
_DEFAULT_MINPOLL = 6


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the site file: frozen, and refused as a whole when its values contradict each other."""

    def __post_init__(self) -> None:
        for key, why in self.contradictions():
            raise Refused(why, key=key)

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the key of each value that cannot go with the others, and why."""
        yield from ()


class Source(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What servers and pools have in common; the options are in the order in which they are rendered."""

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

    @property
    def line(self) -> str:
        """Return the line of chrony.conf."""
        return " ".join([self.directive, self.address, options(self, without=("address",))]).rstrip()

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield what chronyd would accept, and then not do as it is written."""
        if self.minpoll is not None and self.maxpoll is not None and self.minpoll > self.maxpoll:
            yield "minpoll", f"{self.minpoll} is above maxpoll {self.maxpoll}"
        if self.minpoll is None and self.maxpoll is not None and self.maxpoll < _DEFAULT_MINPOLL:
            yield "maxpoll", f"{self.maxpoll} is below minpoll, which is {_DEFAULT_MINPOLL} unless you set it, too"
        if self.nts and self.key is not None:
            yield "key", "cannot go with nts: a source is authenticated in one way"
        if self.ntsport is not None and not self.nts:
            yield "ntsport", "needs nts = true"
        for name in ("prefer", "trust", "require"):
            if self.noselect and getattr(self, name):
                yield name, "cannot go with noselect: the source is never selected"


class Server(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One NTP server."""

    directive = "server"


class Pool(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name that resolves to many NTP servers."""

    directive = "pool"

    maxsources: Annotated[int, Meta(ge=1, le=16)] | None = None
