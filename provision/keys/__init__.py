"""Parse and generate the symmetric keys of NTP in the format of chrony.keys.

chronyd only logs a fault in its key file and runs without that key; of two keys with one id, it uses either. Every line
is therefore checked here (chrony.conf(5), keyfile; keys.c and cmdparse.c of chrony). No message contains any part of a
line, because it may be a secret. A key file may have 100,000 keys, so no operation on a file may take quadratic time.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from provision.common.errors import SiteError

AES_BYTES = {"AES128": 16, "AES256": 32}
HASHES = ("MD5", "SHA1", "SHA256", "SHA384", "SHA512", "SHA3-224", "SHA3-256", "SHA3-384", "SHA3-512")
TYPES = (*HASHES, *AES_BYTES)
"""Key types of a chrony that was built with Nettle."""
TOMCRYPT_ONLY = ("TIGER", "WHIRLPOOL")

MAX_ID = 2**32 - 1
MIN_BYTES = 10
"""The length below which chronyd calls a key "too short" and does not use it for its sources."""
MAX_BYTES = 512
"""The longest key of ``chronyc keygen``."""
SAFE_BYTES = 16
"""The recommended length: "at least 128 bits long" (chrony.conf(5), keyfile)."""
LENGTHS = {"MD5": 16, "SHA1": 20} | AES_BYTES
"""Bytes of a new key by type, where they are not DEFAULT_BYTES.

MD5 and SHA1 are for old clients: 20 bytes are what ntp-keygen makes and the most that BusyBox reads.
"""
DEFAULT_BYTES = 32
"""The longest key that ntpd reads (ntp.keys(5)); more bits than a MAC has are of no use."""
LEAST_DIFFERENT = 8
MAX_LINE = 2047
"""The longest line that chronyd does not split in two."""

PLAIN = re.compile(r"[\t\v\f\r\x20-\x7e]*")
PLAIN_BYTES = re.compile(PLAIN.pattern.encode())
COMMENT = ("#", "%", "!", ";")
PREFIXES = ("HEX:", "ASCII:")
HEX_DIGITS = re.compile(r"[0-9A-Fa-f]+")
OTHER_NAMES = {"AES": "AES128", "M": "MD5", "SHA": "SHA1"}
"""Names of ntp.org and NTPsec for types of chrony, without CMAC and hyphens."""
BYTE_ORDER_MARK = "\ufeff"
UTF_16 = ("\udcff\udcfe", "\udcfe\udcff")
"""The first two bytes of UTF-16, as they are decoded here."""


@dataclass(frozen=True, slots=True)
class Key:
    """Hold one key. Raises SiteError if chronyd cannot use it."""

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
        """Return the key's line in chrony.keys, with the secret."""
        return f"{self.id} {self.type} HEX:{self.secret.hex().upper()}"

    @property
    def is_text(self) -> bool:
        """Return whether the secret may have been typed: 16 random bytes are all printable once in ten million keys."""
        return PLAIN_BYTES.fullmatch(self.secret) is not None

    @property
    def is_pattern(self) -> bool:
        """Return whether the secret has very few different bytes; 16 random bytes have at least eight."""
        return len(set(self.secret)) < LEAST_DIFFERENT

    @property
    def fingerprint(self) -> str | None:
        """Return 12 hex digits for comparing a key on two machines, or None if they would help to guess the secret.

        16 random bytes cannot be guessed, so a plain digest is safe, and it is the same in every file and on every
        machine. A password can be guessed from any fast digest. A slow digest for each key, such as scrypt at 50 ms,
        would take over an hour for 100,000 keys; a digest that is salted with the whole file would differ after each
        change. A password therefore has no fingerprint.
        """
        if len(self.secret) < SAFE_BYTES or self.is_text or self.is_pattern:
            return None
        return hashlib.sha256(f"chrony-provision {self.type} ".encode() + self.secret).hexdigest()[:12]

    @property
    def short_digest(self) -> str:
        """Return four hex digits that may be public, for telling whether a host has another secret for this id.

        Of 65,536 different secrets, one has the same digits. They are too few to confirm a guessed password: of a
        million guesses, fifteen would fit. ``existing_files.sh`` computes them on the host.
        """
        return hashlib.sha256(f"chrony-provision {self.id} {self.secret.hex().upper()}\n".encode()).hexdigest()[:4]


def _unknown(word: str) -> str:
    """Return the fault of a key type; an unknown word is not shown, because it may be a secret in the wrong place."""
    if word.upper() in TYPES:
        return f"a key type is written in capitals: {word.upper()}"
    if word.upper() in TOMCRYPT_ONLY:
        return f"{word.upper()} is not in a chrony built with Nettle; choose AES128"
    if (name := name_in_chrony(word)) is not None:
        return f"this key type is called {name} in chrony"
    return f"unknown key type; there are {', '.join(TYPES)}"


def name_in_chrony(word: str) -> str | None:
    """Return the name of a type that another program calls otherwise, such as AES128CMAC or SHA-256."""
    plain = re.sub("[-_]", "", word.upper())
    plain = plain.removesuffix("CMAC")
    plain = OTHER_NAMES.get(plain, plain)
    by_plain_name = {name.replace("-", ""): name for name in TYPES}
    return by_plain_name.get(plain)


