"""The local firewall of a host: whether it admits NTP, and the command that opens it, from ``print_firewall.sh``.

An *opening* is a place where it can be opened, named by the words after "firewall" in the record of our changes on a
host: ``firewalld ZONE``, ``ufw``, ``nftables FAMILY TABLE CHAIN``, ``iptables``, ``ip6tables``. In the record,
``4460/tcp`` follows where it is not NTP's port.
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
from provision.verify.firewall.rules import MARK, NTP, Answer, Hook, Packet, Verdict
from provision.verify.firewall.ufw import ufw_hooks

PART = re.compile(r"^--- (?P<tool>\S+) (?P<status>[0-9]+)$", re.MULTILINE)
"""The line after the output of a tool."""


class State(StrEnum):
    """Whether a firewall admits a packet, such as an NTP request to 123/udp."""

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
    packet: Packet = NTP
    """What it has to let in."""
    openings: tuple[str, ...] = ()
    """The openings that are needed."""
    temporary: tuple[str, ...] = ()
    """The openings by a rule of ours that lasts until the ruleset is loaded again."""
    why: str = ""
    """The reason why the rules could not be evaluated."""

    @property
    def commands(self) -> tuple[tuple[str, str], ...]:
        """Return each opening that is needed, as it is recorded on the host, and the line of sh that makes it."""
        return tuple((_recorded(opening, self.packet), command(opening, self.packet)) for opening in self.openings)

    @property
    def shut(self) -> str | None:
        """Return in words how it keeps requests out; None where it does not."""
        who = " and ".join(_in_words(opening) for opening in self.openings)
        match self.state:
            case State.CLOSED:
                return f"{who} does not let in {self.packet}"
            case State.LIMITED:
                return f"{who} lets in {self.packet} from some only, or on conditions"
            case State.UNKNOWN:
                return f"it could not be told whether a local firewall lets in {self.packet}: {self.why}"
            case State.OPEN:
                return None

    @property
    def advice(self) -> str | None:
        """Return the advice for the operator, with the command that opens it; None if there is none."""
        if self.shut is None:
            return "; ".join(_to_keep(opening, self.packet) for opening in self.temporary) or None
        opening = " && ".join(line for _, line in self.commands)
        if not opening:
            return self.shut
        return f"{self.shut}: {opening}"


def _recorded(opening: str, packet: Packet) -> str:
    """Return the words that firewall_close.sh reads: without a port, it is that of NTP."""
    if packet == NTP:
        return opening
    return f"{opening} {packet}"


def command(opening: str, packet: Packet = NTP) -> str:
    """Return the line of sh, for root, that makes an opening."""
    match opening.split():
        case ["firewalld", zone]:
            what = f"port={packet}"
            if packet == NTP:
                what = "service=ntp"
            service = f"--zone={quote(zone)} --add-{what}"
            # Not "--reload", which drops the runtime rules of others.
            return f"firewall-cmd --permanent {service} && firewall-cmd {service}"
        case ["ufw"]:
            return f"ufw allow {packet}"
        case ["nftables", *where]:
            rule = f"{packet.protocol} dport {packet.port} accept comment {MARK}"
            return f"nft insert rule {' '.join(map(quote, where))} {rule}"
        case ["iptables" | "ip6tables" as tool]:
            return (
                f"{tool} -w -I INPUT -p {packet.protocol} --dport {packet.port} -m comment --comment {MARK} -j ACCEPT"
            )
        case _:
            raise ParseError(f"no firewall has an opening {opening!r}")


def parse_firewall(text: str, packet: Packet = NTP) -> Firewall:
    """Parse the output of ``print_firewall.sh``; a firewall that cannot be understood has the state UNKNOWN."""
    try:
        anybody = _hooks(text, sender=None, packet=packet)
        stranger = _hooks(text, sender=False, packet=packet)
    except ParseError as error:
        return Firewall(state=State.UNKNOWN, packet=packet, why=str(error))
    openings = tuple(hook.opening for hook in stranger if Verdict.DROP in hook.ways)
    if any(hook.ways == {Verdict.DROP} for hook in anybody):
        return Firewall(state=State.CLOSED, packet=packet, openings=openings)
    if openings:
        return Firewall(state=State.LIMITED, packet=packet, openings=openings)
    temporary = tuple(hook.opening for hook in stranger if hook.ours)
    return Firewall(state=State.OPEN, packet=packet, temporary=temporary)


def _hooks(text: str, *, sender: Answer, packet: Packet) -> tuple[Hook, ...]:
    """Return the hooks of the firewall in charge, where a rule that asks who sent the packet is answered ``sender``."""
    first, _, body = text.strip().partition("\n")
    match first.split():
        case ["firewalld"]:
            return firewalld_hooks(body, packet=packet)
        case ["ufw"]:
            return ufw_hooks(body, sender=sender, packet=packet)
        case ["rules"]:
            return _rules(_parts(body), sender, packet)
        case _:
            raise ParseError("the host did not say")


def _rules(parts: Mapping[str, str], sender: Answer, packet: Packet) -> tuple[Hook, ...]:
    hooks: list[Hook] = []
    for tool in ("iptables", "ip6tables"):
        hooks += iptables_hooks(parts.get(tool, ""), tool, sender=sender, packet=packet)
    # The same rules once more, if iptables keeps them in nftables, in words that nft cannot read.
    theirs = {"iptables": ("ip", "filter"), "ip6tables": ("ip6", "filter")}
    but = frozenset(theirs[hook.opening] for hook in hooks)
    if "nft" in parts:
        hooks += nftables_hooks(parts["nft"], sender=sender, packet=packet, but=but)
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


def _to_keep(opening: str, packet: Packet) -> str:
    keep = "save the rules: netfilter-persistent save, or service iptables save"
    rule = f"{packet.protocol} dport {packet.port} accept"
    if opening.startswith("nftables "):
        family, table, chain = opening.split()[1:]
        keep = f"begin chain {chain} of table {family} {table} with '{rule}' in the file of its ruleset"
    return f"{_in_words(opening)} lets in {packet} until its rules are loaded again; to keep that, {keep}"
