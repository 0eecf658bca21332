"""Read SSH's files of known host keys, and select the lines about one host like ``ssh`` (hostfile.c of OpenSSH).

Paramiko parses the key of each line and compares it with all lines before: with 10,000 hosts that takes half a minute
for each connection. Here a file is read once, and only the names of a line are compared. Paramiko also ignores lines
with patterns and markers, including those that revoke a key.
"""

import hmac
import os
import re
from base64 import b64decode
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from provision.common.files.regular import read_regular
from provision.host.transport.host_certificate import plain_key
from provision.host.transport.public_key import key_type

HASHED = "|1|"
"""sshd(8), SSH_KNOWN_HOSTS FILE FORMAT: the prefix of a name that is stored as salt and HMAC-SHA1 (HashKnownHosts)."""
MOST_BYTES = 256 * 1024 * 1024
"""The largest file that is read; a million hosts take less."""
BLANKS = re.compile(r"[ \t]+")


class Marker(StrEnum):
    """The role of the key of a line."""

    NONE = ""
    """The host's own key."""
    AUTHORITY = "@cert-authority"
    """The key that signs the host's certificates."""
    REVOKED = "@revoked"
    """A key that is never accepted, neither from the host nor as the signer of its certificate."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: a key of a host."""

    marker: Marker
    key: bytes = field(repr=False)
    """The key in wire format (RFC 4253, 6.6)."""
    where: str
    """``FILE:NUMBER``"""

    @property
    def type(self) -> str:
        """Return the type of the key, such as ``ssh-ed25519``."""
        return key_type(self.key)


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The lines of a file by their host names."""

    named: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))
    """Name, in lower case → its lines."""
    patterns: list[tuple[tuple[str, ...], Line]] = field(default_factory=list)
    """The names of a line, in lower case, if at least one is a pattern; and the line."""
    hashed: list[tuple[bytes, bytes, Line]] = field(default_factory=list)
    """Salt, digest of the name, line."""

    def lines_about(self, name: str) -> list[Line]:
        """Return the lines about a host; with a port other than 22, its name is ``[name]:port``."""
        name = name.lower()
        found = list(self.named.get(name, ()))
        found += [line for names, line in self.patterns if _matches(name, names)]
        for salt, digest, line in self.hashed:
            if hmac.digest(salt, name.encode(), "sha1") == digest:
                found.append(line)
        return found


def read_known_hosts(file: Path) -> KnownHosts:
    """Read a file; an unchanged file is read only once. Raises OSError."""
    state = file.stat()
    return _read_version(file, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _read_version(file: Path, *_: int) -> KnownHosts:
    """Read a file; its time and size are only a part of the key of the cache."""
    found = KnownHosts()
    if str(file) == os.devnull:
        return found
    text = read_regular(file, MOST_BYTES).decode(errors="replace")
    # Not splitlines(), which also splits at characters that ssh accepts in a comment.
    for number, line in enumerate(text.split("\n"), start=1):
        _add(found, line.strip(" \t\r"), f"{file}:{number}")
    return found


def _add(found: KnownHosts, text: str, where: str) -> None:
    """Add a line; ignore comments, and malformed lines as ssh does."""
    words = BLANKS.split(text)
    marker = Marker.NONE
    if words[0].startswith("@"):
        if words[0] not in (Marker.AUTHORITY, Marker.REVOKED):
            return
        marker = Marker(words.pop(0))
    if len(words) < 3 or words[0].startswith("#"):  # names, type and key
        return
    names, kind, encoded = words[:3]
    try:
        key = b64decode(encoded, validate=True)
    except ValueError:  # binascii's is one, too
        return
    if key_type(key) != kind:
        return
    if marker is not Marker.NONE:
        # Like ssh: a certificate in such a line stands for the key that it is about.
        key = plain_key(key)
    if key:
        _add_names(found, names, Line(marker, key, where))


def _add_names(found: KnownHosts, names: str, line: Line) -> None:
    if names.startswith(HASHED):
        found.hashed.extend(_hashed(names, line))
        return
    each = tuple(names.lower().split(","))
    if any(char in names for char in "*?!"):
        found.patterns.append((each, line))
        return
    for name in each:
        found.named[name].append(line)


def _hashed(name: str, line: Line) -> list[tuple[bytes, bytes, Line]]:
    try:
        salt, digest = map(b64decode, name.removeprefix(HASHED).split("|"))
    except ValueError:  # binascii's is one, too
        return []
    return [(salt, digest, line)]


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a name matches a list of patterns, and no negated one (ssh_config(5), PATTERNS)."""
    if any(_is_like(name, pattern[1:]) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(_is_like(name, pattern) for pattern in patterns if not pattern.startswith("!"))


def _is_like(name: str, pattern: str) -> bool:
    # SSH has only * and ? as wildcards; brackets enclose the name of a host with a port.
    return fnmatchcase(name, pattern.replace("[", "[[]"))
