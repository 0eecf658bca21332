"""Chains of rules, followed as the kernel would follow them for one packet: a new UDP datagram to port 123.

What a rule asks may be answered yes, no, or "it depends" (None): on the interface, on a set whose content we did not
look at, on a match that we do not know. So a packet may end in more than one way.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from provision.errors import ParseError

NTP_PORT = 123
MARK = "chrony-provision"
"""The comment that our own rules carry."""

Answer = bool | None


class Verdict(StrEnum):
    """What a rule does with a packet, or how a packet ends in a chain."""

    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"
    """At the end of a chain as well: back to the one that jumped here, or to the policy."""
    JUMP = "jump"
    GOTO = "goto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule that ends a packet's way, or leads it into another chain."""

    applies: Answer
    verdict: Verdict
    target: str = ""
    """The other chain."""
    ours: bool = False


Chains = Mapping[str, Sequence[Rule]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A chain where packets that are for this host begin."""

    door: str
    """The words that :mod:`provision.firewall` calls it by."""
    ways: frozenset[Verdict]
    """Accept, drop, or both."""
    ours: bool
    """One of its rules is ours."""


def follow(chains: Chains, name: str, policy: Verdict, door: str) -> Hook:
    """Return how the packet may end that begins in a chain. Raises ParseError."""
    known: dict[str, frozenset[Verdict]] = {}

    def ways(chain: str) -> frozenset[Verdict]:
        if chain not in chains:
            raise ParseError(f"a rule leads into chain {chain!r}, which is not there")
        if chain not in known:
            # Meanwhile anything: the kernel takes no loop.
            known[chain] = frozenset({Verdict.ACCEPT, Verdict.DROP, Verdict.RETURN})
            known[chain] = _ways(chains[chain], ways)
        return known[chain]

    ends = frozenset(policy if way is Verdict.RETURN else way for way in ways(name))
    return Hook(door=door, ways=ends, ours=any(rule.ours for rule in chains[name]))


def _ways(rules: Iterable[Rule], others: Callable[[str], frozenset[Verdict]]) -> frozenset[Verdict]:
    found: set[Verdict] = set()
    for rule in rules:
        if rule.applies is False:
            continue
        ways = set(others(rule.target)) if rule.target else {rule.verdict}
        comes_back = rule.verdict is Verdict.JUMP and Verdict.RETURN in ways
        found |= ways - {Verdict.RETURN} if comes_back else ways
        if rule.applies and not comes_back:
            return frozenset(found)
    return frozenset({*found, Verdict.RETURN})


def all_of(answers: Iterable[Answer]) -> Answer:
    """Return whether all hold."""
    found = set(answers)
    return False if False in found else None if None in found else True


def any_of(answers: Iterable[Answer]) -> Answer:
    """Return whether one of them holds."""
    return negated(all_of(negated(answer) for answer in answers))


def negated(answer: Answer) -> Answer:
    """Return the opposite; of "it depends" there is none."""
    return None if answer is None else not answer


def is_loopback(address: str) -> bool:
    """Say whether an address, or a network, is this host's own: no packet from outside has it."""
    return address.startswith("127.") or address.removesuffix("/128") == "::1"


def has_ntp_port(ports: str, *, between: str) -> bool:
    """Say whether our port is in a list such as ``53,100:200``. Raises ValueError."""
    ranges = (part.split(between) for part in ports.split(","))
    return any(int(ends[0]) <= NTP_PORT <= int(ends[-1]) for ends in ranges)
