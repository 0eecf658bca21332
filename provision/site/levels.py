"""Merge the levels of a site file: defaults, group and host."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from provision.site.decode import Tree, join

KEY_SOURCES = {"file", "command"}
"""Keys of the table ``keys`` that exclude each other."""


@dataclass(frozen=True, slots=True)
class Level:
    """Hold the part of the file that belongs to one level."""

    place: str
    """``groups.servers``, ``hosts.ntp1``, or empty for the defaults."""
    tree: Tree

    def __str__(self) -> str:
        kind, _, name = self.place.partition(".")
        if not name:
            return "defaults"
        return f"{kind.removesuffix('s')} {name}"


def merged(levels: tuple[Level, ...]) -> Tree:
    """Return the merged levels: tables are merged; the last level with any other value sets it."""
    whole: Tree = {}
    for level in levels:
        whole = _merge(_without_source(whole, level.tree), level.tree)
    return whole


def _without_source(below: Tree, above: Tree) -> Tree:
    """Return a level without its key source if the level above it has one."""
    there, new = below.get("keys"), above.get("keys")
    if not (isinstance(there, dict) and isinstance(new, dict) and KEY_SOURCES & new.keys()):
        return below
    return {**below, "keys": {name: value for name, value in there.items() if name not in KEY_SOURCES}}


def _merge(below: Tree, above: Tree) -> Tree:
    both = dict(below)
    for key, value in above.items():
        lower = below.get(key)
        if isinstance(value, dict) and isinstance(lower, dict):
            both[key] = _merge(lower, value)
        else:
            both[key] = value
    return both


def settings(levels: tuple[Level, ...]) -> Iterator[tuple[str, Any, Level]]:
    """Yield the dotted name of each value that is set, the value, and the level that sets it."""
    for key, value in _values(merged(levels)):
        yield key, value, setter(key, levels)


def _values(tree: Tree, place: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        # An empty table is a value too.
        if isinstance(value, dict) and value:
            yield from _values(value, join(place, key))
        else:
            yield join(place, key), value


def setter(place: str, levels: tuple[Level, ...]) -> Level:
    """Return the level that sets a value, or the one with the largest part of its path."""
    # Arrays are not merged: the level that sets one sets all of its values.
    steps = place.partition("[")[0].split(".")
    return max(reversed(levels), key=lambda level: _depth(steps, level.tree))


def _depth(steps: list[str], tree: Any) -> int:
    """Return the number of steps of a path that exist."""
    depth = 0
    for step in steps:
        if not isinstance(tree, dict) or step not in tree:
            break
        tree = tree[step]
        depth += 1
    return depth
