"""Follow the time of a host from source to source, as far as the hosts of the site go."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from provision.common.text import aligned, on_one_line, seconds_text
from provision.host.target import Target
from provision.output.report import Report
from provision.output.status import REFERENCE_CLOCK, Clock, HostStatus, TimeSource, authentication_text, offset_text

OWN_CLOCK = "127.127.1.1"
"""The reference id of a chronyd that serves its own clock (``local``)."""
HEADINGS = ("host", "stratum", "offset", "error bound", "follows", "authentication")


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
    end: str
    """How the path ends, in words."""
    reaches_origin: bool
    """Whether it ends at a reference clock or at a source outside of the site."""

    @property
    def unauthenticated(self) -> tuple[Hop, ...]:
        """Return the hops whose source is not authenticated."""
        return tuple(hop for hop in self.hops if not hop.is_authenticated)


def trace(start: Target, ask: Callable[[Target], Report], host_of: Callable[[TimeSource], Target | None]) -> Trace:
    """Ask a host, then the source that it follows, and so on.

    ``ask`` returns the report of the task ``status`` on a host; ``host_of`` the host of the site that is a source, or
    None for a source outside of the site.
    """
    hops: list[Hop] = []
    target = start
    while str(target) not in {hop.name for hop in hops}:
        report = ask(target)
        status = report.status
        if status is None or status.clock is None:
            return _ended(hops, report.error or f"chronyd on {target} does not answer")
        hops.append(_hop(target, status, status.clock))
        source = status.selected
        if source is None:
            return _ended(hops, _without_source(target, status.clock))
        if source.kind == REFERENCE_CLOCK:
            return _ended(hops, f"{source.name} is a reference clock of {target}", reaches_origin=True)
        next_host = host_of(source)
        if next_host is None:
            hops.append(Hop(name=source.name, stratum=source.stratum, clock=None, source=None))
            return _ended(hops, _outside(source), reaches_origin=True)
        target = next_host
    return _ended(hops, f"loop: {hops[-1].name} follows {target}, which is on the path already")


def trace_text(path: Trace) -> str:
    """Return the lines for a terminal."""
    lines = [*aligned([HEADINGS, *map(_row, path.hops)])]
    lines.append(f"end of the path: {path.end}")
    first = path.hops[0].clock if path.hops else None
    if first is not None and first.synchronised:
        # NTP adds up root delay and root dispersion on the path (RFC 5905), so the first host knows the sum.
        bound = seconds_text(first.error_bound_seconds)
        lines.append(f"error bound of {path.hops[0].name} against stratum 1: {bound}, the sum over all hops")
    lines += [
        f"not authenticated: {hop.name} follows {hop.source.name}"
        for hop in path.unauthenticated
        if hop.source is not None
    ]
    return "\n".join(on_one_line(line) for line in lines)


def _hop(target: Target, status: HostStatus, clock: Clock) -> Hop:
    return Hop(name=str(target), stratum=clock.stratum, clock=clock, source=status.selected)


def _ended(hops: list[Hop], end: str, *, reaches_origin: bool = False) -> Trace:
    return Trace(hops=tuple(hops), end=end, reaches_origin=reaches_origin)


def _without_source(target: Target, clock: Clock) -> str:
    if clock.reference == "local":
        return f"{target} serves its own clock (local)"
    return f"{target} is not synchronised"


def _outside(source: TimeSource) -> str:
    words = f"{source.name} is no host of the site"
    if not source.reference:
        return words
    if source.reference == OWN_CLOCK:
        return f"{words}; it serves its own clock (local)"
    if source.stratum <= 1:
        return f"{words}; its clock is {source.reference}"
    return f"{words}; it follows {source.reference} (of IPv6, this is a hash)"


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
