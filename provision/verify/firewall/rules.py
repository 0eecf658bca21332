"""Chains of rules, followed as the kernel would follow them for one packet: one that begins a conversation.

A condition of a rule is answered yes, no, or "it depends" (None): on the interface, on a set whose content we did not
look at, on a match that we do not know. So a packet may end in more than one way.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from provision.common.errors import ParseError

MARK = "chrony-provision"
"""The comment that our own rules carry."""

Answer = bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A new packet for this host whose way through the rules is followed."""

    protocol: str
    """udp or tcp."""
    port: int

    @property
    def number(self) -> int:
        """Return the number of its protocol (protocols(5))."""
        return {"tcp": 6, "udp": 17}[self.protocol]

    def has_port(self, ports: str, *, between: str) -> bool:
        """Return whether its port is in a list such as ``53,100:200``. Raises ValueError."""
        ranges = (part.split(between) for part in ports.split(","))
        return any(int(ends[0]) <= self.port <= int(ends[-1]) for ends in ranges)

    def __str__(self) -> str:
        return f"{self.port}/{self.protocol}"


NTP = Packet(protocol="udp", port=123)
"""An NTP request."""


class Verdict(StrEnum):
    """The action of a rule, or the end of a packet in a chain."""

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

    opening: str
    """The words that :mod:`provision.verify.firewall` calls it by."""
    ways: frozenset[Verdict]
    """Accept, drop, or both."""
    ours: bool
    """One of its rules is ours."""


def follow(chains: Chains, name: str, policy: Verdict, opening: str) -> Hook:
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

    ends = ways(name)
    if Verdict.RETURN in ends:
        ends = ends - {Verdict.RETURN} | {policy}
    return Hook(opening=opening, ways=ends, ours=any(rule.ours and rule.applies is not False for rule in chains[name]))


def _ways(rules: Iterable[Rule], others: Callable[[str], frozenset[Verdict]]) -> frozenset[Verdict]:
    found: set[Verdict] = set()
    for rule in rules:
        if rule.applies is False:
            continue
        ways = {rule.verdict}
        if rule.target:
            ways = set(others(rule.target))
        comes_back = rule.verdict is Verdict.JUMP and Verdict.RETURN in ways
        if comes_back:
            ways.remove(Verdict.RETURN)
        found |= ways
        if rule.applies and not comes_back:
            return frozenset(found)
    return frozenset({*found, Verdict.RETURN})


def all_of(answers: Iterable[Answer]) -> Answer:
    """Return whether all hold."""
    found = set(answers)
    if False in found:
        return False
    if None in found:
        return None
    return True


def any_of(answers: Iterable[Answer]) -> Answer:
    """Return whether one of them holds."""
    return negated(all_of(negated(answer) for answer in answers))


def negated(answer: Answer) -> Answer:
    """Return the opposite; of "it depends" there is none."""
    if answer is None:
        return None
    return not answer


def is_loopback(address: str) -> bool:
    """Return whether an address or a network belongs to the host itself, so that no packet from outside has it."""
    return address.startswith("127.") or address.removesuffix("/128") == "::1"


def is_at_address(address: str, *, of_sender: bool, sender: Answer) -> Answer:
    """Return whether a rule about the address of the sender, or of this host, applies to the packet."""
    if is_loopback(address):
        return False
    if of_sender:
        return sender
    return None


def is_from_device(device: str) -> Answer:
    """Return whether the packet arrives at a network device: not at the loopback device, perhaps at another."""
    if device == "lo":
        return False
    return None
