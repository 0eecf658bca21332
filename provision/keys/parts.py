"""A key file in parts: of a long one, only those travel that a host has not got.

A part begins with a key that the wanted file has, and goes on to the next such key, so one key more or less changes one
part, wherever it stands.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from provision.errors import ParseError
from provision.keys import Keys

SIZE = 1000
"""Keys in a part: 50 kB, of which hardly half travels."""
_LINE = re.compile(r"(?P<first>[0-9]{1,10}) (?P<digest>[0-9a-f]{64})\b.*")


@dataclass(frozen=True, slots=True)
class Part:
    """Some keys that follow each other."""

    first: int
    """The id of the first of them."""
    text: str = field(repr=False)

    @property
    def digest(self) -> str:
        """Return the sha256 of the text, in hex."""
        return sha256(self.text.encode()).hexdigest()


def parts(keys: Keys) -> tuple[Part, ...]:
    """Return the parts of a file; none, where it is not worth the question."""
    if len(keys) <= 2 * SIZE:
        return ()
    some = (keys.keys[start : start + SIZE] for start in range(0, len(keys), SIZE))
    return tuple(Part(part[0].id, "".join(f"{key.line}\n" for key in part)) for part in some)


def parse_digests(text: str) -> Mapping[int, str]:
    """Parse what ``remote/key_parts.sh`` printed: what a host has, by the first id of a part. Raises ParseError."""
    found = [_LINE.fullmatch(line) for line in text.splitlines()]
    if None in found:
        raise ParseError("the host did not tell the digests of its keys")
    return {int(line["first"]): line["digest"] for line in found if line}


def manifest(wanted: Iterable[Part], there: Mapping[int, str]) -> tuple[str, str]:
    """Return which parts a host has and which are new, a line each, and the text of the new ones."""
    told = [(part, "here" if there.get(part.first) == part.digest else "new") for part in wanted]
    lines = "".join(f"{part.first} {where}\n" for part, where in told)
    return lines, "".join(part.text for part, where in told if where == "new")
