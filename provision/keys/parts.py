"""Divide a large key file into parts, so that only parts that differ are sent to a host.

The boundaries are ids of the wanted file, so an added or removed key changes only one part, regardless of its position.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from provision.common.errors import ParseError
from provision.keys import Keys

SIZE = 1000
"""Keys in a part: 50 kB, which compress to less than half."""
_LINE = re.compile(r"(?P<first>[0-9]{1,10}) (?P<digest>[0-9a-f]{64})\b.*")


@dataclass(frozen=True, slots=True)
class Part:
    """Hold some consecutive keys."""

    first: int
    """The id of the first key."""
    text: str = field(repr=False)

    @property
    def digest(self) -> str:
        """Return the sha256 of the text, in hex."""
        return sha256(self.text.encode()).hexdigest()


def parts(keys: Keys) -> tuple[Part, ...]:
    """Return the parts of a file; none if it is too small to need them."""
    if len(keys) <= 2 * SIZE:
        return ()
    some = (keys.keys[start : start + SIZE] for start in range(0, len(keys), SIZE))
    return tuple(Part(part[0].id, "".join(f"{key.line}\n" for key in part)) for part in some)


def parse_digests(text: str) -> Mapping[int, str]:
    """Parse the output of ``print_key_parts.sh``: a host's digests, by the first id of a part. Raises ParseError."""
    found = [_LINE.fullmatch(line) for line in text.splitlines()]
    if None in found:
        raise ParseError("the host did not tell the digests of its keys")
    return {int(line["first"]): line["digest"] for line in found if line}


def manifest(wanted: Iterable[Part], there: Mapping[int, str]) -> tuple[str, str]:
    """Return a line for each part (``ID here`` or ``ID new``), and the text of the new parts."""
    lines: list[str] = []
    new: list[str] = []
    for part in wanted:
        if there.get(part.first) == part.digest:
            lines.append(f"{part.first} here\n")
        else:
            lines.append(f"{part.first} new\n")
            new.append(part.text)
    return "".join(lines), "".join(new)
