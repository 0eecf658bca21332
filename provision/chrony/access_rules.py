"""Evaluate the lines allow, deny, cmdallow and cmddeny of a chrony.conf as chronyd does.

chronyd keeps a tree with four bits of an address a level (addrfilt.c of chrony 4.9). The consequences: a network whose
prefix length is no multiple of four stands for 2, 4 or 8 networks of the next such length; of two lines for the same of
these networks, the later one counts; otherwise the narrowest network that contains an address decides, regardless of
the order. So ``deny 10.0.0.0/15`` after ``allow 10.1.0.0/16`` denies 10.1.0.1. With ``all``, a line also removes the
rules of earlier lines about narrower networks.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    summarize_address_range,
)
from itertools import pairwise

from provision.chrony.access import EVERYONE, Access, Network, joined, within
from provision.chrony.statement import Statement
from provision.common.errors import ParseError, SiteError

Address = IPv4Address | IPv6Address

NTP = {"allow": True, "deny": False}
"""The directives about who may ask for time, and whether they allow."""
COMMANDS = {"cmdallow": True, "cmddeny": False}
"""The directives about who may send commands of chronyc to the command port."""

_LEVEL_BITS = 4
"""NBITS of addrfilt.c."""
_SHORT = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?(?:\.([0-9]{1,9}))?", re.ASCII)
"""The first one to three numbers of an IPv4 address."""
_LENGTH = re.compile(r"[0-9]{1,9}", re.ASCII)
_MOST = 255


@dataclass(frozen=True, slots=True)
class Rule:
    """One line that allows or denies."""

    allows: bool
    removes_narrower: bool
    """Whether it has ``all``."""
    networks: tuple[Network, ...]
    """One network, or all addresses of both IP versions; empty for a host name, which chronyd resolves at its start."""
    statement: Statement

    @property
    def host_name(self) -> str:
        """Return the host name of the line; empty if it names a network."""
        if self.networks:
            return ""
        return self.statement.arguments[-1]

    def __str__(self) -> str:
        return self.statement.text


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an address is allowed, and which line decides."""

    allowed: bool
    rule: Rule | None
    """None: no line is about the address, so it is denied."""
    unless: Rule | None = None
    """A line whose host name decides otherwise if it resolves to the address."""

    @property
    def is_known(self) -> bool:
        """Return whether the lines alone decide, without the address of a host name."""
        return self.unless is None

    def __str__(self) -> str:
        """Return words such as ``allowed by "allow 10.0.0.0/8"``."""
        if self.rule is None:
            words = "denied: no line allows it"
        else:
            words = f'{"allowed" if self.allowed else "denied"} by "{self.rule}"'
        if self.unless is None:
            return words
        return f'not known: {words}, unless {self.unless.host_name} of "{self.unless}" resolves to it'


@dataclass(frozen=True)
class AccessRules:
    """The lines of a chrony.conf that decide which addresses may ask."""

    rules: tuple[Rule, ...]

    @classmethod
    def of(cls, statements: Iterable[Statement], directives: Mapping[str, bool] = NTP) -> "AccessRules":
        """Return the rules among statements, in order. Raises ParseError for a line that chronyd refuses."""
        return cls(tuple(parse_rule(one, directives) for one in statements if one.name in directives))

    @property
    def host_names(self) -> tuple[Rule, ...]:
        """Return the lines that name a host, whose addresses only chronyd knows."""
        return tuple(rule for rule in self.rules if not rule.networks)

    def decide(self, address: str) -> Decision:
        """Return the decision about an IP address. Raises ParseError if it is none."""
        asking = _address(address)
        if asking is None:
            raise ParseError(f"{address!r} is not an IP address")
        number, rule = self._deciding(asking)
        allowed = rule is not None and rule.allows
        return Decision(allowed, rule, self._unless(asking, number, allowed=allowed))

    def admits(self, asking: Address) -> bool:
        """Return whether an address may ask; host names are left out."""
        _, rule = self._deciding(asking)
        return rule is not None and rule.allows

    @cached_property
    def allowed(self) -> tuple[Network, ...]:
        """Return the networks that may ask, as few as possible, IPv4 first; host names are left out."""
        return widened(NOBODY, self)

    @cached_property
    def tree(self) -> Mapping[Network, int]:
        """Return the number of the rule that holds for each network of chronyd's tree."""
        tree: dict[Network, int] = {}
        for number, rule in enumerate(self.rules):
            for network in rule.networks:
                if rule.removes_narrower:
                    for other in [one for one in tree if within(one, network)]:
                        del tree[other]
                tree.update(dict.fromkeys(_nodes(network), number))
        return tree

    def in_words(self) -> str:
        """Return who may ask, such as ``10.0.0.0/8 but not 10.1.0.0/16, ntp.example.org``."""
        allow = tuple(network for rule in self.rules if rule.allows for network in rule.networks)
        deny = tuple(network for rule in self.rules if not rule.allows for network in rule.networks)
        try:
            words = Access(allow, deny).in_words()
        except SiteError:
            # A network is allowed by one line and denied by another.
            words = Access(self.allowed).in_words()
        return ", ".join((words, *(rule.host_name for rule in self.host_names if rule.allows)))

    def _deciding(self, asking: Address) -> tuple[int, Rule | None]:
        """Return the rule of the narrowest network of the tree that contains an address, and its number, or -1."""
        address = int(asking)
        for length in self._lengths[asking.version]:
            number = self._numbers.get((asking.version, length, address >> (asking.max_prefixlen - length)))
            if number is not None:
                return number, self.rules[number]
        return -1, None

    @cached_property
    def _numbers(self) -> Mapping[tuple[int, int, int], int]:
        """Return the tree with numbers as its keys: IP version, prefix length, and the bits of the prefix.

        To make a network object for each level of each decision is slow.
        """
        return {
            (network.version, network.prefixlen, int(network.network_address) >> _host_bits(network)): number
            for network, number in self.tree.items()
        }

    @cached_property
    def _lengths(self) -> Mapping[int, Sequence[int]]:
        """Return the prefix lengths in the tree for each IP version, the longest first."""
        lengths: dict[int, set[int]] = {4: set(), 6: set()}
        for network in self.tree:
            lengths[network.version].add(network.prefixlen)
        return {version: sorted(found, reverse=True) for version, found in lengths.items()}

    def _unless(self, asking: Address, deciding: int, *, allowed: bool) -> Rule | None:
        """Return the last rule with a host name that would decide otherwise if it stood for the address."""
        own = _network(asking, asking.max_prefixlen)
        decides_alone = self.tree.get(own) == deciding
        for number in range(len(self.rules) - 1, -1, -1):
            rule = self.rules[number]
            if decides_alone and number == deciding:
                return None
            if rule.removes_narrower and any(asking in network for network in rule.networks):
                return None
            if not rule.networks and rule.allows != allowed:
                return rule
        return None


