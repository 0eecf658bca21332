"""The keys that authenticate NTP packets, as chrony.keys holds them.

chronyd only logs a mistake in its key file and runs on without that key, and of two keys with one id it takes either:
so every line is checked here (chrony.conf(5), keyfile; keys.c and cmdparse.c of chrony). No message shows any part of a
line: it may hold a secret.
"""

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path

from provision.errors import SiteError

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
MAX_LINE = 2047
"""chronyd reads a longer line as two."""

PLAIN = re.compile(r"[\t\v\f\r\x20-\x7e]*")
COMMENT = ("#", "%", "!", ";")
PREFIXES = ("HEX:", "ASCII:")
HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


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

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def ids(self) -> tuple[int, ...]:
        """Return the ids, in order; they are public."""
        return tuple(key.id for key in self.keys)

    @property
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
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            key = _parse_line(line)
        except SiteError as error:
            raise SiteError(f"{origin}: line {number}: {error}") from None
        if key is None:
            continue
        if key.id in lines:
            raise SiteError(f"{origin}: line {number}: key {key.id} is already on line {lines[key.id]}; remove one")
        lines[key.id] = number
        keys.append(key)
    if not keys:
        raise SiteError(f"{origin}: no key in it; remove the file to have one made")
    return Keys(tuple(sorted(keys, key=lambda key: key.id)))


def _parse_line(line: str) -> Key | None:
    """Parse ``ID [TYPE] KEY``; None is a blank line or a comment."""
    words = line.split()
    if not words or words[0].startswith(COMMENT):
        return None
    if len(line) > MAX_LINE:
        raise SiteError(f"longer than {MAX_LINE} characters, which chronyd would read as two lines")
    if not PLAIN.fullmatch(line):
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
    return int(word) if re.fullmatch("[0-9]{1,10}", word) else 0


def _parse_secret(word: str) -> bytes:
    if word.startswith("ASCII:"):
        return word.removeprefix("ASCII:").encode()
    if word.startswith("HEX:"):
        digits = word.removeprefix("HEX:")
        if not HEX.fullmatch(digits):
            raise SiteError("behind HEX: stand pairs of hex digits (0-9, A-F) and nothing else")
        return bytes.fromhex(digits)
    if word.upper().startswith(PREFIXES):
        raise SiteError(
            f"write {word.upper().partition(':')[0]}: in capitals, or chronyd takes all of it as a password"
        )
    return word.encode()


def read_keys(path: Path) -> Keys | None:
    """Read the operator's key file; None: there is none. Raises SiteError, also when others may read the file."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            # The file that was opened is judged, not one that may stand there by now.
            _check_private(os.fstat(file.fileno()).st_mode, path)
            data = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SiteError(f"{path}: cannot read the keys: {error.strerror}") from error
    # Bytes that are no text must not raise an error that carries them; they are refused with their line.
    return parse_keys(data.decode(errors="surrogateescape"), str(path))


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe, which is refused later, must not keep us waiting for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _check_private(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        raise SiteError(f"{path}: not a regular file; keys.file names a file in chrony.keys format")
    if mode & 0o077:
        raise SiteError(f"{path}: others than its owner may use it (mode {stat.S_IMODE(mode):04o}): chmod 600 {path}")


def write_keys(path: Path, keys: Keys) -> None:
    """Write a new key file, mode 0600, whole or not at all. Raises SiteError, also when the file is already there."""
    from tempfile import NamedTemporaryFile  # noqa: PLC0415 -- slow to import, and needed once for each site

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Mode 0600 from its creation; a link, unlike a rename, never replaces a file that appeared meanwhile.
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as file:
            file.write(keys.text.encode())
            file.flush()
            os.fsync(file.fileno())
            os.link(file.name, path)
    except OSError as error:
        why = "there is a file by now, and it was not overwritten: run again" if path.exists() else error.strerror
        raise SiteError(f"{path}: cannot write the keys: {why}") from error


def make_key(id_: int, type_: str) -> Key:
    """Make a key of random bytes: as many as the cipher takes, or 32 for a hash. Raises SiteError."""
    return Key(id_, type_, secrets.token_bytes(AES_BYTES.get(type_, 32)))


def add_key(path: Path, *, id: int | None, type: str) -> Key:  # noqa: A002 -- as in the key file
    """Add a random key to the operator's file, which is made if there is none. Raises SiteError."""
    keys = read_keys(path)
    taken = keys.ids if keys else ()
    key = make_key(id if id is not None else next(free for free in count(1) if free not in taken), type)
    if key.id in taken:
        raise SiteError(f"{path}: there is a key {key.id} already; choose another --id")
    if keys is None:
        write_keys(path, Keys((key,)))
    else:
        _append(path, key)
    return key


def _append(path: Path, key: Key) -> None:
    """Add a line behind what is there: the operator's comments and order stay."""
    try:
        with path.open("r+b") as file:
            text = file.read()
            file.write((b"" if text.endswith(b"\n") else b"\n") + f"{key.line}\n".encode())
    except OSError as error:
        raise SiteError(f"{path}: cannot write the keys: {error.strerror}") from error
