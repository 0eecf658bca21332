"""Write the state of a host's chronyd, its clock and its sources as lines for a terminal. Pure."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from provision.chrony.chronyc.serverstats import ServerCounters
from provision.common.text import aligned, on_one_line, seconds_text
from provision.output.status import (
    REFERENCE_CLOCK,
    Authentication,
    Clock,
    HostStatus,
    TimeSource,
)


def status_text(status: HostStatus) -> str:
    """Return the lines for a terminal."""
    lines = [*aligned(list(_values(status)))]
    if status.sources:
        lines += aligned([HEADINGS, *map(_source, status.sources)])
        lines += [f"{source.name}: {source.fault}" for source in status.sources if source.fault is not None]
    return "\n".join(f"  {on_one_line(line)}" for line in lines)


def _values(status: HostStatus) -> Iterator[tuple[str, str]]:
    yield "role", status.role.value
    if status.generation:
        confirmed = "confirmed"
        if status.unconfirmed is not None:
            confirmed = str(status.unconfirmed)
        yield "generation", f"{status.generation}, {confirmed}"
    if status.release:
        yield "release", _release(status)
    if status.key_ids:
        yield "keys", status.key_ids
    if status.server is not None:
        yield "requests", requests_text(status.server)
    if status.clock is not None:
        yield from clock_values(status.clock)


def clock_values(clock: Clock) -> Iterator[tuple[str, str]]:
    """Yield the names and the values of a clock, for people."""
    reference = "none"
    if clock.reference:
        reference = clock.reference
    yield "reference", f"{reference}, stratum {clock.stratum}, leap {clock.leap}"
    yield "offset", f"{offset_text(clock.offset_seconds)}, error bound {seconds_text(clock.error_bound_seconds)}"
    yield "frequency", f"{clock.frequency_ppm:+.3f} ppm, skew {clock.skew_ppm:.3f} ppm"


def _release(status: HostStatus) -> str:
    words = f"chrony {status.release}"
    if status.release != status.wanted_release:
        words += f", not {status.wanted_release} as the site wants"
    return words


def requests_text(server: ServerCounters) -> str:
    """Return words such as ``120 received, 110 authenticated, 3 dropped``."""
    counted = f"{server.ntp_received} received, {server.ntp_authenticated} authenticated, {server.ntp_dropped} dropped"
    if server.nts_ke_accepted or server.nts_ke_dropped:
        counted += f"; NTS-KE {server.nts_ke_accepted} accepted, {server.nts_ke_dropped} dropped"
    return counted


HEADINGS = ("source", "state", "stratum", "poll", "reach", "last answer", "offset", "error", "authentication")


def _source(source: TimeSource) -> Sequence[str]:
    last = "never"
    if source.last_answer_seconds is not None:
        last = f"{source.last_answer_seconds} s ago"
    name = source.name
    if source.address not in {name, ""}:
        name = f"{name} ({source.address})"
    return (
        name,
        source.state,
        str(source.stratum),
        f"{source.poll_seconds:g} s",
        f"{source.reach:03o}",
        last,
        offset_text(source.offset_seconds),
        seconds_text(source.error_seconds),
        authentication_text(source),
    )


_VALIDITY = {True: "valid", False: "NO VALID ANSWER", None: "not known whether valid"}


class _Authenticated(Protocol):
    """A source whose answers may be authenticated."""

    @property
    def kind(self) -> str: ...
    @property
    def authentication(self) -> Authentication: ...
    @property
    def key_id(self) -> int | None: ...
    @property
    def authenticated(self) -> bool | None: ...


def authentication_text(source: _Authenticated) -> str:
    """Return words such as ``key 7, valid``."""
    if source.authentication is Authentication.NONE:
        return "none"
    if source.kind == REFERENCE_CLOCK:
        return "-"
    if source.authentication is Authentication.UNKNOWN:
        return "not known"
    words = "NTS"
    if source.authentication is Authentication.KEY:
        words = f"key {source.key_id}"
    return f"{words}, {_VALIDITY[source.authenticated]}"


def offset_text(seconds: float) -> str:
    """Return an offset with its sign, such as ``+9 µs``; positive: the host's clock is ahead."""
    words = seconds_text(seconds)
    if seconds > 0 and words != "0 ns":
        return f"+{words}"
    return words
