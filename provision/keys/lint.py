"""What is wrong with a key file: all of it, each with its line, and no part of any secret."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from provision.keys import SAFE_BYTES, Key, keys_by_line

HEX_AS_TEXT = re.compile(rb"[0-9A-Fa-f]{20,}")
"""As ntpd's key files have it."""
OLD_TYPES = {
    "MD5": "MD5 should not authenticate NTP any more (RFC 8573); use AES128 where the other side can",
    "SHA1": "SHA-1 with a key before the packet is no sound MAC, as little as MD5 is (RFC 8573); "
    "use AES128 where the other side can",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a key file, or with a line of it."""

    what: str
    line: int | None = None
    is_warning: bool = False
    """It works, and is advised against."""

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{'warning: ' if self.is_warning else ''}{self.what}"


def problems(text: str) -> Iterator[Problem]:
    """Yield what chronyd would ignore or take otherwise, ids and secrets that stand there twice, and weak keys."""
    ids: dict[int, int] = {}
    secrets: dict[bytes, tuple[int, int]] = {}
    number = 0
    for number, key in keys_by_line(text):
        if isinstance(key, str):
            yield Problem(key, number)
            continue
        if (before := ids.setdefault(key.id, number)) != number:
            yield Problem(f"key {key.id} is already on line {before}; chronyd takes either", number)
        other, where = secrets.setdefault(key.secret, (key.id, number))
        if where != number and other != key.id:
            yield Problem(f"key {key.id} is the same secret as key {other} on line {where}", number)
        yield from _weak(key, number)
    if not number:
        yield Problem("no key in it")


def _weak(key: Key, number: int) -> Iterator[Problem]:
    if len(key.secret) < SAFE_BYTES:
        what = "password" if key.is_text else "key"
        bits = f"a {what} of {8 * len(key.secret)} bits, fewer than the 128 that chrony.conf(5) recommends"
        yield Problem(f"{key}: {bits}: one packet is enough to guess it, at leisure", number)
    elif key.is_pattern:
        yield Problem(f"{key}: a pattern, not random bytes: one packet is enough to guess it, at leisure", number)
    if HEX_AS_TEXT.fullmatch(key.secret):
        yield Problem(f"{key}: hex digits without HEX: before them, which chronyd takes as a password", number)
    if key.type in OLD_TYPES:
        yield Problem(f"{key}: {OLD_TYPES[key.type]}", number, is_warning=True)
