"""Parse a line of comma-separated fields, as ``chronyc -c`` prints it."""

import re
from collections.abc import Callable
from typing import TypeVar

from provision.common.errors import ParseError
from provision.common.text import shortened

T = TypeVar("T")
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def parse_line(command: str, line: str, parse: Callable[[list[str]], T]) -> T:
    """Split one line of CSV and parse its fields, which may be wrong in number and type. Raises ParseError."""
    try:
        return parse(line.rstrip("\n").split(","))
    except ValueError as error:
        raise ParseError(f"chronyc {command}: unexpected answer {quoted(line)}") from error


def number(field: str) -> float:
    """Return a decimal number. Raises ValueError for anything else."""
    check(NUMBER.fullmatch(field) is not None)  # float() would also take nan, infinity and 1_000
    return float(field)


def check(understood: bool) -> None:  # noqa: FBT001 -- a check has no other argument
    """Raise ValueError unless the fields are as the parser expects them; :func:`parse_line` reports the line."""
    if not understood:
        raise ValueError


def quoted(text: str) -> str:
    """Return what a program printed for an error message: one line, at most 80 characters."""
    text = text.strip()
    if not text:
        return "(it printed nothing)"
    return repr(shortened(text, 80))
