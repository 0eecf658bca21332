"""The local firewall of a host: what it said (``remote/firewall.sh``) → whether it lets in NTP, and what opens it.

A *door* is a place where it can be opened, named by the words that stand after "firewall" in a host's record of what we
made: ``firewalld ZONE``, ``ufw``, ``nftables FAMILY TABLE CHAIN``, ``iptables``, ``ip6tables``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from shlex import quote

from provision.errors import ParseError
from provision.firewall.firewalld import firewalld_hooks
from provision.firewall.iptables import iptables_hooks
from provision.firewall.nftables import nftables_hooks
from provision.firewall.rules import MARK, Answer, Hook, Verdict
from provision.firewall.ufw import ufw_hooks

PART = re.compile(r"^--- (?P<tool>\S+) (?P<status>[0-9]+)$", re.MULTILINE)
"""Stands after what a tool printed."""


class State(StrEnum):
    """Whether a firewall lets in 123/udp."""

    OPEN = "open"
    """To anybody, but for those whom a rule of its own names."""
    LIMITED = "limited"
    """To some, or on conditions."""
    CLOSED = "closed"
    UNKNOWN = "unknown"
    """It could not be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firewall:
    """The firewall in charge; a host without one is open."""

    state: State
    doors: tuple[str, ...] = ()
    """Those to be opened."""
    temporary: tuple[str, ...] = ()
    """Those that a rule of ours opens until the ruleset is loaded again."""
    why: str = ""
    """Why it could not be told."""

    @property
    def commands(self) -> tuple[tuple[str, str], ...]:
        """Return each door to be opened, and the line of sh that opens it."""
        return tuple((door, command(door)) for door in self.doors)

    @property
    def shut(self) -> str | None:
        """Return in words how it keeps requests out; None where it does not."""
        who = " and ".join(_in_words(door) for door in self.doors)
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
        """Return what the operator should know, and the command that opens it; None: nothing to say."""
        if self.shut is None:
            return "; ".join(_to_keep(door) for door in self.temporary) or None
        opening = " && ".join(line for _, line in self.commands)
        return f"{self.shut}: {opening}" if opening else self.shut


def command(door: str) -> str:
    """Return the line of sh that opens a door, for root."""
    match door.split():
        case ["firewalld", zone]:
            service = f"--zone={quote(zone)} --add-service=ntp"
            # Not "--reload", which forgets what others opened for a while.
            return f"firewall-cmd --permanent {service} && firewall-cmd {service}"
        case ["ufw"]:
            return "ufw allow 123/udp"
        case ["nftables", *where]:
            return f"nft insert rule {' '.join(map(quote, where))} udp dport 123 accept comment {MARK}"
        case ["iptables" | "ip6tables" as tool]:
            return f"{tool} -w -I INPUT -p udp --dport 123 -m comment --comment {MARK} -j ACCEPT"
        case _:
            raise ParseError(f"no firewall has a door {door!r}")


def parse_firewall(text: str) -> Firewall:
    """Parse what ``remote/firewall.sh`` printed; what cannot be understood is a firewall of which nothing is known."""
    try:
        anybody, stranger = _hooks(text, sender=None), _hooks(text, sender=False)
    except ParseError as error:
        return Firewall(state=State.UNKNOWN, why=str(error))
    doors = tuple(hook.door for hook in stranger if Verdict.DROP in hook.ways)
    if any(hook.ways == {Verdict.DROP} for hook in anybody):
        return Firewall(state=State.CLOSED, doors=doors)
    if doors:
        return Firewall(state=State.LIMITED, doors=doors)
    return Firewall(state=State.OPEN, temporary=tuple(hook.door for hook in stranger if hook.ours))


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
    but = frozenset(theirs[hook.door] for hook in hooks)
    if "nft" in parts:
        hooks += nftables_hooks(parts["nft"], sender=sender, but=but)
    return tuple(hooks)


def _parts(body: str) -> dict[str, str]:
    """Return what each tool printed. Raises ParseError where one failed."""
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


def _in_words(door: str) -> str:
    match door.split():
        case ["nftables", family, table, chain]:
            return f"nftables (table {family} {table}, chain {chain})"
        case ["firewalld", zone]:
            return f"firewalld (zone {zone})"
        case _:
            return door


def _to_keep(door: str) -> str:
    keep = "save the rules: netfilter-persistent save, or service iptables save"
    if door.startswith("nftables "):
        family, table, chain = door.split()[1:]
        keep = f"begin chain {chain} of table {family} {table} with 'udp dport 123 accept' in the file of its ruleset"
    return f"{_in_words(door)} lets in 123/udp until its rules are loaded again; to keep that, {keep}"