NOBODY = AccessRules(())
"""Rules of a chrony.conf without a line about access."""


def parse_rule(statement: Statement, directives: Mapping[str, bool] = NTP) -> Rule:
    """Return the rule of a statement, whose name is one of ``directives``. Raises ParseError.

    cmdparse.c of chrony 4.9, CPS_ParseAllowDeny.
    """
    words = list(statement.arguments)
    removes_narrower = words[:1] == ["all"]
    if removes_narrower:
        del words[0]
    if len(words) > 1:
        raise _refused(statement, "it has more arguments than one network")
    networks = _parse_network(statement, words[0]) if words else EVERYONE
    return Rule(directives[statement.name], removes_narrower, networks, statement)


def widened(old: AccessRules, new: AccessRules) -> tuple[Network, ...]:
    """Return the networks that may ask under the new rules and may not under the old ones, as few as possible.

    IPv4 comes first. Host names are left out: see :attr:`AccessRules.host_names`.
    """
    found: list[Network] = []
    for everyone in EVERYONE:
        for first, last in _spans(everyone, {*old.tree, *new.tree}):
            if new.admits(first) and not old.admits(first):
                found += summarize_address_range(first, last)
    return joined(found)


def opens_ipv6(old: AccessRules, new: AccessRules) -> bool:
    """Return whether IPv6 addresses may ask under the new rules, and none might under the old ones."""
    before = any(network.version == 6 for network in old.allowed)
    after = any(network.version == 6 for network in new.allowed)
    return after and not before


def _refused(statement: Statement, why: str) -> ParseError:
    place = f"{statement.place}: " if statement.place else ""
    return ParseError(f"{place}{statement.text}: {why}")


def _parse_network(statement: Statement, text: str) -> tuple[Network, ...]:
    """Return the network of an argument, or nothing if it is a host name."""
    start, slash, length = text.partition("/")
    if slash and not _LENGTH.fullmatch(length):
        raise _refused(statement, f"{length!r} is not a prefix length")
    address, default = _address(start), None
    if address is None:
        address, default = _short_address(statement, start)
    if address is None:
        if slash:
            raise _refused(statement, f"{start!r} is not an IP address")
        return ()
    if default is None:
        default = address.max_prefixlen
    bits = int(length) if slash else default
    if bits > address.max_prefixlen:
        raise _refused(statement, f"a prefix of IPv{address.version} has at most {address.max_prefixlen} bits")
    return (_network(address, bits),)


def _address(text: str) -> Address | None:
    """Return an address as inet_pton(3) reads it, which knows no zones."""
    for kind in (IPv4Address, IPv6Address):
        try:
            if "%" not in text:
                return kind(text)
        except AddressValueError:
            continue
    return None


def _short_address(statement: Statement, text: str) -> tuple[IPv4Address | None, int | None]:
    """Return the address of one to three numbers, such as 10.1, and their number of bits."""
    match = _SHORT.fullmatch(text)
    if match is None:
        return None, None
    numbers = [int(number) for number in match.groups() if number is not None]
    if max(numbers) > _MOST:
        raise _refused(statement, f"{text} has a number above {_MOST}")
    padded = (*numbers, 0, 0, 0)[:4]
    return IPv4Address(bytes(padded)), 8 * len(numbers)


def _network(address: Address, length: int) -> Network:
    if isinstance(address, IPv4Address):
        return IPv4Network((address, length), strict=False)
    return IPv6Network((address, length), strict=False)


def _host_bits(network: Network) -> int:
    return network.max_prefixlen - network.prefixlen


def _nodes(network: Network) -> Iterable[Network]:
    """Return the networks of chronyd's tree for which a network stands."""
    length = -(-network.prefixlen // _LEVEL_BITS) * _LEVEL_BITS
    return network.subnets(new_prefix=length)


def _spans(everyone: Network, edges: Iterable[Network]) -> Iterator[tuple[Address, Address]]:
    """Yield the first and the last address of each span in which no network of ``edges`` begins or ends."""
    address = type(everyone.network_address)
    end = int(everyone.broadcast_address) + 1
    borders = {int(everyone.network_address), end}
    for edge in edges:
        if edge.version == everyone.version:
            borders |= {int(edge.network_address), int(edge.broadcast_address) + 1}
    for first, after in pairwise(sorted(borders)):
        yield address(first), address(after - 1)
