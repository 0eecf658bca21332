"""Defaults, group and host: the levels of a site file, from which what holds for a host is put together."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from provision.site.decode import Tree, join

KEY_SOURCES = {"file", "command"}
"""Of the table keys, what takes the place of the other."""


@dataclass(frozen=True, slots=True)
class Level:
    """A part of the file that says something of a host."""

    place: str
    """``groups.servers``, ``hosts.ntp1``, or nothing for what stands outside of both."""
    tree: Tree

    def __str__(self) -> str:
        kind, _, name = self.place.partition(".")
        return f"{kind.removesuffix('s')} {name}" if name else "defaults"


def merged(levels: tuple[Level, ...]) -> Tree:
    """Return what the levels say together: tables are merged, of all other values the last one counts."""
    whole: Tree = {}
    for level in levels:
        whole = _merge(_without_source(whole, level.tree), level.tree)
    return whole


def _without_source(below: Tree, above: Tree) -> Tree:
    """Return a level without what says where the keys come from, when the one above says it in either way."""
    there, new = below.get("keys"), above.get("keys")
    if not (isinstance(there, dict) and isinstance(new, dict) and KEY_SOURCES & new.keys()):
        return below
    return {**below, "keys": {name: value for name, value in there.items() if name not in KEY_SOURCES}}


def _merge(below: Tree, above: Tree) -> Tree:
    both = {
        key: _merge(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in above.items()
    }
    return {**below, **both}


def settings(levels: tuple[Level, ...]) -> Iterator[tuple[str, Any, Level]]:
    """Yield the dotted name of each value that is set, the value, and the level that has set it."""
    for key, value in _values(merged(levels)):
        yield key, value, setter(key, levels)


def _values(tree: Tree, place: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        # An empty table says something, too.
        if isinstance(value, dict) and value:
            yield from _values(value, join(place, key))
        else:
            yield join(place, key), value


def setter(place: str, levels: tuple[Level, ...]) -> Level:
    """Return the level that has set a value, or else most of the tables that it would stand in."""
    # Arrays are not merged: who has set one has set all that is in it.
    steps = place.partition("[")[0].split(".")
    return max(reversed(levels), key=lambda level: _depth(steps, level.tree))


def _depth(steps: list[str], tree: Any) -> int:
    """Return how many steps of a path lead to something."""
    depth = 0
    for step in steps:
        if not isinstance(tree, dict) or step not in tree:
            break
        tree = tree[step]
        depth += 1
    return depth
