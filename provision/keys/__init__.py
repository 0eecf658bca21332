"""The keys that authenticate NTP packets, as chrony.keys holds them.

chronyd only logs a mistake in its key file and runs on without that key, and of two keys with one id it takes either:
so every line is checked here (chrony.conf(5), keyfile; keys.c and cmdparse.c of chrony). No message shows any part of a
line: it may hold a secret. A fleet of devices has 100,000 keys: whatever is done with a file must not take each key
times all the others.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from provision.errors import SiteError
from provision.keys.note import note_above

AES_BYTES = {"AES128": 16, "AES256": 32}
HASHES = ("MD5", "SHA1", "SHA256", "SHA384", "SHA512", "SHA3-224", "SHA3-256", "SHA3-384", "SHA3-512")
TYPES = (*HASHES, *AES_BYTES)
"""What a chrony that was built with Nettle knows."""
TOMCRYPT_ONLY = ("TIGER", "WHIRLPOOL")

MAX_ID = 2**32 - 1
MIN_BYTES = 10
"""chronyd calls a shorter key "too short" and does not use it for its sources."""
MAX_BYTES = 512
"""The longest that ``chronyc keygen`` makes."""
SAFE_BYTES = 16
"""chrony.conf(5), keyfile: "at least 128 bits long" is recommended."""
LEAST_DIFFERENT = 8
MAX_LINE = 2047
"""chronyd reads a longer line as two."""

PLAIN = re.compile(r"[\t\v\f\r\x20-\x7e]*")
PLAIN_BYTES = re.compile(PLAIN.pattern.encode())
COMMENT = ("#", "%", "!", ";")
PREFIXES = ("HEX:", "ASCII:")


@dataclass(frozen=True, slots=True)
class Key:
    """One key. Raises SiteError if chronyd could not use it."""

    id: int
    type: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.id <= MAX_ID:
            raise SiteError(f"a key id is a number from 1 to {MAX_ID}")
        if self.type not in TYPES:
            raise SiteError(_unknown(self.type))
        if self.type in AES_BYTES and len(self.secret) != AES_BYTES[self.type]:
            needed = AES_BYTES[self.type]
            raise SiteError(f"an {self.type} key has {needed} bytes ({2 * needed} hex digits), not {len(self.secret)}")
        if not MIN_BYTES <= len(self.secret) <= MAX_BYTES:
            raise SiteError(f"a key has {MIN_BYTES} to {MAX_BYTES} bytes, not {len(self.secret)}")

    def __str__(self) -> str:
        return f"key {self.id} ({self.type})"

    @property
    def line(self) -> str:
        """Return the key's line in chrony.keys. It holds the secret."""
        return f"{self.id} {self.type} HEX:{self.secret.hex().upper()}"

    @property
    def is_text(self) -> bool:
        """Say whether somebody may have typed it: of 16 random bytes, one in ten million is printable throughout."""
        return PLAIN_BYTES.fullmatch(self.secret) is not None

    @property
    def is_pattern(self) -> bool:
        """Say whether it has hardly any bytes that differ; 16 random ones have at least eight."""
        return len(set(self.secret)) < LEAST_DIFFERENT

    @property
    def fingerprint(self) -> str | None:
        """Return 12 hex digits by which to compare a key here with a key there; None where they would help a guesser.

        Nobody finds 16 random bytes by trying, so a plain digest is safe, and the same in every file and on every
        machine. A password can be found from any digest that is quick to compute; one that is slow for each key, such
        as scrypt at 50 ms, would take over an hour for 100,000 keys, and one that is salted by the whole file would be
        another one after each change of it. So a password gets none.
        """
        if len(self.secret) < SAFE_BYTES or self.is_text or self.is_pattern:
            return None
        return hashlib.sha256(f"chrony-provision {self.type} ".encode() + self.secret).hexdigest()[:12]


def _unknown(word: str) -> str:
    """Tell what is wrong with a type; the word is shown only if it is one, for a secret may stand in its place."""
    if word.upper() in TYPES:
        return f"a key type is written in capitals: {word.upper()}"
    if word.upper() in TOMCRYPT_ONLY:
        return f"{word.upper()} is not in a chrony built with Nettle; choose AES128"
    return f"unknown key type; there are {', '.join(TYPES)}"


