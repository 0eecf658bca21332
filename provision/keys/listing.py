"""The keys of a file as a table: what is known of each, and never the key."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from provision.keys import Key, Keys
from provision.keys.note import Note

HEAD = ("id", "type", "fingerprint", "age", "role", "used by", "label")
UNKNOWN = "-"


def listing(keys: Keys, notes: Mapping[int, Note], users: Mapping[int, Sequence[str]], today: date) -> Iterator[str]:
    """Yield the lines of the table; ``users`` are the hosts of the site that ask with a key, by its id."""
    rows = [HEAD, *(_row(key, notes.get(key.id), users.get(key.id, ()), today) for key in keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(key: Key, note: Note | None, users: Sequence[str], today: date) -> tuple[str, ...]:
    return (
        str(key.id),
        key.type,
        key.fingerprint or UNKNOWN,
        f"{note.days(today)} days" if note else UNKNOWN,
        "machine" if users else "device",
        ", ".join(users) or UNKNOWN,
        note.label if note else "",
    )
