"""List the keys of a file as a table, without their secrets."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from provision.common.text import aligned
from provision.keys import Key, Keys
from provision.keys.note import Note

HEAD = ("id", "type", "fingerprint", "age", "role", "used by", "label")
UNKNOWN = "-"


def listing(keys: Keys, notes: Mapping[int, Note], users: Mapping[int, Sequence[str]], today: date) -> Iterator[str]:
    """Yield the lines of the table; ``users`` are the hosts of the site that use a key, by its id."""
    rows = [HEAD, *(_row(key, notes.get(key.id), users.get(key.id, ()), today) for key in keys)]
    yield from aligned(rows)


def _row(key: Key, note: Note | None, users: Sequence[str], today: date) -> tuple[str, ...]:
    age, label = UNKNOWN, ""
    if note is not None:
        age, label = note.age(today), note.label
    role = "device"
    if users:
        role = "machine"
    return str(key.id), key.type, key.fingerprint or UNKNOWN, age, role, ", ".join(users) or UNKNOWN, label
