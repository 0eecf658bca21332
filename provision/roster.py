"""The hosts of a site, and what each of them resolves to.

A host has its values from three levels of the site file, each before the one in front of it: what stands outside of
``[groups]`` and ``[hosts]``, its group, and itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from provision.errors import SiteError
from provision.site import Site, read_tree, to_table
from provision.site.decode import Tree
from provision.site.levels import Level, merged, setter, settings
from provision.site.source import Table
from provision.site.values import Address, Refused, nearest, quoted
from provision.target import Target, parse_target


class Entry(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``[hosts.NAME]`` has beside values of its own."""

    group: str | None = None
    host: str | None = None
    address: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A host of a site."""

    name: str
    group: str | None
    target: Target
    address: Address | None
    """At which others ask it for time; None: nobody can tell yet."""
    site: Site
    levels: tuple[Level, ...]

    def settings(self) -> Iterator[tuple[str, Any, Level]]:
        """Yield each key that is set, its value, and the level of the file that has set it."""
        yield from settings(self.levels)

    @property
    def place(self) -> str:
        """Return where it stands in the file."""
        return f"hosts.{self.name}"


@dataclass(frozen=True, kw_only=True)
class Roster:
    """The hosts of a site file, in its order; there may be 10,000, so nothing asks about all pairs of them."""

    file: str
    defaults: Site
    members: tuple[Member, ...] = ()
    groups: tuple[str, ...] = ()

    @cached_property
    def servers(self) -> Mapping[str, Sequence[Member]]:
        """Return the servers of each group, in order."""
        found: dict[str, list[Member]] = defaultdict(list)
        for member in self.members:
            if member.group is not None and member.site.serve.role == "server":
                found[member.group].append(member)
        return found

    def choose(
        self, wanted: Iterable[str], *, limit: Iterable[str] = (), exclude: Iterable[str] = ()
    ) -> tuple[Member, ...]:
        """Return the hosts that are named, by themselves or by their group; all, where none is. Raises SiteError."""
        names = [self._names("--host", one) for one in wanted]
        chosen = {name for some in names for name in some} if names else {member.name for member in self.members}
        limits = [self._names("--limit", one) for one in limit]
        kept = {name for some in limits for name in some}
        left = {name for one in exclude for name in self._names("--exclude", one)}
        members = tuple(
            member
            for member in self.members
            if member.name in chosen and (member.name in kept or not limits) and member.name not in left
        )
        if not members:
            raise SiteError(f"{self.file}: no host is left to do it on")
        return members

    def _names(self, option: str, wanted: str) -> list[str]:
        found = [member.name for member in self.members if wanted in {member.name, member.group}]
        if not found and wanted not in self.groups:
            known = [*(member.name for member in self.members), *self.groups]
            raise SiteError(f"{option} {wanted}: no host or group of {self.file}{nearest(wanted, known)}")
        return found


def read_roster(path: Path | None) -> Roster:
    """Read a site file; None is the default site, which has no hosts. Raises SiteError."""
    if path is None:
        return Roster(file="the default site", defaults=Site())
    tree = dict(read_tree(path))
    groups, hosts = (_tables(tree.pop(name, {}), name, path) for name in ("groups", "hosts"))
    bottom = Level("", tree)
    defaults = _site((bottom,), path)
    for name in groups.keys() & hosts.keys():
        raise SiteError(f"{path}: hosts.{name}: there is a group of this name; give one of them another")
    members = tuple(_member(name, table, bottom, groups, path) for name, table in hosts.items())
    for name in groups.keys() - {member.group for member in members}:
        _site((bottom, Level(f"groups.{name}", groups[name])), path)
    if defaults.time.follows and not members:
        raise SiteError(f"{path}: time.follows: no host stands in this file, and so no server to follow")
    for member in members:
        builder = member.site.rollout.builder
        if builder is not None and builder not in hosts:
            where = setter("rollout.builder", member.levels).place
            place = f"{where}.rollout.builder" if where else "rollout.builder"
            raise SiteError(f"{path}: {place}: no host {quoted(builder)}{nearest(builder, hosts)}")
    roster = Roster(file=str(path), defaults=defaults, members=members, groups=tuple(groups))
    _check_places(roster)
    return roster


def _tables(value: Any, name: str, path: Path) -> Mapping[str, Tree]:
    for key, table in (value if isinstance(value, dict) else {name: value}).items():
        if not isinstance(table, dict):
            place = f"{name}.{key}" if isinstance(value, dict) else name
            raise SiteError(f"{path}: {place}: expected table")
    return value  # type: ignore[no-any-return] # it was checked just now


def _member(name: str, table: Tree, bottom: Level, groups: Mapping[str, Tree], path: Path) -> Member:
    place = f"hosts.{name}"
    own = {key: value for key, value in table.items() if key in Entry.__struct_fields__}
    known = (*Entry.__struct_fields__, *Site.__struct_fields__)
    for key in table.keys() - set(known):
        raise SiteError(f"{path}: {place}.{key}: unknown key{nearest(key, known)}")
    entry = to_table(own, Entry, path, place=lambda key: f"{place}.{key}")
    if entry.group is not None and entry.group not in groups:
        raise SiteError(f"{path}: {place}.group: no group {quoted(entry.group)}{nearest(entry.group, groups)}")
    levels = (
        bottom,
        *((Level(f"groups.{entry.group}", groups[entry.group]),) if entry.group else ()),
        Level(place, {key: value for key, value in table.items() if key not in own}),
    )
    target = parse_target(entry.host or name, origin=f"{path}: {place}.host:")
    return Member(
        name=name,
        group=entry.group,
        target=replace(target, text=name),
        address=entry.address or _address(target),
        site=_site(levels, path),
        levels=levels,
    )


def _address(target: Target) -> Address | None:
    # What only ssh understands may be the name of a host that nobody asks.
    with suppress(Refused):
        return Address(target.address) if target.address else None
    return None


def _site(levels: tuple[Level, ...], path: Path) -> Site:
    """Return what the levels make of a host; an error is at the level that has set the value."""

    def place(key: str) -> str:
        level = setter(key, levels)
        where = f"{level.place}.{key}" if level.place else key
        return where if level is levels[-1] else f"{where} (as {levels[-1].place} has it)"

    return to_table(merged(levels), Site, path, place=place)


def _check_places(roster: Roster) -> None:
    """Refuse hosts that are one and the same."""
    places: dict[object, str] = {}
    for member in roster.members:
        target = member.target
        reached = (target.kind, target.address.lower(), target.port, target.sandbox)
        serves = member.address is not None and member.site.serve.role == "server"
        asked = member.address.identity if member.address and serves else (member.name,)
        for key, what in ((reached, "host"), (asked, "address")):
            if (other := places.setdefault(key, member.name)) != member.name:
                raise SiteError(f"{roster.file}: {member.place}.{what}: is that of hosts.{other}, too")
