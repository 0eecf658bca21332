"""Parse the output of ``chronyc -c`` and of ``chronyd --version``.

The order of the fields is that of chrony's client.c, unchanged from 4.0 to 4.9.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from typing import TypeVar

from provision.common.errors import ParseError
from provision.common.text import shortened

T = TypeVar("T")

NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
NO_REFERENCE = "00000000"
LOCAL_REFERENCE = "7F7F0101"
"""The reference id of a server without sources that serves its own clock (the ``local`` directive)."""
LEAPS = ("Normal", "Insert second", "Delete second", "Not synchronised")
MODES = ("^", "=", "#")
STATES = ("*", "+", "-", "?", "x", "~")
NEVER = 2**32 - 1
VERSION = re.compile(
    r"(?P<program>chrony[cd]) \(chrony\) version (?P<version>\S+) \((?P<flags>[+-][A-Z0-9]+(?: [+-][A-Z0-9]+)*)\)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Describe the system clock relative to its reference, from ``tracking``."""

    reference_id: str
    """8 hex digits: the IPv4 address of the source, a hash of its IPv6 address, or the name of a reference clock."""
    source: str
    """Name or address; empty without a source."""
    stratum: int
    reference_time: float
    """Time of the last measurement that was used, seconds since 1970."""
    offset: float
    """Seconds; positive: the system clock is slow."""
    last_offset: float
    """Seconds, at the last clock update; positive: the system clock was ahead."""
    rms_offset: float
    """Long-term average of the last offset, seconds."""
    frequency: float
    """Frequency error of the clock without correction, ppm; positive: fast."""
    residual_frequency: float
    """Frequency by the selected source minus the one in use, ppm."""
    skew: float
    """Error bound of the frequency, ppm."""
    root_delay: float
    """Network delay to the stratum-1 server and back, seconds."""
    root_dispersion: float
    """Seconds."""
    update_interval: float
    """Seconds between the last two clock updates."""
    leap: str
    """``Normal``, ``Insert second``, ``Delete second`` or ``Not synchronised``."""

    @property
    def synchronised(self) -> bool:
        """Return whether the clock follows a source (as ``chronyc waitsync``); ``local`` is not one."""
        return self.leap != "Not synchronised" and self.reference_id not in {NO_REFERENCE, LOCAL_REFERENCE}

    @property
    def error_bound(self) -> float:
        """Return the largest possible error of the clock now, in seconds (chronyc(1), "tracking", Root dispersion).

        The last offset is not included: after a step of the clock, it is the size of the step.
        """
        return abs(self.offset) + self.root_dispersion + self.root_delay / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """Describe one source, from a line of ``sources``."""

    mode: str
    """``^`` server, ``=`` peer, ``#`` reference clock."""
    state: str
    """``*`` selected, ``+`` combined, ``-`` not combined, ``x`` falseticker, ``~`` too variable, ``?`` not usable."""
    name: str
    stratum: int
    poll: int
    """log2 of the seconds between requests."""
    reach: int
    """The last eight requests as bits; 0xFF (377 octal) means that all were answered."""
    last_received: int | None
    """Seconds since the last answer; None: there was none."""
    offset: float
    """Seconds, corrected for later slews of the clock; positive: the clock is ahead of the source."""
    measured_offset: float
    """Seconds, as measured."""
    error: float
    """Seconds, the margin of the measurement."""

    @property
    def selected(self) -> bool:
        """Return whether the clock follows this source."""
        return self.state == "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatistics:
    """Describe how the samples of one source fit together, from a line of ``sourcestats``."""

    samples: int
    """That are kept of the source."""
    runs: int
    """Runs of residuals with one sign, after the last regression."""
    span_seconds: float
    """Between the oldest and the newest sample."""
    frequency_ppm: float
    """Residual frequency of the clock by this source."""
    skew_ppm: float
    """The error bound of that frequency."""
    offset_seconds: float
    """Estimated; positive: the clock is ahead of the source."""
    deviation_seconds: float
    """Standard deviation of the samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Describe the last valid answer of one source, from a line of ``ntpdata``."""

    offset_seconds: float
    """As chronyc prints it; positive: the clock is behind the source."""
    delay_seconds: float
    """Of the network, there and back."""
    dispersion_seconds: float
    response_seconds: float
    """The time that the source took for its answer."""
    jitter_asymmetry: float
    """From -0.5 to 0.5; 0: the jitter is the same in both directions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCounters:
    """Count the requests to a server since chronyd's start, from ``serverstats``; None: this release does not count."""

    ntp_received: int
    ntp_dropped: int
    """By the limit of requests (``ratelimit``)."""
    commands_received: int
    commands_dropped: int
    client_records_dropped: int
    """Records of clients that made room for others (``clientloglimit``)."""
    nts_ke_accepted: int
    nts_ke_dropped: int
    ntp_authenticated: int
    """Requests with a valid MAC or NTS cookie."""
    ntp_interleaved: int | None = None
    """Requests in the interleaved mode (chrony 4.2)."""
    timestamps_held: int | None = None
    """Timestamps that are kept for clients in the interleaved mode (chrony 4.2)."""
    timestamps_span_seconds: int | None = None
    """The interval that these timestamps cover, in seconds (chrony 4.2)."""
    daemon_rx_timestamps: int | None = None
    """Responses with a receive timestamp of chronyd itself; like the others below, counted since chrony 4.4."""
    daemon_tx_timestamps: int | None = None
    kernel_rx_timestamps: int | None = None
    kernel_tx_timestamps: int | None = None
    hardware_rx_timestamps: int | None = None
    """Of the network interface."""
    hardware_tx_timestamps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Hold the version and the features of a program."""

    program: str
    """``chronyd`` or ``chronyc``."""
    version: str
    features: frozenset[str]
    """Enabled features, such as ``PRIVDROP``; READLINE is a feature of chronyc."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """Describe one source, from ``authdata`` and ``ntpdata``."""

    address: str
    key: int | None
    """The id of the symmetric key for its requests; None: no key."""
    received: int
    """The number of its valid answers."""
    authenticated: bool
    """Whether its last answer was authenticated."""
    nts: bool = False
    """Whether it is authenticated by NTS."""
    sent: int = 0
    """The number of requests that the kernel took; without a key, cookies or a route there are none."""
    answers: int = 0
    """The number of all answers, those without a valid MAC included."""
    key_bits: int | None = None
    """The length of the key for its requests, of NTS that of the cookies' key; 0: chronyd has none; None: not known."""
    refused_cookies: int = 0
    """How many requests in a row the server refused because of their cookie (NTS NAK)."""
    nts_key: int = 0
    """Of NTS: the number of successful key exchanges (NTS-KE); 0: none yet."""
    cookies: int = 0
    """Of NTS: how many cookies chronyd has; each request takes one, and each answer brings one."""
    synchronised: bool = True
    """Whether the server said in its last valid answer that its clock is synchronised; True if there was none."""
    kiss: str = ""
    """The kiss code of its last valid answer (RFC 5905, 7.4), such as ``RATE``."""
    reference: str = ""
    """The reference id in its last answer: the name of its clock, such as ``GPS``, or of a source behind it the IPv4
    address or the first four bytes of a hash of the IPv6 address (RFC 5905), written as an IPv4 address. Empty without
    an answer."""

    @property
    def credential(self) -> str:
        """Return what authenticates its answers, such as ``key 7`` or ``NTS``; empty if nothing does."""
        if self.nts:
            return "NTS"
        if self.key is not None:
            return f"key {self.key}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Count the NTP requests of clients since chronyd's start: the part of ``serverstats`` that 3.x has, too."""

    received: int
    dropped: int
    """By the limit of requests (``ratelimit``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Describe what the selection of sources makes of one, from ``selectdata``."""

    state: str
    """The letter of chronyc(1), selectdata."""
    excluded: bool
    """Whether ``authselectmode`` excludes it: ``noselect`` is in effect, and chrony.conf does not have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Authdata:
    """A line of ``authdata``."""

    mode: str
    key: int
    bits: int
    refused: int
    cookies: int


def parse_tracking(text: str) -> Tracking:
    """Parse ``chronyc -c tracking``."""
    return _parsed("tracking", text, _tracking)


def parse_sources(text: str) -> tuple[SourceReport, ...]:
    """Parse ``chronyc -c sources``; an empty output has no sources."""
    return tuple(_parsed("sources", line, _source) for line in text.splitlines())


def parse_associations(authdata: str, ntpdata: str) -> tuple[Association, ...]:
    """Parse ``chronyc -c -n authdata`` and ``ntpdata``, which list the same sources.

    ``authdata`` shows the configuration, even with a wrong key; only ``ntpdata`` shows the answers.
    """
    configured = dict(_parsed("authdata", line, _authdata) for line in authdata.splitlines())
    seen = (_parsed("ntpdata", line, _ntpdata) for line in ntpdata.splitlines())
    return tuple(_with_authentication(one, configured.get(one.address)) for one in seen)


def parse_selection(text: str) -> dict[str, Selection]:
    """Parse ``chronyc -c -n selectdata``, by the address of the source."""
    return dict(_parsed("selectdata", line, _selection) for line in text.splitlines())


def parse_offline(text: str) -> int:
    """Parse ``chronyc -c activity``: the number of sources that chronyd was told not to ask."""
    return _parsed("activity", text, _offline)


def parse_source_statistics(text: str) -> dict[str, SourceStatistics]:
    """Parse ``chronyc -c -n sourcestats``; return the statistics by the address of the source."""
    return dict(_parsed("sourcestats", line, _statistics) for line in text.splitlines())


def parse_measurements(text: str) -> dict[str, Measurement]:
    """Parse ``chronyc -c -n ntpdata``; return the last answers by the address of the source."""
    return dict(_parsed("ntpdata", line, _measurement) for line in text.splitlines())


def parse_server_counters(text: str) -> ServerCounters:
    """Parse ``chronyc -c serverstats``: 8 fields in chrony 4.0 and 4.1, 11 in 4.2 and 4.3, 17 since 4.4."""
    return _parsed("serverstats", text, _server_counters)


def parse_requests(text: str) -> Requests:
    """Parse the first fields of ``chronyc -c serverstats``, of any release from 3.0 on."""
    return _parsed("serverstats", text, _requests)


def parse_accheck(text: str) -> bool:
    """Parse ``chronyc accheck ADDRESS``: whether the address may query. The exit status is 0 in both cases."""
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
    offset, last_offset, rms_offset, frequency, residual, skew, delay, dispersion, interval = map(_number, numbers)
    _check(leap in LEAPS)
    return Tracking(
        reference_id=reference_id,
        source=source,
        stratum=int(stratum),
        reference_time=_number(reference_time),
        offset=offset,
        last_offset=last_offset,
        rms_offset=rms_offset,
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
        last_received=_last_received(last_received),
        offset=_number(offset),
        measured_offset=_number(measured_offset),
        error=_number(error),
    )


def _statistics(fields: list[str]) -> tuple[str, SourceStatistics]:
    address, samples, runs, span, *numbers = fields
    frequency, skew, offset, deviation = map(_number, numbers)
    return address, SourceStatistics(
        samples=int(samples),
        runs=int(runs),
        span_seconds=_number(span),
        frequency_ppm=frequency,
        skew_ppm=skew,
        offset_seconds=offset,
        deviation_seconds=deviation,
    )


def _measurement(fields: list[str]) -> tuple[str, Measurement]:
    # client.c: the 19th field is the offset.
    _check(len(fields) >= 33)
    offset, delay, dispersion, response, asymmetry = map(_number, fields[18:23])
    return fields[0], Measurement(
        offset_seconds=offset,
        delay_seconds=delay,
        dispersion_seconds=dispersion,
        response_seconds=response,
        jitter_asymmetry=asymmetry,
    )


def _server_counters(fields: list[str]) -> ServerCounters:
    _check(len(fields) in {8, 11, 17})
    names = [field.name for field in dataclass_fields(ServerCounters)]
    return ServerCounters(**dict(zip(names, map(int, fields), strict=False)))


def _last_received(field: str) -> int | None:
    seconds = int(field)
    if seconds == NEVER:
        return None
    return seconds


def _authdata(fields: list[str]) -> tuple[str, _Authdata]:
    # client.c: name, mode (-, SK, NTS), key id, type, length, last NTS-KE, attempts, NAKs, cookies, their length.
    address, mode, key, _, bits, _, _, refused, cookies, _ = fields
    _check(mode in {"-", "SK", "NTS"})
    return address, _Authdata(mode=mode, key=int(key), bits=int(bits), refused=int(refused), cookies=int(cookies))


def _with_authentication(seen: Association, configured: _Authdata | None) -> Association:
    if configured is None or configured.mode == "-":
        return seen
    if configured.mode == "SK":
        return replace(seen, key=configured.key, key_bits=configured.bits)
    return replace(
        seen,
        nts=True,
        key_bits=configured.bits,
        refused_cookies=configured.refused,
        nts_key=configured.key,
        cookies=configured.cookies,
    )


def _ntpdata(fields: list[str]) -> Association:
    # client.c: 33 fields up to 4.2, 38 since 4.6. Counted from 0: remote address, 5 leap, 8 stratum, 15 reference id,
    # 27 "Authenticated", 30 sent, 31 received, 32 valid answers.
    _check(len(fields) >= 33 and fields[27] in {"Yes", "No"})
    received, leap, stratum = int(fields[32]), fields[5], int(fields[8])
    return Association(
        address=fields[0],
        key=None,
        received=received,
        authenticated=fields[27] == "Yes",
        sent=int(fields[30]),
        answers=int(fields[31]),
        synchronised=not received or leap != "Not synchronised",
        kiss=kiss_code(bytes.fromhex(fields[15])) if received and stratum == 0 else "",
        reference=_reference(fields[15], fields[16]),
    )


def _reference(hexadecimal: str, name: str) -> str:
    """Return a reference id in words; chronyc gives the name of one that can be printed, at a low stratum only."""
    if name:
        return name
    if hexadecimal == NO_REFERENCE:
        return ""
    return ".".join(str(byte) for byte in bytes.fromhex(hexadecimal))


def kiss_code(reference_id: bytes) -> str:
    """Return the kiss code of an answer with stratum 0 (RFC 5905, 7.4); empty if its reference id is none."""
    if re.fullmatch(rb"[A-Z]{4}", reference_id) is None:
        return ""
    return reference_id.decode("ascii")


def _selection(fields: list[str]) -> tuple[str, Selection]:
    # client.c: state, name, authentication, five configured options, five effective options, and five values.
    state, address, _, *options = fields
    _check(len(state) == 1 and len(options) == 15)
    return address, Selection(state=state, excluded=options[0] != "N" and options[5] == "N")


def _offline(fields: list[str]) -> int:
    # client.c: online, offline, burst to online, burst to offline, unresolved.
    online, offline, *rest = fields
    _check(online.isdecimal() and len(rest) == 3)
    return int(offline)


def _requests(fields: list[str]) -> Requests:
    # client.c: 5 fields in 3.x.
    received, dropped, *rest = map(int, fields)
    _check(len(rest) >= 3)
    return Requests(received=received, dropped=dropped)


def _number(field: str) -> float:
    _check(NUMBER.fullmatch(field) is not None)  # float() would also take nan, infinity and 1_000
    return float(field)


def _check(understood: bool) -> None:  # noqa: FBT001 -- a check has no other argument
    if not understood:
        raise ValueError


def _parsed(command: str, line: str, parse: Callable[[list[str]], T]) -> T:
    """Parse one line of CSV, whose fields may be wrong in number and type. Raises ParseError."""
    try:
        return parse(line.rstrip("\n").split(","))
    except ValueError as error:
        raise ParseError(f"chronyc {command}: unexpected answer {_shown(line)}") from error


def _shown(text: str) -> str:
    """Return the output for an error message: one line, at most 80 characters."""
    text = text.strip()
    if not text:
        return "(it printed nothing)"
    return repr(shortened(text, 80))