@dataclass(frozen=True)
class Keys:
    """Hold the keys of a host, in the order of their ids."""

    keys: tuple[Key, ...]
    for_hosts: frozenset[int] = frozenset()
    """Ids of the keys with which hosts of the site follow each other, according to the state of the key file."""
    leaving: frozenset[int] = frozenset()
    """Ids of the keys that another key is replacing, according to the state of the key file."""

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)

    def __hash__(self) -> int:
        # A hash of all keys would take as long as parsing them, at each use.
        return hash((len(self.keys), self.keys[:2]))

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """Return the ids, in order; they are public."""
        return tuple(key.id for key in self.keys)

    def sample(self, most: int) -> "Keys":
        """Return at most ``most`` keys: all, or the first, the last and evenly spaced ones between them."""
        if len(self) <= most:
            return self
        return Keys(tuple(self.keys[number * (len(self) - 1) // (most - 1)] for number in range(most)))

    @cached_property
    def text(self) -> str:
        """Return chrony.keys in a fixed form: a change of a comment or of the order must not restart a daemon."""
        return "".join(f"{key.line}\n" for key in self.keys)

    @cached_property
    def digest(self) -> str:
        """Return 32 hex digits that identify the keys and may be public.

        A password among the keys may be weak. scrypt takes about 50 ms, which makes guessing it from the digest slow.
        """
        salt = b"chrony-provision"
        return hashlib.scrypt(self.text.encode(), salt=salt, n=2**14, r=8, p=1, dklen=16).hex()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return each secret in all its spellings, for removing them from a text."""
        return tuple(way for key in self.keys for way in _ways_to_write(key.secret))


def _ways_to_write(secret: bytes) -> Iterator[str]:
    yield secret.hex().upper()
    yield secret.hex()
    if PLAIN.fullmatch(text := secret.decode("latin-1")):
        yield text


def parse_keys(text: str, origin: str) -> Keys:
    """Parse a key file; errors call it ``origin``. Raises SiteError, which names the line."""
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
    return Keys(tuple(sorted(keys, key=lambda key: key.id)))


def keys_by_line(text: str) -> Iterator[tuple[int, Key | str]]:
    """Yield the number of each line that is not a comment, from 1, and its key or its fault."""
    if text.startswith(UTF_16):
        yield 1, "the file is UTF-16, of which chronyd can read nothing: save it as plain ASCII"
        return
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            key = _parse_line(line)
        except SiteError as error:
            yield number, str(error)
            continue
        if key is not None:
            yield number, key


def _parse_line(line: str) -> Key | None:
    """Parse ``ID [TYPE] KEY``; return None for a blank line or a comment."""
    # chronyd also splits a comment, and would read the rest as a line.
    if len(line) > MAX_LINE // 4 and len(line.encode(errors="surrogateescape")) > MAX_LINE:
        raise SiteError(f"longer than {MAX_LINE} characters, which chronyd would read as two lines")
    if line.startswith(BYTE_ORDER_MARK):
        raise SiteError(
            "begins with a byte order mark, with which chronyd cannot read it: save the file as plain ASCII"
        )
    words = line.split()
    if not words or words[0].startswith(COMMENT):
        return None
    if not (line.isascii() and line.isprintable()) and not PLAIN.fullmatch(line):
        raise SiteError("only printable ASCII can stand here; write the key as HEX:")
    match words:
        case [id_, secret]:
            return Key(key_id(id_), "MD5", _parse_secret(secret))
        case [id_, type_, secret]:
            _refuse_digits_without_prefix(type_, secret)
            return Key(key_id(id_), type_, _parse_secret(secret))
    raise SiteError(f"expected ID TYPE KEY, such as '1 AES128 HEX:' and 32 hex digits; found {len(words)} word(s)")


def _refuse_digits_without_prefix(type_: str, word: str) -> None:
    """Raise SiteError if a word is the key of a cipher but for the prefix of hex digits."""
    if len(word) == 2 * AES_BYTES.get(type_, 0) and HEX_DIGITS.fullmatch(word):
        raise SiteError(f"HEX: is missing before the {len(word)} hex digits of this {type_} key")


def key_id(word: str) -> int:
    """Return the id in a word, or 0, which no key can have, if it is not a number."""
    # chronyd would read "1.5" as 1, and 4294967296 as 0. A longer number counts as too large.
    if len(word) <= 10 and word.isdecimal() and word.isascii():
        return int(word)
    return 0


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


def make_key(id_: int, type_: str, length: int | None = None) -> Key:
    """Generate a key of ``length`` random bytes; None is the usual length of its type. Raises SiteError."""
    if length is None:
        length = LENGTHS.get(type_, DEFAULT_BYTES)
    if type_ in HASHES and length < SAFE_BYTES:
        raise SiteError(f"a key of {length} bytes can be guessed from one packet; make it {SAFE_BYTES} bytes or longer")
    return Key(id_, type_, secrets.token_bytes(length))
