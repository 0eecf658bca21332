"""The local firewall of a host: whether it admits NTP, and the command that opens it, from ``print_firewall.sh``.

An *opening* is a place where it can be opened, named by the words after "firewall" in the record of our changes on a
host: ``firewalld ZONE``, ``ufw``, ``nftables FAMILY TABLE CHAIN``, ``iptables``, ``ip6tables``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from shlex import quote

from provision.common.errors import ParseError
from provision.verify.firewall.firewalld import firewalld_hooks
from provision.verify.firewall.iptables import iptables_hooks
from provision.verify.firewall.nftables import nftables_hooks
from provision.verify.firewall.rules import MARK, Answer, Hook, Verdict
from provision.verify.firewall.ufw import ufw_hooks

PART = re.compile(r"^--- (?P<tool>\S+) (?P<status>[0-9]+)$", re.MULTILINE)
"""The line after the output of a tool."""


class State(StrEnum):
    """Whether a firewall admits 123/udp."""

    OPEN = "open"
    """From everywhere, except for addresses that a separate rule blocks."""
    LIMITED = "limited"
    """From some addresses, or under conditions."""
    CLOSED = "closed"
    UNKNOWN = "unknown"
    """The rules could not be evaluated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firewall:
    """The active firewall; a host without one is open."""

    state: State
    openings: tuple[str, ...] = ()
    """The openings that are needed."""
    temporary: tuple[str, ...] = ()
    """The openings by a rule of ours that lasts until the ruleset is loaded again."""
    why: str = ""
    """The reason why the rules could not be evaluated."""

    @property
    def commands(self) -> tuple[tuple[str, str], ...]:
        """Return each opening that is needed, and the line of sh that makes it."""
        return tuple((opening, command(opening)) for opening in self.openings)

    @property
    def shut(self) -> str | None:
        """Return in words how it keeps requests out; None where it does not."""
        who = " and ".join(_in_words(opening) for opening in self.openings)
        match self.state:
            case State.CLOSED:
                return f"{who} does not let in 123/udp"
            case State.LIMITED:
                return f"{who} lets in 123/udp from some only, or on conditions"
            case State.UNKNOWN:
                return f"it could not be told whether a local firewall lets in 123/udp: {self.why}"
            case State.OPEN:
                return None

    @property
    def advice(self) -> str | None:
        """Return the advice for the operator, with the command that opens it; None if there is none."""
        if self.shut is None:
            return "; ".join(_to_keep(opening) for opening in self.temporary) or None
        opening = " && ".join(line for _, line in self.commands)
        if not opening:
            return self.shut
        return f"{self.shut}: {opening}"


def command(opening: str) -> str:
    """Return the line of sh, for root, that makes an opening."""
    match opening.split():
        case ["firewalld", zone]:
            service = f"--zone={quote(zone)} --add-service=ntp"
            # Not "--reload", which drops the runtime rules of others.
            return f"firewall-cmd --permanent {service} && firewall-cmd {service}"
        case ["ufw"]:
            return "ufw allow 123/udp"
        case ["nftables", *where]:
            return f"nft insert rule {' '.join(map(quote, where))} udp dport 123 accept comment {MARK}"
        case ["iptables" | "ip6tables" as tool]:
            return f"{tool} -w -I INPUT -p udp --dport 123 -m comment --comment {MARK} -j ACCEPT"
        case _:
            raise ParseError(f"no firewall has an opening {opening!r}")


def parse_firewall(text: str) -> Firewall:
    """Parse the output of ``print_firewall.sh``; a firewall that cannot be understood has the state UNKNOWN."""
    try:
        anybody = _hooks(text, sender=None)
        stranger = _hooks(text, sender=False)
    except ParseError as error:
        return Firewall(state=State.UNKNOWN, why=str(error))
    openings = tuple(hook.opening for hook in stranger if Verdict.DROP in hook.ways)
    if any(hook.ways == {Verdict.DROP} for hook in anybody):
        return Firewall(state=State.CLOSED, openings=openings)
    if openings:
        return Firewall(state=State.LIMITED, openings=openings)
    return Firewall(state=State.OPEN, temporary=tuple(hook.opening for hook in stranger if hook.ours))


def _hooks(text: str, *, sender: Answer) -> tuple[Hook, ...]:
    """Return the hooks of the firewall in charge, where a rule that asks who sent the packet is answered ``sender``."""
    first, _, body = text.strip().partition("\n")
    match first.split():
        case ["firewalld"]:
            return firewalld_hooks(body)
        case ["ufw"]:
            return ufw_hooks(body, sender=sender)
        case ["rules"]:
            return _rules(_parts(body), sender)
        case _:
            raise ParseError("the host did not say")


def _rules(parts: Mapping[str, str], sender: Answer) -> tuple[Hook, ...]:
    hooks: list[Hook] = []
    for tool in ("iptables", "ip6tables"):
        hooks += iptables_hooks(parts.get(tool, ""), tool, sender=sender)
    # The same rules once more, if iptables keeps them in nftables, in words that nft cannot read.
    theirs = {"iptables": ("ip", "filter"), "ip6tables": ("ip6", "filter")}
    but = frozenset(theirs[hook.opening] for hook in hooks)
    if "nft" in parts:
        hooks += nftables_hooks(parts["nft"], sender=sender, but=but)
    return tuple(hooks)


def _parts(body: str) -> dict[str, str]:
    """Return the output of each tool. Raises ParseError if one failed."""
    parts = {}
    begin = 0
    for end in PART.finditer(body):
        said = body[begin : end.start()].strip()
        begin = end.end()
        if end["status"] != "0":
            *_, last = said.splitlines() or ["it printed nothing"]
            raise ParseError(f"{end['tool']}: {last}")
        parts[end["tool"]] = said
    return parts


def _in_words(opening: str) -> str:
    match opening.split():
        case ["nftables", family, table, chain]:
            return f"nftables (table {family} {table}, chain {chain})"
        case ["firewalld", zone]:
            return f"firewalld (zone {zone})"
        case _:
            return opening


def _to_keep(opening: str) -> str:
    keep = "save the rules: netfilter-persistent save, or service iptables save"
    if opening.startswith("nftables "):
        family, table, chain = opening.split()[1:]
        keep = f"begin chain {chain} of table {family} {table} with 'udp dport 123 accept' in the file of its ruleset"
    return f"{_in_words(opening)} lets in 123/udp until its rules are loaded again; to keep that, {keep}"
