"""Determine which hosts of a site follow each other, at which address and with which key.

A host whose ``time.follows`` names a group uses its servers as sources, with a key that both sides have. Each address
and key id is thus written once.
"""

from collections.abc import Callable, Container, Iterable
from functools import cache

from msgspec.structs import replace

from provision.chrony.ports import NTS_KE_PORT
from provision.common.errors import SiteError
from provision.common.text import nearest, quoted
from provision.keys import AES_BYTES, Key
from provision.keys.reader import KeyReader
from provision.keys.source import KeySource
from provision.site.decode import join
from provision.site.inventory import Inventory, Member
from provision.site.key_source import source_of
from provision.site.levels import setter
from provision.site.nts import CertificateReader
from provision.site.schema import Site
from provision.site.source import Server
from provision.site.text_types import Address, Refused

FIRST_KEY = 1
"""The id of the key that the first deployment generates if there is no key file."""


def followed(inventory: Inventory, member: Member) -> tuple[Member, ...]:
    """Return the servers of the site that a host follows."""
    servers = inventory.servers.get(member.site.time.follows or "", ())
    return tuple(other for other in servers if other is not member)


def asked_with_key(inventory: Inventory, member: Member) -> tuple[Member, ...]:
    """Return the servers of the site that a host follows with a symmetric key; none if it follows them with NTS."""
    if member.site.time.follows_with == "nts":
        return ()
    return followed(inventory, member)


def in_order(inventory: Inventory, chosen: Iterable[Member]) -> tuple[Member, ...]:
    """Return these hosts, followed hosts first. Raises SiteError, also for a fault in another host of the site."""
    wanted = {member.name for member in chosen}
    return tuple(member for member in _all_in_order(inventory) if member.name in wanted)


def _all_in_order(inventory: Inventory) -> Iterable[Member]:
    for member in inventory.members:
        _check_follows(inventory, member)
    timed: dict[str, Member] = {}
    waiting = list(inventory.members)
    while waiting:
        ready = [one for one in waiting if _follows_only(inventory, one, timed)]
        ready = ready or _first_of_circle(inventory, waiting)
        timed |= {one.name: one for one in ready}
        waiting = [one for one in waiting if one.name not in timed]
    return timed.values()


def _follows_only(inventory: Inventory, member: Member, names: Container[str]) -> bool:
    """Return whether a host follows no others than these."""
    return all(other.name in names for other in followed(inventory, member))


def _first_of_circle(inventory: Inventory, waiting: Iterable[Member]) -> list[Member]:
    """Return the first hosts of a circle of followers: those with other sources of time."""
    names = {one.name for other in waiting for one in followed(inventory, other)}
    circle = [one for one in waiting if one.name in names]
    first = [one for one in circle if has_time(one.site)]
    if not first:
        who = ", ".join(one.name for one in circle)
        raise SiteError(f"{inventory.file}: {who}: they follow each other, and none of them has a source or time.local")
    return first


def has_time(site: Site) -> bool:
    """Return whether a host has other sources of time than the hosts that it follows."""
    time = site.time
    named = bool(time.sources) or time.local is not None or any(line.gives_time for line in time.extra)
    return named or (not time.follows and time.sources is None)


def _check_follows(inventory: Inventory, member: Member) -> None:
    group = member.site.time.follows
    if not group:
        return
    level = setter("time.follows", member.levels)
    place = f"{inventory.file}: {join(level.place, 'time.follows')}"
    if group not in inventory.groups:
        raise SiteError(f"{place}: no group {quoted(group)}{nearest(group, inventory.groups)}")
    if not followed(inventory, member) and not has_time(member.site):
        raise SiteError(f"{place}: group {quoted(group)} has no server that {member.place} could follow")


class CommonKeys:
    """Choose the keys with which hosts of an inventory ask the hosts that they follow."""

    def __init__(self, inventory: Inventory, reader: KeyReader) -> None:
        self._inventory = inventory
        self._reader = reader
        self.certificates = CertificateReader()
        # Many hosts share few sources, and each source may have the keys of all devices.
        self._ids = cache(self._in_both)

    def id_for(self, client: Member, server: Member) -> int:
        """Return the id of the key for requests of one host to another. Raises SiteError."""
        mine, theirs = source_of(client.site), source_of(server.site)
        common = self._ids(mine, theirs)
        wanted, place = client.site.keys.use, f"{self._inventory.file}: {client.place}"
        if wanted is not None and wanted not in common:
            raise SiteError(f"{place}: key {wanted} (keys.use) is not in both {mine.name} and {theirs.name}")
        if not common:
            raise SiteError(
                f"{place}: no key in common with {server.name}, which it follows ({mine.name}, {theirs.name})"
            )
        if wanted is None:
            return common[0]
        return wanted

    def _in_both(self, mine: KeySource, theirs: KeySource) -> tuple[int, ...]:
        """Return the ids of the common keys, in order of preference: for hosts, AES, others, keys to be replaced."""
        own, others = self._reader.keys(mine), self._reader.keys(theirs)
        if own is None and mine == theirs:
            return (FIRST_KEY,)
        both = {key.id: key for key in others or ()}
        for key in own or ():
            if key.id in both and key != both[key.id]:
                raise SiteError(
                    f"{self._inventory.file}: key {key.id} is one key in {mine.name}, and another one in {theirs.name}"
                )
        if own is None or others is None:
            return ()
        leaving, for_hosts = own.leaving | others.leaving, own.for_hosts | others.for_hosts

        def rank(key: Key) -> tuple[bool, bool, bool, int]:
            return key.id in leaving, key.id not in for_hosts, key.type not in AES_BYTES, key.id

        return tuple(key.id for key in sorted(own, key=rank) if key.id in both)


def check_keys(inventory: Inventory, common: CommonKeys) -> None:
    """Raise SiteError if a host has no key in common with a host that it follows."""
    for member in inventory.members:
        for server in asked_with_key(inventory, member):
            common.id_for(member, server)


def _server_with_nts(
    inventory: Inventory, member: Member, server: Member, common: CommonKeys, address: Address
) -> Server:
    """Return a source of a host that follows a server with NTS. Raises SiteError."""
    nts = server.site.serve.nts
    if nts is None:
        level = setter("time.follows_with", member.levels)
        place = join(level.place, "time.follows_with")
        raise SiteError(f"{inventory.file}: {place}: {server.name} serves no NTS: it needs serve.nts")
    common.certificates.check_name(nts, address)
    if nts.port == NTS_KE_PORT:
        return Server(address=address, nts=True)
    return Server(address=address, nts=True, ntsport=nts.port)


def resolved(
    inventory: Inventory, member: Member, common: CommonKeys, *, address_of: Callable[[Member], Address]
) -> Site:
    """Return the site of a host, with the hosts that it follows added to its servers. Raises SiteError."""
    time = member.site.time
    if not time.follows:
        return member.site
    others = followed(inventory, member)
    if time.follows_with == "nts":
        servers = tuple(_server_with_nts(inventory, member, one, common, address_of(one)) for one in others)
        authorities = [one.site.serve.nts.authority for one in others if one.site.serve.nts is not None]
        known = (path for path in (*time.trusted_certificates, *authorities) if path is not None)
        time = replace(time, trusted_certificates=tuple(dict.fromkeys(known)))
    else:
        servers = tuple(Server(address=address_of(one), key=common.id_for(member, one)) for one in others)
    try:
        return replace(member.site, time=replace(time, servers=(*servers, *(time.servers or ()))))
    except Refused as error:
        raise SiteError(
            f"{inventory.file}: {member.place}: what it follows and its own time.servers: {error}"
        ) from error
