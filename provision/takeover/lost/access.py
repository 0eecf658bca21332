"""Compare who may ask for time, and who may send commands."""

from collections.abc import Iterable, Iterator, Sequence

from provision.chrony.access import Access, Network
from provision.chrony.access_rules import NTP, AccessRules, opens_ipv6, widened
from provision.chrony.statement import Statement
from provision.common.errors import ParseError
from provision.common.results import Loss
from provision.takeover.lost.lines import address_of, named

NTP_PORTS = {"0", "123"}

MOST_NETWORKS = 4


def access_losses(old: Sequence[Statement], new: Sequence[Statement]) -> Iterator[Loss]:
    """Yield the clients that are no longer served, and those that are served in addition."""
    try:
        before = AccessRules.of(old)
    except ParseError as error:
        yield Loss(id="configuration", was=f"access that cannot be compared: {error}")
        return
    after = AccessRules.of(new)
    was, now = _serves(old, before), _serves(new, after)
    places = [statement.place for statement in named(old, tuple(NTP))]
    place = "".join(places[:1])
    if now and not was:
        yield Loss(id="server.opens", was="", now=f"an NTP server for {_in_words(after.allowed)}")
    if was and not now:
        yield Loss(id="server.closes", was=f"an NTP server for {before.in_words()}", place=place)
    if not (was and now):
        return
    yield from _other_port(old)
    if _beyond_loopback(widened(before, after)):
        now_served = f"access for {after.in_words()}"
        yield Loss(id="access.wider", was=f"access for {before.in_words()}", now=now_served, place=place)
    if opens_ipv6(before, after):
        yield Loss(id="ipv6.opens", was="access for IPv4 alone", now="also IPv6", place=place)
    if closed := _beyond_loopback(widened(after, before)):
        yield Loss(id="access.narrower", was=f"access for {_in_words(closed)}", place=place)
    for rule in before.host_names:
        if rule.statement.text not in {other.statement.text for other in after.host_names}:
            yield Loss(id="access.host-name", was=rule.statement.text, place=rule.statement.place)


def _other_port(old: Sequence[Statement]) -> Iterator[Loss]:
    for port in named(old, ("port",)):
        if "".join(port.arguments[:1]) not in NTP_PORTS:
            yield Loss(id="directive", was=port.text, now="port 123", place=port.place)


def remote_command_losses(old: Sequence[Statement]) -> Iterator[Loss]:
    """Yield the addresses at which chronyd takes commands of other hosts; a deployment has the socket and loopback."""
    if not any(named(old, ("cmdallow",))):
        return
    for statement in named(old, ("bindcmdaddress",)):
        address = address_of(statement)
        if address and not address.startswith("/") and address != "::1" and not address.startswith("127."):
            yield Loss(id="directive", was=statement.text, place=statement.place)


def _serves(conf: Sequence[Statement], access: AccessRules) -> bool:
    """Return whether a chronyd with this configuration answers NTP clients on other hosts."""
    ports = [statement.arguments[:1] for statement in named(conf, ("port",))]
    if ports and ports[-1] == ("0",):
        return False
    return bool(_beyond_loopback(access.allowed)) or any(rule.allows for rule in access.host_names)


def _beyond_loopback(networks: Iterable[Network]) -> tuple[Network, ...]:
    return tuple(network for network in networks if not network.is_loopback)


def _in_words(networks: tuple[Network, ...]) -> str:
    """Return the networks; of a network with a gap, the many parts that are left are not all named."""
    if len(networks) > MOST_NETWORKS:
        first = ", ".join(map(str, networks[:MOST_NETWORKS]))
        return f"{first} and {len(networks) - MOST_NETWORKS} more networks"
    return Access(networks).in_words()
