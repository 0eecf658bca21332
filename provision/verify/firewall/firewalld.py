"""Parse the output of ``firewall-cmd --zone=ZONE --list-all`` (firewall-cmd(1))."""

import re

from provision.common.errors import ParseError
from provision.verify.firewall.rules import Hook, Verdict, has_ntp_port

FIELD = re.compile(r"^  (?P<name>[a-z-]+): ?(?P<value>.*)$", re.MULTILINE)
RICH = re.compile(r'^\s+rule .*("ntp"|port="123" protocol="udp").* accept', re.MULTILINE)
LETS_IN, LETS_SOME_IN, SHUT = {Verdict.ACCEPT}, {Verdict.ACCEPT, Verdict.DROP}, {Verdict.DROP}


def firewalld_hooks(text: str) -> tuple[Hook, ...]:
    """Return the hook of the zone, whose name comes first: ``public (active)``. Raises ParseError."""
    fields = {found["name"]: found["value"] for found in FIELD.finditer(text)}
    if not {"target", "services", "ports"} <= fields.keys():
        raise ParseError("firewall-cmd did not list the services and ports of the zone")
    try:
        open_port = any(_is_ours(port) for port in fields["ports"].split())
    except ValueError as error:
        raise ParseError(f"firewall-cmd printed a port that we do not understand: {fields['ports']!r}") from error
    if fields["target"] == "ACCEPT" or "ntp" in fields["services"].split() or open_port:
        ways = LETS_IN
    elif RICH.search(text):
        ways = LETS_SOME_IN
    else:
        ways = SHUT
    return (Hook(opening=f"firewalld {text.split(maxsplit=1)[0]}", ways=frozenset(ways), ours=False),)


def _is_ours(port: str) -> bool:
    numbers, _, protocol = port.partition("/")
    return protocol == "udp" and has_ntp_port(numbers, between="-")
