"""Parse ``chronyc -c authdata`` and ``ntpdata``: the answers of each source, and what authenticates them."""

from dataclasses import dataclass, replace

from provision.chrony.chronyc.fields import LARGEST_STRATUM, check, number, parse_line, whole_number
from provision.chrony.reference_id import kiss_code, reference_name


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
class _Authdata:
    """A line of ``authdata``."""

    mode: str
    key: int
    bits: int
    refused: int
    cookies: int


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


def parse_associations(authdata: str, ntpdata: str) -> tuple[Association, ...]:
    """Parse ``chronyc -c -n authdata`` and ``ntpdata``, which list the same sources.

    ``authdata`` shows the configuration, even with a wrong key; only ``ntpdata`` shows the answers.
    """
    configured = dict(parse_line("authdata", line, _authdata) for line in authdata.splitlines())
    seen = (parse_line("ntpdata", line, _ntpdata) for line in ntpdata.splitlines())
    return tuple(_with_authentication(one, configured.get(one.address)) for one in seen)


def parse_measurements(text: str) -> dict[str, Measurement]:
    """Parse ``chronyc -c -n ntpdata``; return the last answers by the address of the source.

    A source that has sent this process no valid answer has none: also where chronyd has loaded older measurements (-r).
    """
    read = (parse_line("ntpdata", line, _measurement) for line in text.splitlines())
    return {address: answer for address, answer, received in read if received}


def _authdata(fields: list[str]) -> tuple[str, _Authdata]:
    # client.c: name, mode (-, SK, NTS), key id, type, length, last NTS-KE, attempts, NAKs, cookies, their length.
    address, mode, key, _, bits, _, _, refused, cookies, _ = fields
    check(mode in {"-", "SK", "NTS"})
    return address, _Authdata(
        mode=mode,
        key=whole_number(key),
        bits=whole_number(bits),
        refused=whole_number(refused),
        cookies=whole_number(cookies),
    )


def _ntpdata(fields: list[str]) -> Association:
    # client.c: 33 fields up to 4.2, 38 since 4.6. Counted from 0: remote address, 5 leap, 8 stratum, 15 reference id,
    # 27 "Authenticated", 30 sent, 31 received, 32 valid answers.
    check(len(fields) >= 33 and fields[27] in {"Yes", "No"})
    received, leap, stratum = whole_number(fields[32]), fields[5], whole_number(fields[8], most=LARGEST_STRATUM)
    return Association(
        address=fields[0],
        key=None,
        received=received,
        authenticated=fields[27] == "Yes",
        sent=whole_number(fields[30]),
        answers=whole_number(fields[31]),
        synchronised=not received or leap != "Not synchronised",
        kiss=kiss_code(bytes.fromhex(fields[15])) if received and stratum == 0 else "",
        reference=reference_name(fields[15], fields[16]),
    )


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


def _measurement(fields: list[str]) -> tuple[str, Measurement, int]:
    # client.c: the 19th field is the offset, the 33rd the number of valid answers.
    check(len(fields) >= 33)
    offset, delay, dispersion, response, asymmetry = map(number, fields[18:23])
    answer = Measurement(
        offset_seconds=offset,
        delay_seconds=delay,
        dispersion_seconds=dispersion,
        response_seconds=response,
        jitter_asymmetry=asymmetry,
    )
    return fields[0], answer, whole_number(fields[32])
