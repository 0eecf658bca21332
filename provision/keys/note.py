"""Read and write the notes of a key file: the comment on the line above a key.

``# added 2026-11-23: weather stations`` contains the date of addition and a label. Notes are for readers alone: nothing
depends on them.
"""

import re
from dataclasses import dataclass
from datetime import date

from provision.common.errors import SiteError

LONGEST_LABEL = 200
_NOTE = re.compile(r"\s*# added (?P<added>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:: (?P<label>.*?))?\s*")


@dataclass(frozen=True, slots=True)
class Note:
    """Hold the date of a key and its purpose. Raises SiteError if the label cannot be a comment."""

    added: date
    label: str = ""

    def __post_init__(self) -> None:
        if len(self.label) > LONGEST_LABEL or not self.label.isprintable():
            raise SiteError(f"--label: one line of at most {LONGEST_LABEL} printable characters")

    @property
    def line(self) -> str:
        """Return the comment line."""
        line = f"# added {self.added}"
        if self.label:
            line += f": {self.label}"
        return line

    def age(self, today: date) -> str:
        """Return the age of the key in words, such as ``12 days``."""
        days = (today - self.added).days
        return f"{days} day{'s' * (days != 1)}"


def note_above(lines: list[str], number: int) -> Note | None:
    """Return the note of the key on line ``number``, from 1; None for other comments, even similar ones."""
    if number < 2 or "#" not in lines[number - 2]:
        return None
    found = _NOTE.fullmatch(lines[number - 2])
    if found is None:
        return None
    try:
        return Note(date.fromisoformat(found["added"]), found["label"] or "")
    except (ValueError, SiteError):
        return None
