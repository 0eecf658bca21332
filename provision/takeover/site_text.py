"""Write the text of a site file, as a person would: tables in the order of docs/site.md, defaults left out."""

from collections.abc import Iterable, Iterator

from provision.site.decode import Tree
from provision.site.toml_text import toml_value

_WIDTH = 100
"""Arrays that are longer than this in one line have a line for each value."""


def site_text(tree: Tree, heading: Iterable[str] = ()) -> str:
    """Return a tree as TOML; each line of the heading is a comment."""
    blocks = ["".join(f"# {line}".rstrip() + "\n" for line in heading)]
    blocks += ["".join(f"{line}\n" for line in block) for block in _blocks(tree, "")]
    return "\n".join(block for block in blocks if block)


def _blocks(table: Tree, name: str) -> Iterator[list[str]]:
    """Yield the lines of a table and of each table in it."""
    plain = {key: value for key, value in table.items() if not _is_block(key, value, name)}
    if plain:
        head = [f"[{name}]"] if name else []
        yield head + _entries(plain)
    for key, value in table.items():
        if key in plain:
            continue
        inner = f"{name}.{key}" if name else key
        if isinstance(value, dict):
            yield from _blocks(value, inner)
            continue
        for one in value:
            yield [f"[[{inner}]]", *_entries(one)]


def _entries(table: Tree) -> list[str]:
    return [f"{key} = {toml_value(value, width=_WIDTH)}" for key, value in table.items()]


def _is_block(key: str, value: object, name: str) -> bool:
    """Return whether a value has a heading of its own, and does not stand on one line."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, dict) for one in value)
    if not isinstance(value, dict):
        return False
    if name == "hosts":
        return any(isinstance(inner, dict) for inner in value.values())
    return key not in {"local", "makestep"}
