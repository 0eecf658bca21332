"""Parse the signs of why a source of time fails, from the script source_faults.sh. Pure.

They are chronyd's counters and its log, and the answers to plain requests: NTP requests without a key, which the host
itself sends.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from provision.chrony.chronyc.fields import has_fields
from provision.chrony.chronyc.selection import Selection, parse_selection
from provision.chrony.chronyc.sources import parse_offline, parse_sources
from provision.chrony.reference_id import kiss_code

UNRESOLVED = "ID#"
"""The beginning of what chronyc shows in place of the address of a source that has none."""
ANSWER = re.compile(r"(?:[0-9a-f]{2}\s*){48}")
NO_ROUTE = re.compile(
    r"[\w ]*unreachable|No route to host|Permission denied|Invalid argument|Cannot assign requested address"
)
"""Errors of connect(2) by a missing route; by routes of the types unreachable, prohibit and blackhole (ip-route(8))."""


class RequestOutcome(StrEnum):
    """How a plain request ended."""

    ANSWERED = "answered"
    SILENCE = "no answer within a second"
    NO_ROUTE = "no route"
    FORBIDDEN = "the kernel of the host refused to send"
    CLOSED = "the port is closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRequest:
    """A plain request, which has no key: the host itself sends it, as chronyd would without one."""

    outcome: RequestOutcome
    reason: str = ""
    """The words of the kernel, where there is no route."""
    synchronised: bool = True
    """Whether the answer says that the server's clock is synchronised."""
    kiss: str = ""
    """The kiss code of the answer, such as ``RATE``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """The signs of sources that give no time; empty where all sources give it."""

    unresolved: tuple[str, ...] = ()
    """Names in chrony.conf for which chronyd has no address."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The names in chrony.conf, by address."""
    offline: int = 0
    """How many sources chronyd was told not to ask."""
    selection: Mapping[str, Selection] = field(default_factory=dict)
    """By address."""
    log: tuple[str, ...] = ()
    """Lines of chronyd about its sources, oldest first."""
    plain_requests: Mapping[str, PlainRequest] = field(default_factory=dict)
    """By address; a host without bash sends none."""

    @property
    def has_jumped(self) -> bool:
        """Return whether chronyd has seen its clock jump, and has selected no source since (chrony's sched.c)."""
        return any("time jump detected" in line for line in self.log)


def parse_signs(parts: Mapping[str, str]) -> Signs:
    """Parse the sections of ``show_source_faults``, of which each may be missing. Raises ParseError, ValueError."""
    offline = 0
    if "activity" in parts:
        offline = parse_offline(parts["activity"].strip())
    pairs = _names(parts.get("every source", ""), parts.get("every name", ""))
    return Signs(
        unresolved=_unresolved(pairs),
        names=dict(pairs),
        offline=offline,
        selection=_selection(parts.get("selectdata", "")),
        log=tuple(parts.get("source log", "").splitlines()),
        plain_requests=_plain_requests(parts.get("plain requests", "")),
    )


def _selection(text: str) -> Mapping[str, Selection]:
    if not has_fields(text):
        return {}
    return parse_selection(text)


def _names(sources: str, names: str) -> list[tuple[str, str]]:
    """Return the address and the name of each source; without an address, there is an ``ID#`` instead."""
    if not has_fields(sources) or not has_fields(names):
        return []
    addresses, named = parse_sources(sources), parse_sources(names)
    if len(addresses) != len(named):
        # A source was replaced between the two questions.
        return []
    return [(one.name, other.name) for one, other in zip(addresses, named, strict=True)]


def _unresolved(pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    missing = [name for address, name in pairs if address.startswith(UNRESOLVED)]
    # A pool has more places for sources than its name has addresses.
    found = {name for address, name in pairs if not address.startswith(UNRESOLVED)}
    return tuple(dict.fromkeys(name for name in missing if name not in found))


def _plain_requests(text: str) -> Mapping[str, PlainRequest]:
    found = {}
    for line in text.splitlines():
        address, _, said = line.partition(" ")
        if (one := _outcome(said.strip())) is not None:
            found[address] = one
    return found


def _outcome(said: str) -> PlainRequest | None:
    if not said:
        return PlainRequest(outcome=RequestOutcome.SILENCE)
    if (answer := ANSWER.search(said)) is not None:
        return _answer(bytes.fromhex(answer[0]))
    if "Operation not permitted" in said:
        return PlainRequest(outcome=RequestOutcome.FORBIDDEN)
    if "Connection refused" in said:
        return PlainRequest(outcome=RequestOutcome.CLOSED)
    if (found := NO_ROUTE.search(said)) is not None:
        return PlainRequest(outcome=RequestOutcome.NO_ROUTE, reason=found[0].strip())
    return None


def _answer(packet: bytes) -> PlainRequest:
    # RFC 5905, 7.3: the two highest bits are the leap indicator, 3 if the server is not synchronised; then comes the
    # stratum, and bytes 12 to 15 are the reference id.
    leap, stratum = packet[0] >> 6, packet[1]
    kiss = ""
    if stratum == 0:
        kiss = kiss_code(packet[12:16])
    return PlainRequest(outcome=RequestOutcome.ANSWERED, synchronised=leap != 3 and 0 < stratum < 16, kiss=kiss)
