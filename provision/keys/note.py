"""The notes of a key file: a comment on the line above the key that it is about.

``# added 2026-11-23: weather stations`` says when a key was added, and what for. ``# added 2026-11-23, for hosts``: the
hosts of a site follow each other with it. While it takes the place of another one: ``# added 2026-11-23, for hosts
instead of key 1``.
"""

import re
from dataclasses import dataclass
from datetime import date

from provision.errors import SiteError

LONGEST_LABEL = 200
_NOTE = re.compile(
    r"\s*# added (?P<added>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?P<hosts>, for hosts(?: instead of key (?P<other>[0-9]{1,10}))?)?(?:: (?P<label>.*?))?\s*"
)


@dataclass(frozen=True, slots=True)
class Note:
    """When a key was added, and what for. Raises SiteError if no comment can say so."""

    added: date
    label: str = ""
    for_hosts: bool = False
    """Hosts of the site ask with it, rather than with another one that they could ask with."""
    instead_of: int | None = None
    """The id of the key whose place it takes, and that is not gone from all hosts yet."""

    def __post_init__(self) -> None:
        if len(self.label) > LONGEST_LABEL or not self.label.isprintable():
            raise SiteError(f"--label: one line of at most {LONGEST_LABEL} printable characters")

    @property
    def line(self) -> str:
        """Return the comment."""
        instead = f" instead of key {self.instead_of}" if self.instead_of else ""
        hosts = f", for hosts{instead}" if self.for_hosts else ""
        return f"# added {self.added}{hosts}{f': {self.label}' if self.label else ''}"

    def days(self, today: date) -> int:
        """Return the age of the key."""
        return (today - self.added).days


def note_above(lines: list[str], number: int) -> Note | None:
    """Return the note of the key on a line, counted from 1; a comment that only looks like one is none."""
    if number < 2 or "#" not in lines[number - 2]:
        return None
    found = _NOTE.fullmatch(lines[number - 2])
    if found is None:
        return None
    other = int(found["other"]) if found["other"] else None
    try:
        return Note(date.fromisoformat(found["added"]), found["label"] or "", bool(found["hosts"]), other)
    except (ValueError, SiteError):
        return None
