"""Parse the signs of why a source of time fails, from the script source_faults.sh. Pure.

They are chronyd's counters and its log, and the answer to an NTP request without a key that the host itself sends.
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


class Outcome(StrEnum):
    """What a request of the host without a key met."""

    ANSWERED = "answered"
    SILENCE = "no answer within a second"
    NO_ROUTE = "no route"
    FORBIDDEN = "the kernel of the host refused to send"
    CLOSED = "the port is closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The outcome of a request of the host without a key."""

    outcome: Outcome
    words: str = ""
    """The kernel's, where there is no route."""
    synchronised: bool = True
    """Whether the answer says that the server's clock is synchronised."""
    kiss: str = ""
    """The kiss code of the answer, such as ``RATE``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What chronyd and its host say about sources that give no time; empty where all give it."""

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
    asked: Mapping[str, Asked] = field(default_factory=dict)
    """By address; without bash, a host sends no requests of its own."""


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
        asked=_asked(parts.get("asked without a key", "")),
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


def _asked(text: str) -> Mapping[str, Asked]:
    found = {}
    for line in text.splitlines():
        address, _, said = line.partition(" ")
        if (one := _outcome(said.strip())) is not None:
            found[address] = one
    return found


def _outcome(said: str) -> Asked | None:
    if not said:
        return Asked(outcome=Outcome.SILENCE)
    if (answer := ANSWER.search(said)) is not None:
        return _answer(bytes.fromhex(answer[0]))
    if "Operation not permitted" in said:
        return Asked(outcome=Outcome.FORBIDDEN)
    if "Connection refused" in said:
        return Asked(outcome=Outcome.CLOSED)
    if (words := NO_ROUTE.search(said)) is not None:
        return Asked(outcome=Outcome.NO_ROUTE, words=words[0].strip())
    return None


def _answer(packet: bytes) -> Asked:
    # RFC 5905, 7.3: the two highest bits are the leap indicator, 3 if the server is not synchronised; then comes the
    # stratum, and bytes 12 to 15 are the reference id.
    leap, stratum = packet[0] >> 6, packet[1]
    kiss = ""
    if stratum == 0:
        kiss = kiss_code(packet[12:16])
    return Asked(outcome=Outcome.ANSWERED, synchronised=leap != 3 and 0 < stratum < 16, kiss=kiss)
