"""Write the text of a site file, as a person would: tables in the order of docs/site.md, defaults left out."""

import json
from collections.abc import Iterable, Iterator

from provision.site.decode import Tree

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
        yield head + [f"{key} = {_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if key in plain:
            continue
        inner = f"{name}.{key}" if name else key
        if isinstance(value, dict):
            yield from _blocks(value, inner)
            continue
        for one in value:
            yield [f"[[{inner}]]", *(f"{option} = {_value(setting)}" for option, setting in one.items())]


def _is_block(key: str, value: object, name: str) -> bool:
    """Return whether a value has a heading of its own, and does not stand on one line."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, dict) for one in value)
    if not isinstance(value, dict):
        return False
    if name == "hosts":
        return any(isinstance(inner, dict) for inner in value.values())
    return key not in {"local", "makestep"}


def _value(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            # TOML and JSON have the same escapes.
            return json.dumps(value, ensure_ascii=False)
        case list():
            return _array([_value(one) for one in value])
        case dict():
            inner = ", ".join(f"{key} = {_value(one)}" for key, one in value.items())
            return f"{{ {inner} }}" if inner else "{}"
    return str(value)


def _array(values: list[str]) -> str:
    line = f"[{', '.join(values)}]"
    if len(line) <= _WIDTH:
        return line
    return "[\n" + "".join(f"    {value},\n" for value in values) + "]"
