"""Report all faults of a key file, each with its line and without any part of a secret."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from provision.keys import SAFE_BYTES, Key, keys_by_line

HEX_AS_TEXT = re.compile(rb"[0-9A-Fa-f]{20,}")
"""Hex digits as in the key files of ntpd."""
OLD_TYPES = {
    "MD5": "MD5 should not authenticate NTP any more (RFC 8573); use AES128 where the other side can",
    "SHA1": "SHA-1 with a key before the packet is no sound MAC, as little as MD5 is (RFC 8573); "
    "use AES128 where the other side can",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Describe one fault of a key file or of a line in it."""

    what: str
    line: int | None = None
    is_warning: bool = False
    """Whether the key works, but is not recommended."""

    def __str__(self) -> str:
        words = self.what
        if self.is_warning:
            words = f"warning: {words}"
        if self.line:
            words = f"line {self.line}: {words}"
        return words


def problems(text: str) -> Iterator[Problem]:
    """Yield lines that chronyd ignores or misreads, duplicate ids and secrets, and weak keys."""
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


def without_findings(text: str) -> str:
    """Return what there is to say of a file in which nothing was found: ``2 keys, no findings``."""
    count = sum(isinstance(key, Key) for _, key in keys_by_line(text))
    if count == 1:
        return "1 key, no findings"
    return f"{count} keys, no findings"


def _weak(key: Key, number: int) -> Iterator[Problem]:
    if len(key.secret) < SAFE_BYTES:
        what = "key"
        if key.is_text:
            what = "password"
        bits = f"a {what} of {8 * len(key.secret)} bits, fewer than the 128 that chrony.conf(5) recommends"
        yield Problem(f"{key}: {bits}: one packet is enough to guess it, at leisure", number)
    elif key.is_pattern:
        yield Problem(f"{key}: a pattern, not random bytes: one packet is enough to guess it, at leisure", number)
    if HEX_AS_TEXT.fullmatch(key.secret):
        yield Problem(f"{key}: hex digits without HEX: before them, which chronyd takes as a password", number)
    if key.type in OLD_TYPES:
        yield Problem(f"{key}: {OLD_TYPES[key.type]}", number, is_warning=True)
