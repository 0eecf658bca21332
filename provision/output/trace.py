"""The path of the time from its origin to a host: the values, and the text that is made of them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from provision.chrony.reference_id import LOCAL_ADDRESS
from provision.common.text import aligned, on_one_line, seconds_text
from provision.output.status import REFERENCE_CLOCK, Clock, TimeSource
from provision.output.status_text import authentication_text, offset_text

HEADINGS = ("host", "stratum", "offset", "error bound", "follows", "authentication")


class End(StrEnum):
    """How a path ends."""

    REFERENCE_CLOCK = "reference-clock"
    """A host follows a device of its own."""
    OUTSIDE = "outside-of-the-site"
    """A source is no host of the site."""
    OWN_CLOCK = "own-clock"
    """A host serves its own clock (``local``)."""
    NOT_SYNCHRONISED = "not-synchronised"
    LOOP = "loop"
    """A host follows one that is on the path already."""
    NO_ANSWER = "no-answer"
    """A host could not be asked, or its chronyd does not answer."""


LOCAL = "local"
"""What a host of the site follows that serves its own clock."""
ORIGINS = {End.REFERENCE_CLOCK, End.OUTSIDE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A host on the path, and the source that it follows."""

    name: str
    """A host of the site, or the name of a source outside of it."""
    stratum: int
    clock: Clock | None
    """None for a source outside of the site, which is not asked."""
    source: TimeSource | None
    """None if it follows none, or it is not known."""
    reference: str
    """What it follows: of a host, the address of the selected source, ``local`` or empty; of a source outside of the
    site, its reference id (:class:`provision.chrony.chronyc.associations.Association`)."""

    @property
    def is_authenticated(self) -> bool:
        """Return whether its source gave a valid, authenticated answer; a device of the host needs none."""
        if self.source is None or self.source.kind == REFERENCE_CLOCK:
            return True
        return self.source.authenticated is True and self.source.authentication in {"key", "nts"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The path from a host to the origin of its time."""

    hops: tuple[Hop, ...]
    end: End
    words: str
    """How the path ends, for people."""
    loop: tuple[str, ...] = ()
    """The hosts that follow each other in a circle, in the order of the path; empty if none do."""

    @property
    def reaches_origin(self) -> bool:
        """Return whether it ends at a reference clock or at a source outside of the site."""
        return self.end in ORIGINS

    @property
    def error_bound_seconds(self) -> float | None:
        """Return the largest possible error of the first host against stratum 1, the sum of all hops.

        None if it is not known: also in a loop, and behind a host that serves its own clock at another stratum.

        NTP adds up root delay and root dispersion on the path (RFC 5905), so the first host knows the sum.
        """
        first = self.hops[0].clock if self.hops else None
        if first is None or not first.synchronised or not self._leads_to_stratum_1:
            return None
        return first.error_bound_seconds

    @property
    def _leads_to_stratum_1(self) -> bool:
        last = self.hops[-1]
        serves_own_clock = last.reference in {LOCAL, LOCAL_ADDRESS}
        return self.end is not End.LOOP and (last.stratum == 1 or not serves_own_clock)

    @property
    def unauthenticated(self) -> tuple[Hop, ...]:
        """Return the hops whose source is not authenticated."""
        return tuple(hop for hop in self.hops if not hop.is_authenticated)


def trace_text(path: Trace) -> str:
    """Return the lines for a terminal."""
    lines = [*aligned([HEADINGS, *map(_row, path.hops)])]
    lines.append(f"end of the path: {path.words}")
    if path.error_bound_seconds is not None:
        bound = seconds_text(path.error_bound_seconds)
        lines.append(f"error bound of {path.hops[0].name} against stratum 1: {bound}, the sum over all hops")
    lines += [
        f"not authenticated: {hop.name} follows {hop.source.name}"
        for hop in path.unauthenticated
        if hop.source is not None
    ]
    return "\n".join(on_one_line(line) for line in lines)


def _row(hop: Hop) -> tuple[str, ...]:
    return (hop.name, str(hop.stratum), *_of_clock(hop.clock), *_of_source(hop.source))


def _of_clock(clock: Clock | None) -> Iterator[str]:
    if clock is None:
        yield from "--"
        return
    yield offset_text(clock.offset_seconds)
    yield seconds_text(clock.error_bound_seconds)


def _of_source(source: TimeSource | None) -> Iterator[str]:
    if source is None:
        yield from "--"
        return
    yield source.name
    yield authentication_text(source)