@dataclass(frozen=True)
class Keys:
    """The keys of a host, by id."""

    keys: tuple[Key, ...]
    for_hosts: frozenset[int] = frozenset()
    """The ids of those with which hosts of the site follow each other, as their notes say."""
    leaving: frozenset[int] = frozenset()
    """The ids of those that another key takes the place of, as its note says."""

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)

    def __hash__(self) -> int:
        # Of few of them: a hash of all takes as long as to parse them, each time.
        return hash((len(self.keys), self.keys[:2]))

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """Return the ids, in order; they are public."""
        return tuple(key.id for key in self.keys)

    def sample(self, most: int) -> "Keys":
        """Return these keys, or of more than ``most``, the first, the last and others evenly between them."""
        if len(self) <= most:
            return self
        return Keys(tuple(self.keys[number * (len(self) - 1) // (most - 1)] for number in range(most)))

    @cached_property
    def text(self) -> str:
        """Return chrony.keys, always in the same form: another comment or order must not restart a daemon."""
        return "".join(f"{key.line}\n" for key in self.keys)

    @cached_property
    def digest(self) -> str:
        """Return 32 hex digits that name the keys and may be public.

        A password among the keys may be weak, so guessing it from the digest is made slow: scrypt takes some 50 ms.
        """
        salt = b"chrony-provision"
        return hashlib.scrypt(self.text.encode(), salt=salt, n=2**14, r=8, p=1, dklen=16).hex()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return every way in which a secret may be written, for what removes them from a text."""
        return tuple(way for key in self.keys for way in _ways_to_write(key.secret))


def _ways_to_write(secret: bytes) -> Iterator[str]:
    yield secret.hex().upper()
    yield secret.hex()
    if PLAIN.fullmatch(text := secret.decode("latin-1")):
        yield text


def parse_keys(text: str, origin: str) -> Keys:
    """Parse a key file; ``origin`` is what an error calls it. Raises SiteError, which names the line."""
    lines: dict[int, int] = {}
    keys = []
    for number, key in keys_by_line(text):
        if isinstance(key, str):
            raise SiteError(f"{origin}: line {number}: {key}")
        if key.id in lines:
            raise SiteError(f"{origin}: line {number}: key {key.id} is already on line {lines[key.id]}; remove one")
        lines[key.id] = number
        keys.append(key)
    if not keys:
        raise SiteError(f"{origin}: no key in it")
    text_lines = text.split("\n")
    marks = {id_: note for id_, number in lines.items() if (note := note_above(text_lines, number)) and note.for_hosts}
    leaving = frozenset(note.instead_of for note in marks.values() if note.instead_of in lines)
    return Keys(
        tuple(sorted(keys, key=lambda key: key.id)),
        for_hosts=frozenset(marks),
        leaving=frozenset(id_ for id_ in leaving if id_ is not None),
    )


def keys_by_line(text: str) -> Iterator[tuple[int, Key | str]]:
    """Yield the number of each line that is no comment, from 1, and its key, or what is wrong with it."""
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            key = _parse_line(line)
        except SiteError as error:
            yield number, str(error)
            continue
        if key is not None:
            yield number, key


def _parse_line(line: str) -> Key | None:
    """Parse ``ID [TYPE] KEY``; None is a blank line or a comment."""
    # Of a comment, too, chronyd would read the rest as a line of its own.
    if len(line) > MAX_LINE // 4 and len(line.encode(errors="surrogateescape")) > MAX_LINE:
        raise SiteError(f"longer than {MAX_LINE} characters, which chronyd would read as two lines")
    words = line.split()
    if not words or words[0].startswith(COMMENT):
        return None
    if not (line.isascii() and line.isprintable()) and not PLAIN.fullmatch(line):
        raise SiteError("only printable ASCII can stand here; write the key as HEX:")
    match words:
        case [id_, secret]:
            return Key(key_id(id_), "MD5", _parse_secret(secret))
        case [id_, type_, secret]:
            return Key(key_id(id_), type_, _parse_secret(secret))
    raise SiteError(f"expected ID TYPE KEY, such as '1 AES128 HEX:' and 32 hex digits; found {len(words)} word(s)")


def key_id(word: str) -> int:
    """Return the id that a word says; what is none becomes 0, which no key can have."""
    # chronyd would take the 1 of "1.5", and 4294967296 as 0. A number of any length reads as too large.
    return int(word) if len(word) <= 10 and word.isdecimal() and word.isascii() else 0


def _parse_secret(word: str) -> bytes:
    if word.startswith("ASCII:"):
        return word.removeprefix("ASCII:").encode()
    if word.startswith("HEX:"):
        try:
            secret = bytes.fromhex(word[4:])
        except ValueError:
            secret = b""
        if not secret:
            raise SiteError("behind HEX: stand pairs of hex digits (0-9, A-F) and nothing else")
        return secret
    if word.upper().startswith(PREFIXES):
        raise SiteError(
            f"write {word.upper().partition(':')[0]}: in capitals, or chronyd takes all of it as a password"
        )
    return word.encode()


def make_key(id_: int, type_: str) -> Key:
    """Make a key of random bytes: as many as the cipher takes, or 32 for a hash. Raises SiteError."""
    return Key(id_, type_, secrets.token_bytes(AES_BYTES.get(type_, 32)))
