"""Who of a site follows whom, where, and with which key.

A host whose ``time.follows`` names a group asks the servers of that group, with a key that both have; so an address and
a key id are written once.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

from msgspec.structs import replace

from provision.errors import SiteError
from provision.keys import AES_BYTES, Key, Keys
from provision.roster import Member, Roster
from provision.site import Site
from provision.site.levels import setter
from provision.site.source import Server
from provision.site.values import Address, Refused, nearest, quoted

FIRST_KEY = 1
"""The id of the key that the first deployment makes, where there is no key file yet."""


def followed(roster: Roster, member: Member) -> tuple[Member, ...]:
    """Return the servers of the site that a host follows."""
    servers = roster.servers.get(member.site.time.follows or "", ())
    return tuple(other for other in servers if other is not member)


def in_order(roster: Roster, chosen: Iterable[Member]) -> tuple[Member, ...]:
    """Return these hosts of a site, those that are followed first. Raises SiteError, whoever of the site is wrong."""
    wanted = {member.name for member in chosen}
    return tuple(member for member in _all_in_order(roster) if member.name in wanted)


def _all_in_order(roster: Roster) -> Iterable[Member]:
    for member in roster.members:
        _check_follows(roster, member)
    timed: dict[str, Member] = {}
    waiting = list(roster.members)
    while waiting:
        ready = [one for one in waiting if all(other.name in timed for other in followed(roster, one))]
        ready = ready or _first_of_circle(roster, waiting)
        timed |= {one.name: one for one in ready}
        waiting = [one for one in waiting if one.name not in timed]
    return timed.values()


def _first_of_circle(roster: Roster, waiting: Iterable[Member]) -> list[Member]:
    """Return those who begin where hosts follow each other: who has the time from elsewhere."""
    names = {one.name for other in waiting for one in followed(roster, other)}
    circle = [one for one in waiting if one.name in names]
    first = [one for one in circle if has_time(one.site)]
    if not first:
        who = ", ".join(one.name for one in circle)
        raise SiteError(f"{roster.file}: {who}: they follow each other, and none of them has a source or time.local")
    return first


def has_time(site: Site) -> bool:
    """Say whether a host has the time from elsewhere than from those that it follows."""
    time = site.time
    named = bool(time.sources) or time.local is not None or any(line.gives_time for line in time.extra)
    return named or (not time.follows and time.sources is None)


def _check_follows(roster: Roster, member: Member) -> None:
    group = member.site.time.follows
    if not group:
        return
    level = setter("time.follows", member.levels)
    place = f"{roster.file}: {level.place}.time.follows" if level.place else f"{roster.file}: time.follows"
    if group not in roster.groups:
        raise SiteError(f"{place}: no group {quoted(group)}{nearest(group, roster.groups)}")
    if not followed(roster, member) and not has_time(member.site):
        raise SiteError(f"{place}: group {quoted(group)} has no server that {member.place} could follow")


KeysOf = Callable[[Member], tuple[str, Keys | None]]
"""The name of a host's key file, and what is in it; None: it is to be made."""


def check_keys(roster: Roster, keys_of: KeysOf) -> None:
    """Refuse hosts that have no key in common with those that they follow. Raises SiteError."""
    for member in roster.members:
        for server in followed(roster, member):
            common_key(roster, member, server, keys_of)


def resolved(roster: Roster, member: Member, *, address_of: Callable[[Member], Address], keys_of: KeysOf) -> Site:
    """Return the site of a host, with those that it follows among its servers. Raises SiteError."""
    time = member.site.time
    if not time.follows:
        return member.site
    servers = tuple(
        Server(address=address_of(one), key=common_key(roster, member, one, keys_of))
        for one in followed(roster, member)
    )
    try:
        time = replace(time, servers=(*servers, *(time.servers or ())))
    except Refused as error:
        raise SiteError(f"{roster.file}: {member.place}: what it follows and its own time.servers: {error}") from error
    return replace(member.site, time=time)


def common_key(roster: Roster, client: Member, server: Member, keys_of: KeysOf) -> int:
    """Return the id of the key with which a host asks another one. Raises SiteError."""
    (mine, own), (theirs, others) = keys_of(client), keys_of(server)
    common = (FIRST_KEY,) if mine == theirs and own is None else _in_both(roster.file, mine, own, theirs, others)
    wanted = client.site.keys.use
    if wanted is not None and wanted not in common:
        raise SiteError(f"{roster.file}: {client.place}: key {wanted} (keys.use) is not in both {mine} and {theirs}")
    if not common:
        raise SiteError(
            f"{roster.file}: {client.place}: no key in common with {server.name}, which it follows ({mine}, {theirs})"
        )
    return common[0] if wanted is None else wanted


@lru_cache(maxsize=64)
def _in_both(file: str, mine: str, own: Keys | None, theirs: str, others: Keys | None) -> tuple[int, ...]:
    """Return the ids of the keys in two files, the best first: those for hosts, then AES; at last those that leave."""
    # Cached: many hosts, few files, and each may have the keys of all devices.
    both = {key.id: key for key in others or ()}
    for key in own or ():
        if key.id in both and key != both[key.id]:
            raise SiteError(f"{file}: key {key.id} is one key in {mine}, and another one in {theirs}")
    if own is None or others is None:
        return ()
    leaving, for_hosts = own.leaving | others.leaving, own.for_hosts | others.for_hosts

    def rank(key: Key) -> tuple[bool, bool, bool, int]:
        return key.id in leaving, key.id not in for_hosts, key.type not in AES_BYTES, key.id

    return tuple(key.id for key in sorted(own, key=rank) if key.id in both)
