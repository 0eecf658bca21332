"""Read the hosts of a site and merge the settings of each of them.

The settings of a host come from three levels of the site file: the defaults outside of ``[groups]`` and ``[hosts]``,
its group, and the host itself. Each level overrides the previous ones.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from provision.common.errors import SiteError
from provision.common.text import nearest, quoted
from provision.host.target import Target, parse_target
from provision.site.decode import Tree, join
from provision.site.levels import Level, merged, setter, settings
from provision.site.read import read_tree, to_table
from provision.site.schema import Site
from provision.site.source import Table
from provision.site.text_types import Address, Refused


class Entry(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the keys of ``[hosts.NAME]`` that are not settings."""

    group: str | None = None
    host: str | None = None
    address: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Hold one host of a site."""

    name: str
    group: str | None
    target: Target
    address: Address | None
    """The address for NTP clients, or None if it is not known yet."""
    site: Site
    levels: tuple[Level, ...]

    def settings(self) -> Iterator[tuple[str, Any, Level]]:
        """Yield each key that is set, its value, and the level of the file that sets it."""
        yield from settings(self.levels)

    @property
    def place(self) -> str:
        """Return the host's position in the file."""
        return f"hosts.{self.name}"


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Hold the hosts of a site file, in its order. There may be 10,000 hosts, so no operation compares all pairs."""

    file: str
    defaults: Site
    levels: tuple[Level, ...] = ()
    """The level of the defaults; none without a file."""
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
        """Return the hosts that are named directly or by their group, or all if none is named. Raises SiteError."""
        every = {member.name for member in self.members}
        chosen = self._selected("--host", wanted, default=every)
        chosen &= self._selected("--limit", limit, default=every)
        chosen -= self._selected("--exclude", exclude, default=set())
        members = tuple(member for member in self.members if member.name in chosen)
        if not members:
            raise SiteError(f"{self.file}: no host is left to do it on")
        return members

    def _selected(self, option: str, wanted: Iterable[str], *, default: set[str]) -> set[str]:
        """Return the names of the hosts that an option selects, or ``default`` if the option is not given."""
        names = [self._names(option, one) for one in wanted]
        if not names:
            return set(default)
        return {name for some in names for name in some}

    @cached_property
    def _named(self) -> Mapping[str, list[str]]:
        """Return the hosts that each name of a host or group selects."""
        found: dict[str, list[str]] = defaultdict(list)
        for member in self.members:
            for name in {member.name, member.group} - {None}:
                found[str(name)].append(member.name)
        return dict(found)

    def _names(self, option: str, wanted: str) -> list[str]:
        found = self._named.get(wanted, [])
        if not found and wanted not in self.groups:
            known = [*(member.name for member in self.members), *self.groups]
            raise SiteError(f"{option} {wanted}: no host or group of {self.file}{nearest(wanted, known)}")
        return found


def read_inventory(path: Path | None) -> Inventory:
    """Read a site file; None is the default site, without hosts. Raises SiteError."""
    if path is None:
        return Inventory(file="the default site", defaults=Site())
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
            place = join(where, "rollout.builder")
            raise SiteError(f"{path}: {place}: no host {quoted(builder)}{nearest(builder, hosts)}")
    _check_ways_to_follow(members, (bottom, *(Level(f"groups.{name}", table) for name, table in groups.items())), path)
    inventory = Inventory(file=str(path), defaults=defaults, levels=(bottom,), members=members, groups=tuple(groups))
    _check_places(inventory)
    return inventory


def _tables(value: Any, name: str, path: Path) -> Mapping[str, Tree]:
    if not isinstance(value, dict):
        raise SiteError(f"{path}: {name}: expected table")
    for key, table in value.items():
        if not isinstance(table, dict):
            raise SiteError(f"{path}: {name}.{key}: expected table")
    return value


def _member(name: str, table: Tree, bottom: Level, groups: Mapping[str, Tree], path: Path) -> Member:
    place = f"hosts.{name}"
    own = {key: value for key, value in table.items() if key in Entry.__struct_fields__}
    known = (*Entry.__struct_fields__, *Site.__struct_fields__)
    for key in table.keys() - set(known):
        raise SiteError(f"{path}: {place}.{key}: unknown key{nearest(key, known)}")
    entry = to_table(own, Entry, path, place=lambda key: f"{place}.{key}")
    if entry.group is not None and entry.group not in groups:
        raise SiteError(f"{path}: {place}.group: no group {quoted(entry.group)}{nearest(entry.group, groups)}")
    levels: tuple[Level, ...] = (bottom,)
    if entry.group:
        levels += (Level(f"groups.{entry.group}", groups[entry.group]),)
    levels += (Level(place, {key: value for key, value in table.items() if key not in own}),)
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
    if not target.address:
        return None
    # A name that only ssh can resolve is valid for a host without clients.
    with suppress(Refused):
        return Address(target.address)
    return None


def _site(levels: tuple[Level, ...], path: Path) -> Site:
    """Return the merged site of a host; an error names the level that sets the value."""

    def place(key: str) -> str:
        level = setter(key, levels)
        where = join(level.place, key)
        if level is levels[-1]:
            return where
        return f"{where} (as {levels[-1].place} has it)"

    return to_table(merged(levels), Site, path, place=place)


def _check_ways_to_follow(members: Sequence[Member], common: Sequence[Level], path: Path) -> None:
    """Refuse a level that sets ``time.follows_with`` for no host that follows; ``common``: defaults and groups."""
    levels = {level.place: level for level in common}
    following: set[str] = set()
    for member in members:
        levels |= {level.place: level for level in member.levels}
        if member.site.time.follows:
            following |= {level.place for level in member.levels}
    for place, level in levels.items():
        if _sets(level, "time", "follows_with") and place not in following:
            where = join(place, "time.follows_with")
            raise SiteError(f"{path}: {where}: no host has time.follows there: set that, or remove this line")


def _sets(level: Level, table: str, key: str) -> bool:
    values = level.tree.get(table)
    return isinstance(values, dict) and key in values


def _check_places(inventory: Inventory) -> None:
    """Refuse two hosts with the same address."""
    places: dict[object, str] = {}
    for member in inventory.members:
        target = member.target
        reached = (target.kind, target.address.lower(), target.port, target.sandbox)
        asked: object = (member.name,)
        if member.address is not None and member.site.serve.role == "server":
            asked = member.address.identity
        for key, what in ((reached, "host"), (asked, "address")):
            if (other := places.setdefault(key, member.name)) != member.name:
                raise SiteError(f"{inventory.file}: {member.place}.{what}: is that of hosts.{other}, too")
