"""Escape text from hosts and files for output on a terminal or in a log.

Characters that control a terminal (escape sequences, carriage returns, bells) or disguise text (marks that change the
direction of writing, characters without a width) are replaced by an escape such as ``\\x1b`` or ``\\u202e``.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

LONGEST_GUESS = 100
"""The longest name for which a similar one is suggested, in characters."""

MINUS = "\N{MINUS SIGN}"
"""Before a removed thing, beside ``+`` before an added one."""


def shown(text: str) -> str:
    """Return the text with all characters escaped that are not printable, except newlines and tabs."""
    return _escaped(text, keep="\n\t")


def on_one_line(text: str) -> str:
    """Return the text with all characters escaped that are not printable, newlines included."""
    return _escaped(text, keep="")


def in_json(document: str) -> str:
    """Return a JSON document with these characters as JSON escapes; other characters beyond ASCII stay readable."""
    return _escaped(document, keep="\n", escape=lambda char: json.dumps(char)[1:-1])


def _in_python(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _escaped(text: str, keep: str, escape: Callable[[str], str] = _in_python) -> str:
    if text.isprintable():
        return text
    characters = list(text)
    for place, char in enumerate(characters):
        if not char.isprintable() and char not in keep:
            characters[place] = escape(char)
    return "".join(characters)


def shortened(text: str, most: int) -> str:
    """Return at most ``most`` characters of a text; an ellipsis marks the cut."""
    if len(text) <= most:
        return text
    return f"{text[: most - 3]}..."


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table with aligned columns; each row has as many cells as the others."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def quoted(text: str) -> str:
    """Return a value for an error message: quoted, on one line, at most 60 characters."""
    return repr(shortened(str(text), 60))


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``; did you mean 'iburst'?``, or an empty string if no name is similar."""
    from difflib import get_close_matches  # noqa: PLC0415 -- needed for errors only, and as slow to import as msgspec

    if len(name) > LONGEST_GUESS:
        # The time of the comparison grows with the product of both lengths.
        return ""
    return "".join(f"; did you mean {quoted(match)}?" for match in get_close_matches(name, names, n=1))


def seconds_text(seconds: float) -> str:
    """Return a duration or an offset in the unit that fits it: ``1.2 ms``, ``-4 µs``, ``86400 s``."""
    nanoseconds = round(seconds * 1e9)
    if abs(nanoseconds) < 1000:
        return f"{nanoseconds} ns"
    for factor, unit in ((1e6, "µs"), (1e3, "ms"), (1, "s")):
        value = seconds * factor
        # From 999.5 on, three digits would be 1e+03.
        if abs(value) < 999.5:
            return f"{value:.3g} {unit}"
    return f"{seconds:.0f} s"


def discard(_: str) -> None:
    """Ignore a message."""
