"""Convert a TOML file to typed tables; a fault is one line with the path of the value.

msgspec finds the faults and their paths; this module rewords its messages for the operator.
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any, TypeVar, get_args

import msgspec
from msgspec.structs import fields

from provision.common.errors import SiteError
from provision.common.text import nearest, quoted
from provision.site.text_types import Refused, check_printable

T = TypeVar("T", bound=msgspec.Struct)

Hook = Callable[[type, Any], Any]
"""A function that converts a value to a type that msgspec does not support; it raises Refused."""
Tree = dict[str, Any]
"""The content of a TOML file or of a table in it."""

_DEEPEST = 20
_NAMES = "a name has letters, digits, - and _ alone; what else is in a host's address stands in its host"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# These two are compiled only after an error, because compiling takes longer than reading a site.
_PLACE = r"(?P<problem>.*?)(?: - at `\$(?P<place>.*)`)?"
_PROBLEM = (
    r"Object contains unknown field `(?P<unknown>.+)`"
    r"|Object missing required field `(?P<missing>.+)`"
    r"|Expected `.+` (?P<relation>[<>]=?) (?P<bound>.+)"
    r"|Expected `(?P<wanted>.+)`, got `(?P<got>.+)`"
    r"|(?P<choice>Invalid enum value) .+"
)
_RELATIONS = {">=": "below", ">": "not above", "<=": "above", "<": "not below"}


def parse(data: bytes, file: str) -> Tree:
    """Return the content of a file. Raises SiteError, ``FILE: PATH: fault``."""
    tree = _parse(data, file)
    try:
        _check_text(tree)
    except Refused as error:
        raise SiteError(f"{file}: {error.key}: {error}") from error
    except RecursionError as error:
        raise SiteError(f"{file}: tables are nested too deeply") from error
    return tree


def convert(tree: Tree, kind: type[T], *, hook: Hook) -> T:
    """Convert parsed content to a table. Raises Refused, with the complete path as its key."""
    try:
        return msgspec.convert(tree, kind, dec_hook=hook)
    except msgspec.ValidationError as error:
        raise _explained(error, tree, kind) from error


def tables(kind: type[msgspec.Struct], place: str = "") -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Yield every possible table of such a file, by its dotted name; the first is the file itself, ``""``."""
    yield place, kind
    for field in fields(kind):
        for inner in _structs(field.type):
            yield from tables(inner, join(place, field.name))


def _structs(kind: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for part in get_args(kind):
        yield from _structs(part)


def _parse(data: bytes, file: str) -> Tree:
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SiteError(f"{file}: is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except RecursionError as error:
        raise SiteError(f"{file}: arrays are nested too deeply") from error
    except ValueError as error:
        # Catch ValueError, not only TOMLDecodeError: int() limits the number of digits.
        raise SiteError(f"{file}: is not TOML: {error}") from error


def _check_text(value: Any, place: str = "", depth: int = 0) -> None:
    """Refuse values that are never valid. Keys that are not bare keys cannot be known ones either."""
    if depth > _DEEPEST:
        raise RecursionError
    match value:
        case dict():
            for key, inner in value.items():
                if not _BARE_KEY.fullmatch(key):
                    raise Refused(_about_key(place), key=join(place, quoted(key)))
                _check_text(inner, join(place, key), depth + 1)
        case list():
            for number, inner in enumerate(value):
                _check_text(inner, f"{place}[{number}]", depth + 1)
        case str():
            try:
                check_printable(value)
            except Refused as error:
                raise Refused(str(error), key=place) from None
        case float() if not isfinite(value):
            raise Refused(f"{value} is no number to work with", key=place)


def _about_key(place: str) -> str:
    """Return the fault of a key in ``place`` that is not a bare key."""
    if place in {"hosts", "groups"}:
        return _NAMES
    return "unknown key"


def join(place: str, key: str) -> str:
    """Return the dotted name of a key in ``place``; ``place`` may be empty."""
    return ".".join(part for part in (place, key) if part)


def _explained(error: msgspec.ValidationError, tree: Tree, kind: type[msgspec.Struct]) -> Refused:
    """Return the fault and its path as Refused."""
    found = re.fullmatch(_PLACE, str(error), re.DOTALL)
    assert found is not None  # noqa: S101 -- the pattern fits any text
    place = (found["place"] or "").lstrip(".")
    if isinstance(error.__cause__, Refused):
        return Refused(str(error.__cause__), key=join(place, error.__cause__.key))
    return _reword(found["problem"], place, tree, kind)


def _reword(problem: str, place: str, tree: Tree, kind: type[msgspec.Struct]) -> Refused:
    """Return a message of msgspec, reworded."""
    found = re.fullmatch(_PROBLEM, problem, re.DOTALL)
    if found is None:
        return Refused(problem, key=place)
    if unknown := found["unknown"]:
        known = dict(tables(kind))[_without_numbers(place)].__struct_fields__
        return Refused(f"unknown key{nearest(unknown, known)}", key=join(place, unknown))
    if missing := found["missing"]:
        return Refused("is missing", key=join(place, missing))
    if found["wanted"]:
        return Refused(f"expected {_toml(found['wanted'])}, got {_toml(found['got'])}", key=place)
    value = _value(tree, place)
    if found["choice"]:
        return Refused(f"{value!r} is none of {', '.join(_choices(kind, place))}", key=place)
    return Refused(f"{value} is {_RELATIONS[found['relation']]} {found['bound'].removesuffix('.0')}", key=place)


def _toml(kind: str) -> str:
    """Return TOML's name for a type of value; TOML has no null."""
    return kind.removesuffix(" | null").replace("object", "table")


def _without_numbers(place: str) -> str:
    return re.sub(r"\[\d+\]", "", place)


def _value(tree: Any, place: str) -> Any:
    for step in re.findall(r"[^.\[\]]+", place):
        if isinstance(tree, list):
            tree = tree[int(step)]
        else:
            tree = tree[step]
    return tree


def _choices(kind: type[msgspec.Struct], place: str) -> list[str]:
    table, _, key = _without_numbers(place).rpartition(".")
    declared = next(field.type for field in fields(dict(tables(kind))[table]) if field.name == key)
    return [str(choice) for choice in _literals(declared)]


def _literals(kind: Any) -> Iterator[object]:
    parts = get_args(kind)
    if not parts and not isinstance(kind, type) and kind is not Ellipsis:
        yield kind
    for part in parts:
        yield from _literals(part)
