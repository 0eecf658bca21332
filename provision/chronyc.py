"""Read what ``chronyc -c`` and ``chronyd --version`` print.

The fields are those that client.c of chrony prints, the same from 4.0 to 4.9.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from provision.errors import ParseError

T = TypeVar("T")

NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
NO_REFERENCE = "00000000"
LOCAL_REFERENCE = "7F7F0101"
"""The reference of a server that follows nobody, and serves its own clock (the ``local`` directive)."""
LEAPS = ("Normal", "Insert second", "Delete second", "Not synchronised")
MODES = ("^", "=", "#")
STATES = ("*", "+", "-", "?", "x", "~")
NEVER = 2**32 - 1
VERSION = re.compile(
    r"(?P<program>chrony[cd]) \(chrony\) version (?P<version>\S+) \((?P<flags>[+-][A-Z0-9]+(?: [+-][A-Z0-9]+)*)\)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """``tracking``: how the system clock stands to its reference."""

    reference_id: str
    """8 hex digits: the IPv4 address of the source, a hash of its IPv6 address, or the name of a reference clock."""
    source: str
    """Name or address; empty without a source."""
    stratum: int
    reference_time: float
    """When the last measurement was used, seconds since 1970."""
    offset: float
    """Seconds; positive: the system clock is slow."""
    last_offset: float
    """Seconds, estimated at the last update."""
    rms_offset: float
    """Seconds, averaged over a long time."""
    frequency: float
    """ppm by which the clock would go wrong without correction; positive: fast."""
    residual_frequency: float
    """ppm"""
    skew: float
    """ppm, the error bound of the frequency."""
    root_delay: float
    """Seconds of network path to the stratum-1 server, both ways."""
    root_dispersion: float
    """Seconds."""
    update_interval: float
    """Seconds between the last two updates."""
    leap: str
    """``Normal``, ``Insert second``, ``Delete second`` or ``Not synchronised``."""

    @property
    def synchronised(self) -> bool:
        """Say whether the clock follows a source; one that only serves itself does not (as ``chronyc waitsync``)."""
        return self.leap != "Not synchronised" and self.reference_id not in {NO_REFERENCE, LOCAL_REFERENCE}

    @property
    def error_bound(self) -> float:
        """Return by how many seconds the clock may be wrong at most (chronyc(1), "tracking")."""
        return abs(self.last_offset) + self.root_dispersion + self.root_delay / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """A line of ``sources``."""

    mode: str
    """``^`` server, ``=`` peer, ``#`` reference clock."""
    state: str
    """``*`` selected, ``+`` combined, ``-`` not combined, ``x`` falseticker, ``~`` too variable, ``?`` not usable."""
    name: str
    stratum: int
    poll: int
    """log2 of the seconds between requests."""
    reach: int
    """The last eight requests as bits; 0xFF (377 octal): all were answered."""
    last_received: int | None
    """Seconds ago; None: never."""
    offset: float
    """Seconds, adjusted for what the clock was slewed since; positive: the clock is ahead of the source."""
    measured_offset: float
    """Seconds, as measured."""
    error: float
    """Seconds, the margin of the measurement."""

    @property
    def selected(self) -> bool:
        """Say whether the clock follows this source."""
        return self.state == "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a program says of itself."""

    program: str
    """``chronyd`` or ``chronyc``."""
    version: str
    features: frozenset[str]
    """The features with a plus, such as ``PRIVDROP``; READLINE is chronyc's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """A source of time, as ``authdata`` and ``ntpdata`` know it."""

    address: str
    key: int | None
    """The id of the symmetric key with which it is asked; None: without one."""
    received: int
    """How many of its answers were valid."""
    authenticated: bool
    """The last answer was."""


def parse_tracking(text: str) -> Tracking:
    """Parse ``chronyc -c tracking``."""
    return _parsed("tracking", text, _tracking)


def parse_sources(text: str) -> tuple[SourceReport, ...]:
    """Parse ``chronyc -c sources``; there may be none."""
    return tuple(_parsed("sources", line, _source) for line in text.splitlines())


def parse_associations(authdata: str, ntpdata: str) -> tuple[Association, ...]:
    """Parse ``chronyc -c -n authdata`` and ``ntpdata``, which know the same sources.

    The first says what was configured, also when the key is wrong; only the second says what came back.
    """
    keys = dict(_parsed("authdata", line, _authdata) for line in authdata.splitlines())
    seen = [_parsed("ntpdata", line, _ntpdata) for line in ntpdata.splitlines()]
    return tuple(
        Association(address=address, key=keys.get(address), received=received, authenticated=authenticated)
        for address, received, authenticated in seen
    )


def parse_accheck(text: str) -> bool:
    """Parse ``chronyc accheck ADDRESS``: may this address ask for the time? (The exit status is 0 in both cases.)"""
    match text.strip():
        case "208 Access allowed":
            return True
        case "209 Access denied":
            return False
    raise ParseError(f"chronyc accheck: unexpected answer {_shown(text)}")


def parse_version(text: str) -> Version:
    """Parse ``chronyd --version`` or ``chronyc --version``."""
    if (match := VERSION.fullmatch(text.strip())) is None:
        raise ParseError(f"expected chrony's version and features, got {_shown(text)}")
    return Version(
        program=match["program"],
        version=match["version"],
        features=frozenset(flag[1:] for flag in match["flags"].split() if flag[0] == "+"),
    )


def _tracking(fields: list[str]) -> Tracking:
    reference_id, source, stratum, reference_time, *numbers, leap = fields
    offset, last, rms, frequency, residual, skew, delay, dispersion, interval = map(_number, numbers)
    _check(leap in LEAPS)
    return Tracking(
        reference_id=reference_id,
        source=source,
        stratum=int(stratum),
        reference_time=_number(reference_time),
        offset=offset,
        last_offset=last,
        rms_offset=rms,
        frequency=frequency,
        residual_frequency=residual,
        skew=skew,
        root_delay=delay,
        root_dispersion=dispersion,
        update_interval=interval,
        leap=leap,
    )


def _source(fields: list[str]) -> SourceReport:
    mode, state, name, stratum, poll, reach, last_received, offset, measured_offset, error = fields
    _check(mode in MODES and state in STATES)
    return SourceReport(
        mode=mode,
        state=state,
        name=name,
        stratum=int(stratum),
        poll=int(poll),
        reach=int(reach, 8),
        last_received=None if int(last_received) == NEVER else int(last_received),
        offset=_number(offset),
        measured_offset=_number(measured_offset),
        error=_number(error),
    )


def _authdata(fields: list[str]) -> tuple[str, int | None]:
    # client.c: name, mode (-, SK, NTS), key id, type, length, …
    address, mode, key, *rest = fields
    _check(mode in {"-", "SK", "NTS"} and len(rest) == 7)
    return address, int(key) if mode == "SK" else None


def _ntpdata(fields: list[str]) -> tuple[str, int, bool]:
    # client.c: 33 fields until 4.2, 38 since 4.6; the remote address is the first, "Authenticated" the 28th, the count
    # of valid answers the 33rd.
    _check(len(fields) >= 33 and fields[27] in {"Yes", "No"})
    return fields[0], int(fields[32]), fields[27] == "Yes"


def _number(field: str) -> float:
    _check(NUMBER.fullmatch(field) is not None)  # float() would also take nan, infinity and 1_000
    return float(field)


def _check(understood: bool) -> None:  # noqa: FBT001 -- a check has no other argument
    if not understood:
        raise ValueError


def _parsed(command: str, line: str, parse: Callable[[list[str]], T]) -> T:
    """Parse one line of CSV; the fields may have any wrong number or kind."""
    try:
        return parse(line.rstrip("\n").split(","))
    except ValueError as error:
        raise ParseError(f"chronyc {command}: unexpected answer {_shown(line)}") from error


def _shown(text: str) -> str:
    """Return what was printed as a message can show it: on one line, and not endless."""
    text = text.strip()
    return repr(text if len(text) <= 80 else f"{text[:77]}...") if text else "(it printed nothing)"
