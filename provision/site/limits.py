"""Define the site's ``[limits]``: how far a clock may be off before ``inv status`` fails."""

import re
from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from provision.common.text import quoted
from provision.site.source import Table
from provision.site.text_types import Refused, Text

_DURATION = re.compile(r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,9})?) ?(?P<unit>s|ms|us|µs|ns)")
OFFSET_SECONDS = 0.05
"""The offset at which ntpmon is critical."""
_FACTORS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class Duration(Text):
    """A time such as ``10 ms``."""

    __slots__ = ()

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the text unchanged."""
        match = _DURATION.fullmatch(text)
        if match is None:
            raise Refused(f"{quoted(text)} is not a time such as '10 ms'; the units are s, ms, us and ns")
        if float(match["number"]) == 0:
            raise Refused(f"{quoted(text)} is a limit that no clock keeps")
        return text

    @property
    def seconds(self) -> float:
        """Return the time in seconds."""
        match = _DURATION.fullmatch(self)
        assert match is not None  # it was checked  # noqa: S101
        return float(match["number"]) * _FACTORS[match["unit"]]


class Limits(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the limits of a clock that is called good."""

    offset: Duration | None = None
    """None: see :attr:`offset_seconds`."""
    error: Duration = Duration("1 s")
    """The distance to a source beyond which NTP does not synchronise to it (RFC 5905, MAXDIST)."""
    sources: Annotated[int, Meta(ge=0, le=100)] | None = None
    """The least number of sources that can be selected; None: see :meth:`least_sources`."""
    authenticated: bool = False
    """Whether the selected source must have a key or NTS, and valid answers."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield a limit of the offset that is never reached: the offset is a part of the error."""
        if self.offset is not None and self.offset.seconds > self.error.seconds:
            yield "offset", f"{self.offset} is above error, which is {self.error}: the offset is a part of the error"

    @property
    def offset_seconds(self) -> float:
        """Return the largest offset: by default that at which ntpmon is critical, or ``error`` if that is less."""
        if self.offset is not None:
            return self.offset.seconds
        return min(OFFSET_SECONDS, self.error.seconds)

    def least_sources(self, named: int) -> int:
        """Return the least number of usable sources of a host whose chrony.conf names so many.

        By default three, the fewest of which a wrong one can be told (RFC 8633, section 3.2; ntpmon warns below four),
        or all of them where chrony.conf names fewer.
        """
        if self.sources is not None:
            return self.sources
        return min(FEWEST, named)


FEWEST = 3
