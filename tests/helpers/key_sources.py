"""Two keys, and what a command reads of a key source."""

from datetime import date

from provision.keys import Key, Keys
from provision.keys.note import Note
from provision.keys.reader import KeyReader
from provision.keys.source import KeySource
from tests.helpers.samples import KEYS

NOTE = Note(date(2026, 11, 23), "doors")
TWO = Keys((*KEYS, Key(2, "SHA1", b"correct-horse")))


def read_keys(source: KeySource) -> Keys | None:
    """Return the keys of a source, as a command reads them."""
    return KeyReader().keys(source)
