"""The state of the time services of a host where nothing is deployed: the values, from which the text is made."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from provision.chrony.chronyc.serverstats import Requests
from provision.common.text import aligned, on_one_line, seconds_text
from provision.output.status import Authentication, Clock, TimeSource
from provision.output.status_text import HEADINGS, authentication_text, clock_values, offset_text

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSource:
    """A source of time, as any program sees it; None for a value that is not known yet, or that it does not tell."""

    name: str
    address: str
    kind: str
    state: str
    """As in the status of a deployed host."""
    stratum: int | None
    poll_seconds: float
    reach: int | None
    """The last eight requests as bits; 255 means that all were answered."""
    last_answer_seconds: int | None
    """None also if there was none."""
    offset_seconds: float | None
    error_seconds: float | None
    authentication: Authentication
    key_id: int | None
    authenticated: bool | None

    @classmethod
    def of(cls, source: TimeSource) -> Self:
        """Return a source of chronyd, whose chronyc prints zeros for values that are not known yet."""
        stratum, offset_seconds, error_seconds = None, None, None
        if source.last_answer_seconds is not None:
            stratum, offset_seconds, error_seconds = source.stratum, source.offset_seconds, source.error_seconds
        return cls(
            name=source.name,
            address=source.address,
            kind=source.kind,
            state=source.state,
            stratum=stratum,
            poll_seconds=source.poll_seconds,
            reach=source.reach,
            last_answer_seconds=source.last_answer_seconds,
            offset_seconds=offset_seconds,
            error_seconds=error_seconds,
            authentication=source.authentication,
            key_id=source.key_id,
            authenticated=source.authenticated,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """A time service that runs, and that this tool did not deploy."""

    name: str
    """The systemd unit or, of a process that no unit started, its program."""
    program: str
    """``chrony``, ``ntpd``, ``ntpsec``, ``systemd-timesyncd``, ``openntpd``, ``ntpd-rs`` or ``another program``."""
    version: str
    """Empty if it is unknown."""
    configuration: str
    """The path of its main configuration file; empty if it has none that this tool knows."""
    unread: tuple[str, ...]
    """Its configuration and key files that were not read."""
    key_ids: tuple[int, ...]
    """The ids in its key file, as far as it was read."""
    requests: Requests | None
    """The requests of its clients since it started; None if it does not tell, as only chronyd does."""
    clock: Clock | None
    """The clock as chronyd sees it; None if chronyd did not answer, and for other programs."""
    sources: tuple[SeenSource, ...] | None
    """Its time sources; None if they are not known: the service cannot be asked, or did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingTime:
    """The time services that run on a host where nothing is deployed."""

    ntp_port_open: bool | None
    """Whether a process waits for NTP requests on UDP port 123; None if that is not known."""
    services: tuple[RunningService, ...]


def existing_text(existing: ExistingTime) -> str:
    """Return the lines for a terminal."""
    lines: list[str] = []
    for service in existing.services:
        lines += aligned(list(_values(service)))
        if service.sources:
            lines += aligned([HEADINGS, *map(_source, service.sources)])
    lines += aligned([("UDP port 123", {True: "open", False: "closed", None: "not known"}[existing.ntp_port_open])])
    return "\n".join(f"  {on_one_line(line)}" for line in lines)


def _values(service: RunningService) -> Iterator[tuple[str, str]]:
    program = f"{service.program} {service.version}".rstrip()
    yield "service", f"{service.name} ({program}), not deployed by this tool"
    if service.configuration:
        yield "configuration", service.configuration
    if service.unread:
        yield "not read", ", ".join(service.unread)
    if service.key_ids:
        yield "key ids", ", ".join(map(str, service.key_ids))
    if service.requests is not None:
        yield "NTP requests", f"{service.requests.received} received, {service.requests.dropped} dropped"
    if service.clock is not None:
        yield from clock_values(service.clock)
    if service.sources is None:
        yield "sources", "not known"
    elif not service.sources:
        yield "sources", "none"


def _source(source: SeenSource) -> Sequence[str]:
    """Return the cells of a row."""
    name = source.name
    if source.address != name:
        name = f"{name} ({source.address})"
    return (
        name,
        source.state,
        _known(source.stratum, str),
        f"{source.poll_seconds:g} s",
        _known(source.reach, "{:03o}".format),
        _last_answer(source),
        _known(source.offset_seconds, offset_text),
        _known(source.error_seconds, seconds_text),
        authentication_text(source),
    )


def _known(value: T | None, in_words: Callable[[T], str]) -> str:
    if value is None:
        return "-"
    return in_words(value)


def _last_answer(source: SeenSource) -> str:
    if source.last_answer_seconds is not None:
        return f"{source.last_answer_seconds} s ago"
    if source.reach is None:
        return "-"
    return "never"
