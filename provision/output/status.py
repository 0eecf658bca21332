"""The state of a host's chronyd, its clock and its sources: the values.

Units are in the names. One sign for all offsets: positive where the host's clock is ahead.
"""

from dataclasses import dataclass
from enum import StrEnum

from provision.chrony.chronyc.associations import Measurement
from provision.chrony.chronyc.serverstats import ServerCounters
from provision.chrony.chronyc.sources import SourceStatistics
from provision.host.unconfirmed import UnconfirmedSwitch

REFERENCE_CLOCK = "reference clock"
"""The kind of a source that is a device of the host."""


class Role(StrEnum):
    """What the host is for others."""

    SERVER = "server"
    CLIENT = "client"


class Authentication(StrEnum):
    """How a source is authenticated, by chrony.conf; unknown if chronyc does not tell."""

    UNKNOWN = "unknown"
    NONE = "none"
    KEY = "key"
    NTS = "nts"


class Layer(StrEnum):
    """Where a source fails: docs/checks.md has what was seen and what to do."""

    NAME = "name-resolution"
    OFFLINE = "offline"
    NO_ROUTE = "no-route"
    CLOSED_HERE = "closed-here"
    CLOSED_THERE = "port-closed"
    NO_ANSWER = "no-answer"
    NOT_YET = "no-answer-yet"
    RATE = "rate-limited"
    DENIED = "denied"
    KEY_MISSING = "key-missing"
    KEY_REFUSED = "key-unknown-or-mac-wrong"
    """The server drops requests with the key; which of the two it is, the server's state tells, if it is asked for."""
    KEY_UNKNOWN = "key-unknown"
    MAC_WRONG = "mac-wrong"
    NTS_CONNECTION = "nts-ke-connection"
    NTS_TLS = "nts-ke-tls"
    NTS_NAME = "nts-ke-name"
    NTS_EXPIRED = "nts-ke-expired"
    NTS_EARLY = "nts-ke-not-yet-valid"
    NTS_UNTRUSTED = "nts-ke-untrusted"
    NTS_RESPONSE = "nts-ke-response"
    NTS_REFUSED = "nts-refused"
    NOSELECT = "not-selectable:noselect"
    EXCLUDED = "not-selectable:not-authenticated"
    UNSYNCHRONISED = "not-selectable:unsynchronised"
    SAMPLES = "not-selectable:missing-samples"
    STRATUM = "not-selectable:stratum"
    DISTANCE = "not-selectable:distance"
    JITTER = "not-selectable:jitter"
    WAITS = "not-selectable:waits-for-others"
    STALE = "not-selectable:stale"
    ORPHAN = "not-selectable:orphan"
    NOT_TRUSTED = "not-selectable:not-trusted"
    FALSETICKER = "not-selectable:falseticker"
    UNKNOWN = "not-selectable:unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFault:
    """Why a source gives no time: the layer that fails, by what was seen."""

    layer: Layer
    seen: str
    advice: str
    """What to do next."""

    def __str__(self) -> str:
        return f"{self.layer.value}: {self.seen}; {self.advice}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSource:
    """A source of time, as chronyd sees it."""

    name: str
    """As in chrony.conf; for a member of a pool, its address."""
    address: str
    """Its address, empty if its name has none; of a reference clock, its reference id."""
    kind: str
    """``server``, ``peer`` or ``reference clock``."""
    state: str
    """``selected``, ``combined``, ``not combined``, ``falseticker``, ``too variable`` or ``not usable``."""
    stratum: int
    poll_seconds: float
    """Between two requests."""
    reach: int
    """The last eight requests as bits; 255 means that all were answered."""
    last_answer_seconds: int | None
    """Since the last answer; None: there was none."""
    offset_seconds: float
    error_seconds: float
    """The margin of the offset."""
    reference: str
    """The reference id in its last answer, empty if not known: see
    :attr:`provision.chrony.chronyc.associations.Association.reference`."""
    authentication: Authentication
    key_id: int | None
    """None without a symmetric key."""
    authenticated: bool | None
    """Whether its last answer was authenticated; None if that is not known, as for a reference clock."""
    fault: SourceFault | None = None
    """Why it gives no time; None if it can, or if the reason is not known."""
    statistics: SourceStatistics | None = None
    """Of its samples; None if it has none."""
    measurement: Measurement | None = None
    """Its last answer; None of a reference clock, or if there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The clock of the host, as chronyd sees it."""

    synchronised: bool
    """Whether it follows a source; a clock that the host serves by itself (``local``) does not."""
    reference: str
    """The address of the selected source, ``local`` for the host's own clock, or empty."""
    reference_id: str
    """8 hex digits: the IPv4 address of the source, a hash of its IPv6 address, or the name of a reference clock."""
    reference_time_seconds: float
    """Time of the last measurement that was used, seconds since 1970; 0 if there was none."""
    stratum: int
    """0 if it is not synchronised."""
    leap: str
    """``normal``, ``insert second``, ``delete second`` or ``not synchronised``."""
    offset_seconds: float
    last_offset_seconds: float
    """At the last update of the clock."""
    rms_offset_seconds: float
    """Long-term average of the last offset."""
    root_delay_seconds: float
    """Of the network, to the stratum-1 server and back."""
    root_dispersion_seconds: float
    """The sum of the errors of measurement up to the stratum-1 server."""
    update_interval_seconds: float
    """Between the last two updates of the clock."""
    error_bound_seconds: float
    """The largest possible error (chronyc(1), Root dispersion)."""
    frequency_ppm: float
    """The rate of the clock without correction; positive: fast."""
    residual_frequency_ppm: float
    """The frequency by the selected source minus the one in use."""
    skew_ppm: float
    """The error bound of the frequency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockLimits:
    """The limits of a clock that is called good, for one host."""

    offset_seconds: float
    error_seconds: float
    least_sources: int
    """The least number of sources that can be selected."""
    authenticated: bool
    """Whether the selected source must have valid, authenticated answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """The state of a host."""

    role: Role
    generation: str
    """The id of the generation whose chronyd runs; empty if none runs."""
    release: str
    """The release of the chronyd that runs, such as ``4.9``; empty if none of this tool's builds runs."""
    wanted_release: str
    """The release that the site file wants, or the default."""
    confirmed: bool
    """Whether no switch waits to be confirmed."""
    unconfirmed: UnconfirmedSwitch | None
    """The switch that waits."""
    clock: Clock | None
    """None if chronyd did not answer."""
    sources: tuple[TimeSource, ...]
    server: ServerCounters | None
    """Requests that were counted; None if chronyd did not tell, or serves nobody."""
    limits: ClockLimits | None
    """The limits of the site; None if they do not apply, as to a host that serves only its own clock."""
    key_ids: str
    """The ids in the current generation's key file as ranges, such as ``1-50,60``; empty without keys."""

    @property
    def selected(self) -> TimeSource | None:
        """Return the source that the clock follows; None if there is none."""
        return next((source for source in self.sources if source.state == "selected"), None)
