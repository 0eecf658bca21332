"""SSH's files of known host keys: the lines that are about one host.

Paramiko makes a key of each line, and compares it with all the lines before: for 10,000 hosts that takes half a minute,
at each connection. Here a file is read once, and a line is looked at by its names alone.
"""

import hmac
from base64 import b64decode
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

HASHED = "|1|"
"""sshd(8), SSH_KNOWN_HOSTS FILE FORMAT: begins a name of which only salt and HMAC-SHA1 stand there (HashKnownHosts)."""


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """What stands in a file; patterns and markers are not understood, as by Paramiko."""

    named: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Name → its lines."""
    hashed: list[tuple[bytes, bytes, str]] = field(default_factory=list)
    """Salt, digest of the name, line."""

    def about(self, name: str) -> list[str]:
        """Return the lines about a host; with a port other than 22 its name is ``[name]:port``."""
        found = list(self.named.get(name, ()))
        for salt, digest, line in self.hashed:
            if hmac.digest(salt, name.encode(), "sha1") == digest:
                found.append(line)
        return found


def known_hosts(file: Path) -> KnownHosts:
    """Read a file, unless it is the one that was read before. Raises OSError."""
    state = file.stat()
    return _read(file, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _read(file: Path, *_: int) -> KnownHosts:
    found = KnownHosts()
    for line in file.read_text(errors="replace").splitlines():
        words = line.split()
        if len(words) < 3 or words[0].startswith(("#", "@")):  # names, type and key
            continue
        for name in words[0].split(","):
            if name.startswith(HASHED):
                found.hashed.extend(_hashed(name, " ".join(words)))
            else:
                found.named[name].append(" ".join(words))
    return found


def _hashed(name: str, line: str) -> list[tuple[bytes, bytes, str]]:
    try:
        salt, digest = map(b64decode, name.removeprefix(HASHED).split("|"))
    except ValueError:  # binascii's is one, too
        return []
    return [(salt, digest, line)]
