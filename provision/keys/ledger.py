"""Edit the text of the operator's key file: add and remove keys and their notes; all other lines stay unchanged."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from provision.common.errors import SiteError
from provision.keys import MAX_ID, Key, keys_by_line, make_key
from provision.keys.note import Note, note_above

MOST = 1_000_000
"""The largest number of keys to add at once; a larger one is a typing error."""
RANGE = re.compile(r"(?P<first>[0-9]{1,10})(?:-(?P<last>[0-9]{1,10}))?")
ALL = "all"


def notes(text: str) -> Mapping[int, Note]:
    """Return the notes of a key file, by the ids of their keys."""
    lines = text.split("\n")
    found = ((key.id, note_above(lines, number)) for number, key in keys_by_line(text) if isinstance(key, Key))
    return {id_: note for id_, note in found if note is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """Describe random keys to add. Raises SiteError."""

    note: Note
    count: int = 1
    type: str = "AES128"
    length: int | None = None
    """The bytes of each key, or None for the usual length of its type."""
    first: int | None = None
    """The id of the first key, or None for the lowest free ids."""

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST:
            raise SiteError(f"--count: say how many keys, from 1 to {MOST}")
        first = self.first
        if first is None:
            first = 1
        # Refuse impossible keys before the key file is opened.
        make_key(first, self.type, self.length)
        if first + self.count - 1 > MAX_ID:
            raise SiteError(f"--id: {self.count} keys from {first} on go beyond {MAX_ID}; choose another --id")

    def keys(self, taken: Collection[int], origin: str) -> tuple[Key, ...]:
        """Generate keys with ids that are not in ``taken``. Raises SiteError."""
        return tuple(make_key(id_, self.type, self.length) for id_ in self._ids(set(taken), origin))

    def _ids(self, taken: set[int], origin: str) -> Iterator[int]:
        if self.first is None:
            free = (id_ for id_ in count(1) if id_ not in taken)
            yield from (next(free) for _ in range(self.count))
            return
        wanted = range(self.first, self.first + self.count)
        if there := sorted(taken.intersection(wanted)):
            raise SiteError(f"{origin}: there is a key {ranges(there)} already; choose another --id")
        yield from wanted


def with_keys(text: str, keys: Iterable[Key], note: Note) -> str:
    """Return the text with keys added at the end, each below its note."""
    if text and not text.endswith("\n"):
        text += "\n"
    return text + "".join(f"{note.line}\n{key.line}\n" for key in keys)


def without_keys(text: str, ids: Collection[int]) -> str:
    """Return the text without the keys ``ids`` and their notes."""
    lines = text.split("\n")
    gone: set[int] = set()
    for number, key in keys_by_line(text):
        if isinstance(key, Key) and key.id in ids:
            gone.add(number)
            if note_above(lines, number):
                gone.add(number - 1)
    return "\n".join(line for number, line in enumerate(lines, start=1) if number not in gone)


def chosen(words: str, ids: Collection[int], origin: str) -> tuple[int, ...]:
    """Return the ids that ``7``, ``7,9``, ``20-25`` or ``all`` select from the existing ``ids``. Raises SiteError."""
    if words == ALL:
        return tuple(ids)
    there = set(ids)
    found: set[int] = set()
    for word in words.split(","):
        part = RANGE.fullmatch(word.strip())
        if part is None:
            raise SiteError(f"{word!r:.30}: no id of a key; write 7, or several as 7,9,20-25, or {ALL}")
        first = int(part["first"])
        last = int(part["last"] or first)
        meant = there & {first}
        if first != last:
            # Iterate over the existing ids, not over the range: it may be 1-4294967295.
            meant = {id_ for id_ in there if first <= id_ <= last}
        if not meant:
            raise SiteError(f"{origin}: there is no key {word.strip()}")
        found |= meant
    return tuple(sorted(found))


def in_words(ids: Collection[int]) -> str:
    """Return a name of these keys for messages: ``key 7``, ``keys 1, 3-5``."""
    if len(ids) > 1:
        return f"keys {ranges(ids)}"
    return f"key {ranges(ids)}"


def ranges(ids: Iterable[int]) -> str:
    """Return ids as ranges, in order: ``1, 3-5``."""
    runs: list[list[int]] = []
    for id_ in ids:
        if runs and id_ == runs[-1][1] + 1:
            runs[-1][1] = id_
        else:
            runs.append([id_, id_])
    return ", ".join(_range(first, last) for first, last in runs)


def _range(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first}-{last}"
