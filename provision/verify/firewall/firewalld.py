"""Parse the output of ``firewall-cmd --zone=ZONE --list-all`` (firewall-cmd(1))."""

import re

from provision.common.errors import ParseError
from provision.verify.firewall.rules import NTP, Hook, Packet, Verdict

FIELD = re.compile(r"^  (?P<name>[a-z-]+): ?(?P<value>.*)$", re.MULTILINE)
LETS_IN, LETS_SOME_IN, SHUT = {Verdict.ACCEPT}, {Verdict.ACCEPT, Verdict.DROP}, {Verdict.DROP}


def firewalld_hooks(text: str, *, packet: Packet = NTP) -> tuple[Hook, ...]:
    """Return the hook of the zone, whose name comes first: ``public (active)``. Raises ParseError."""
    fields = {found["name"]: found["value"] for found in FIELD.finditer(text)}
    if not {"target", "services", "ports"} <= fields.keys():
        raise ParseError("firewall-cmd did not list the services and ports of the zone")
    try:
        open_port = any(_is_for(packet, port) for port in fields["ports"].split())
    except ValueError as error:
        raise ParseError(f"firewall-cmd printed a port that we do not understand: {fields['ports']!r}") from error
    if fields["target"] == "ACCEPT" or _service(packet) in fields["services"].split() or open_port:
        ways = LETS_IN
    elif _rich(packet).search(text):
        ways = LETS_SOME_IN
    else:
        ways = SHUT
    return (Hook(opening=f"firewalld {text.split(maxsplit=1)[0]}", ways=frozenset(ways), ours=False),)


def _service(packet: Packet) -> str:
    """Return firewalld's name for the service of a packet; it has none for NTS-KE before 1.0."""
    if packet == NTP:
        return "ntp"
    return "nts-ke"


def _rich(packet: Packet) -> re.Pattern[str]:
    """Return the pattern of a rich rule that lets the packet in from somewhere."""
    port = rf'port="{packet.port}" protocol="{packet.protocol}"'
    return re.compile(rf'^\s+rule .*("{_service(packet)}"|{port}).* accept', re.MULTILINE)


def _is_for(packet: Packet, port: str) -> bool:
    numbers, _, protocol = port.partition("/")
    return protocol == packet.protocol and packet.has_port(numbers, between="-")
