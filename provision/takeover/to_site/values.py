"""Make values of a site file from the words of a line, and say why the site file refuses them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec.structs import fields

from provision.chrony.statement import Statement
from provision.common.errors import SiteError
from provision.site.decode import Tree
from provision.site.directive import line_faults
from provision.site.read import to_table
from provision.site.source import Table


def scalar(word: str) -> Any:
    """Return the number in a word, or the word itself."""
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def options_of(words: Iterable[str], kind: type[Table]) -> tuple[Tree, list[str]]:
    """Return the options with a key of their own, and the words of all others."""
    types = {declared.name: declared.type for declared in fields(kind)}
    left = list(words)
    found: Tree = {}
    others: list[str] = []
    while left:
        word = left.pop(0)
        name = word.lower()
        if name in {"address", "options"} or name not in types:
            others.append(word)
        elif types[name] is bool:
            found[name] = True
        elif left:
            found[name] = scalar(left.pop(0))
        else:
            others.append(word)
    return found, others


def fault_of(tree: Tree, kind: type[Table]) -> str | None:
    """Return why the site file refuses a table; None if it takes it."""
    try:
        to_table(tree, kind, Path("site.toml"), place=str)
    except SiteError as error:
        return str(error).removeprefix("site.toml: ").removeprefix(": ")
    except UnicodeEncodeError:
        return "has bytes that are no UTF-8"
    return None


def fault_of_release(statement: Statement, chrony: str) -> str | None:
    """Return why a release of chrony refuses a line; None if it takes it."""
    return next(line_faults(statement.text, chrony), None)
