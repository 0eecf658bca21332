"""Follow the time of a host from source to source, as far as the hosts of the site go."""

from collections.abc import Callable

from provision.chrony.reference_id import LOCAL_ADDRESS
from provision.host.target import Target
from provision.output.report import Report
from provision.output.status import REFERENCE_CLOCK, Clock, HostStatus, TimeSource
from provision.output.trace import LOCAL, End, Hop, Trace


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
            return _ended(hops, End.NO_ANSWER, report.error or f"chronyd on {target} does not answer")
        hops.append(_hop(target, status, status.clock))
        source = status.selected
        if source is None:
            return _ended(hops, *_without_source(target, status.clock))
        if source.kind == REFERENCE_CLOCK:
            return _ended(hops, End.REFERENCE_CLOCK, f"{source.name} is a reference clock of {target}")
        following = host_of(source)
        if following is None:
            hops.append(_outside_hop(source))
            return _ended(hops, End.OUTSIDE, _outside(source))
        target = following
    names = [hop.name for hop in hops]
    words = f"loop: {names[-1]} follows {target}, which is on the path already"
    return Trace(hops=tuple(hops), end=End.LOOP, words=words, loop=tuple(names[names.index(str(target)) :]))


def _hop(target: Target, status: HostStatus, clock: Clock) -> Hop:
    return Hop(name=str(target), stratum=clock.stratum, clock=clock, source=status.selected, reference=clock.reference)


def _outside_hop(source: TimeSource) -> Hop:
    return Hop(name=source.name, stratum=source.stratum, clock=None, source=None, reference=source.reference)


def _ended(hops: list[Hop], end: End, words: str) -> Trace:
    return Trace(hops=tuple(hops), end=end, words=words)


def _without_source(target: Target, clock: Clock) -> tuple[End, str]:
    if clock.reference == LOCAL:
        return End.OWN_CLOCK, f"{target} serves its own clock (local)"
    return End.NOT_SYNCHRONISED, f"{target} is not synchronised"


def _outside(source: TimeSource) -> str:
    words = f"{source.name} is no host of the site"
    if not source.reference:
        return words
    if source.reference == LOCAL_ADDRESS:
        return f"{words}; it serves its own clock (local)"
    if source.stratum <= 1:
        return f"{words}; its clock is {source.reference}"
    return f"{words}; it follows {source.reference} (of IPv6, this is a hash)"
