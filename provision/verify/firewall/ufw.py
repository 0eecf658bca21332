"""Parse the output of ``ufw status verbose`` (ufw(8)): rules in order, the first that fits decides."""

import re
from collections.abc import Iterator

from provision.common.errors import ParseError
from provision.verify.firewall.rules import NTP, Answer, Hook, Packet, Rule, Verdict, all_of, follow

DEFAULT = re.compile(r"^Default: (?P<incoming>allow|deny|reject) \(incoming\)", re.MULTILINE)
LINE = re.compile(r"(?P<to>\S.*?) +(?P<action>ALLOW|LIMIT|DENY|REJECT) IN +(?P<sender>\S.*?)( +#.*)?")
TO = re.compile(r"(?:(?P<address>\S+) )?(?P<what>\S+?)(?:/(?P<protocol>\w+))?(?P<profile> \(.+\))?(?P<device> on \S+)?")
LETS_IN = {"ALLOW", "LIMIT", "allow"}
"""A limit is six connections in half a minute from one address; who asks for time seldom asks that often."""


def ufw_hooks(text: str, *, sender: Answer, packet: Packet = NTP) -> tuple[Hook, ...]:
    """Return ufw's one hook; ``sender`` answers a rule that asks who sent the packet. Raises ParseError."""
    default = DEFAULT.search(text)
    if default is None:
        raise ParseError("ufw did not print its default for incoming packets")
    return (follow({"ufw": tuple(_rules(text, sender, packet))}, "ufw", _verdict(default["incoming"]), "ufw"),)


def _verdict(action: str) -> Verdict:
    if action in LETS_IN:
        return Verdict.ACCEPT
    return Verdict.DROP


def _rules(text: str, sender: Answer, packet: Packet) -> Iterator[Rule]:
    for line in text.splitlines():
        found = LINE.fullmatch(line.rstrip())
        # Rules of IPv6 stand beside those of IPv4, unless an administrator wrote them for one of the two.
        if found is not None and "(v6)" not in line:
            asks_sender = sender
            if found["sender"] == "Anywhere":
                asks_sender = True
            yield Rule(applies=all_of([_is_for(packet, found["to"]), asks_sender]), verdict=_verdict(found["action"]))


def _is_for(packet: Packet, to: str) -> Answer:
    found = TO.fullmatch(to)
    if found is None:
        return None
    if found["protocol"] not in {None, packet.protocol}:
        return False
    try:
        at_port = found["what"] == "Anywhere" or packet.has_port(found["what"], between=":")
    except ValueError:
        # An address without a port.
        return None
    limited = found["device"] or found["address"]
    if at_port and limited:
        return None
    return at_port
