"""The text of the operator's key file: notes above keys, keys added, keys removed; all other lines stay as they are."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from provision.errors import SiteError
from provision.keys import MAX_ID, Key, keys_by_line, make_key
from provision.keys.note import Note, note_above

MOST = 1_000_000
"""More keys at once are a slip."""
RANGE = re.compile(r"(?P<first>[0-9]{1,10})(?:-(?P<last>[0-9]{1,10}))?")
ALL = "all"


def notes(text: str) -> Mapping[int, Note]:
    """Return the notes of a key file, by the ids of the keys that they are about."""
    lines = text.split("\n")
    found = ((key.id, note_above(lines, number)) for number, key in keys_by_line(text) if isinstance(key, Key))
    return {id_: note for id_, note in found if note is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """Random keys that are to be added. Raises SiteError."""

    note: Note
    count: int = 1
    type: str = "AES128"
    first: int | None = None
    """The id of the first; None: the lowest that are free."""

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST:
            raise SiteError(f"--count: say how many keys, from 1 to {MOST}")
        # What no key can be is refused before anybody's file is opened.
        make_key(1 if self.first is None else self.first, self.type)
        if self.first is not None and self.first + self.count - 1 > MAX_ID:
            raise SiteError(f"--id: {self.count} keys from {self.first} on go beyond {MAX_ID}; choose another --id")

    def keys(self, taken: Collection[int], origin: str) -> tuple[Key, ...]:
        """Return new keys, under ids that are not taken. Raises SiteError."""
        return tuple(make_key(id_, self.type) for id_ in self._ids(set(taken), origin))

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
    """Return the text with keys behind what is there, each below its note."""
    begun = text if text.endswith("\n") or not text else f"{text}\n"
    return begun + "".join(f"{note.line}\n{key.line}\n" for key in keys)


def without_keys(text: str, ids: Collection[int]) -> str:
    """Return the text without some keys and their notes."""
    lines = text.split("\n")
    gone: set[int] = set()
    for number, key in keys_by_line(text):
        if isinstance(key, Key) and key.id in ids:
            gone |= {number, number - 1} if note_above(lines, number) else {number}
    return "\n".join(line for number, line in enumerate(lines, start=1) if number not in gone)


def with_note(text: str, id_: int, note: Note) -> str:
    """Return the text with another note above a key that has one."""
    lines = text.split("\n")
    for number, key in keys_by_line(text):
        if isinstance(key, Key) and key.id == id_ and note_above(lines, number):
            lines[number - 2] = note.line
    return "\n".join(lines)


def chosen(words: str, ids: Collection[int], origin: str) -> tuple[int, ...]:
    """Return the ids that ``7``, ``7,9``, ``20-25`` or ``all`` mean, of those that are there. Raises SiteError."""
    if words == ALL:
        return tuple(ids)
    there = set(ids)
    found: set[int] = set()
    for word in words.split(","):
        part = RANGE.fullmatch(word.strip())
        if part is None:
            raise SiteError(f"{word!r:.30}: no id of a key; write 7, or several as 7,9,20-25, or {ALL}")
        first, last = int(part["first"]), int(part["last"] or part["first"])
        # Of what is there, not of the range: 1-4294967295 is a word that somebody may say.
        meant = {id_ for id_ in there if first <= id_ <= last} if first != last else there & {first}
        if not meant:
            raise SiteError(f"{origin}: there is no key {word.strip()}")
        found |= meant
    return tuple(sorted(found))


def in_words(ids: Collection[int]) -> str:
    """Return what the operator calls these keys: ``key 7``, ``keys 1, 3-5``."""
    return f"key{'s' if len(ids) > 1 else ''} {ranges(ids)}"


def ranges(ids: Iterable[int]) -> str:
    """Return ids, in order: ``1, 3-5``."""
    runs: list[list[int]] = []
    for id_ in ids:
        if runs and id_ == runs[-1][1] + 1:
            runs[-1][1] = id_
        else:
            runs.append([id_, id_])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
