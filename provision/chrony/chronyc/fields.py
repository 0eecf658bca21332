"""Parse a line of comma-separated fields, as ``chronyc -c`` prints it."""

import re
from collections.abc import Callable
from typing import TypeVar

from provision.common.errors import ParseError
from provision.common.text import shortened

T = TypeVar("T")
NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?")
"""No number of chronyc has more digits; of hundreds of them, float() would make infinity."""
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,20}")
LARGEST = 2**64 - 1
"""That chronyc prints."""
REFERENCE_ID_LENGTH = 4
"""Characters of the longest name of a reference clock (chrony.conf(5), ``refid``)."""
LARGEST_STRATUM = 255
"""Of a field with 8 bits (RFC 5905)."""


def parse_line(command: str, line: str, parse: Callable[[list[str]], T]) -> T:
    """Split one line of CSV and parse its fields, which may be wrong in number and type. Raises ParseError."""
    try:
        return parse(line.rstrip("\n").split(","))
    except ValueError as error:
        raise ParseError(f"chronyc {command}: unexpected answer {quoted(line)}") from error


def with_whole_name(fields: list[str], number_of_fields: int, place: int) -> list[str]:
    """Return the fields of a line with the name of a source, at ``place`` counted from 0, as one field.

    chronyc does not quote the name of a reference clock (``refid``), which may have commas. A line that has another
    number of fields for another reason is returned unchanged.
    """
    commas = len(fields) - number_of_fields
    if not 0 < commas <= REFERENCE_ID_LENGTH:
        return fields
    end = place + commas + 1
    return [*fields[:place], ",".join(fields[place:end]), *fields[end:]]


def has_fields(answer: str) -> bool:
    """Return whether chronyc answered with fields; an error has none, such as ``501 Not authorised``."""
    return "," in answer


def number(field: str) -> float:
    """Return a decimal number. Raises ValueError for anything else."""
    check(NUMBER.fullmatch(field) is not None)  # float() would also take nan, infinity and 1_000
    return float(field)


def whole_number(field: str, *, least: int = 0, most: int = LARGEST) -> int:
    """Return an integer in a range. Raises ValueError for anything else."""
    check(WHOLE_NUMBER.fullmatch(field) is not None)  # int() would also take " 7", 1_000 and digits of other scripts
    value = int(field)
    check(least <= value <= most)
    return value


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
