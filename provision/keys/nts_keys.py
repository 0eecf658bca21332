"""The keys with which servers with NTS encrypt their cookies, in the format of chronyd's ``ntskeys``.

A chronyd with ``ntsrotate 0`` reads them at its start, and neither makes nor saves any. There are four: two former
ones, the current one, with which cookies are made, and the next one. A rotation removes the oldest, makes the next one
current, and adds another next one. So a server that still has the keys from before a rotation accepts the cookies of a
server that has the keys from after it, and the reverse: no client is refused while servers change, one after the other.
"""

import os
import re
from dataclasses import dataclass, field
from datetime import date

from provision.common.errors import SiteError

COUNT = 4
CURRENT = 2
"""The position of the current key; the last one is the next."""
SECRET_BYTES = 32
AES_SIV_CMAC_256 = 15
HEADER = f"NKS0\n{AES_SIV_CMAC_256} 0.0\n"
"""The format that each release reads: identifier, algorithm, and age of the keys, which is unused."""
HEADER_LINE = re.compile(r"NKS0\n15 \d+\.\d+\n|NKS1\n\d+\.\d+\n")
KEY_LINE = re.compile(r"([0-9A-F]{8}) ([0-9A-F]{64})( 15)?")
BEGUN = "# rotation begun "
"""The line at the end while not all servers are known to have the keys; chronyd reads only four keys."""


@dataclass(frozen=True, slots=True)
class ServerKey:
    """A key of cookies; its id is in each of them, unencrypted."""

    id: int
    secret: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Return the id as in the file."""
        return f"{self.id:08X}"


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """Four keys, the oldest first."""

    keys: tuple[ServerKey, ...]
    begun: date | None = None
    """The day on which a rotation to these keys began that may not have reached all servers; None without one."""

    @property
    def current(self) -> ServerKey:
        """Return the key with which cookies are made."""
        return self.keys[CURRENT]

    @property
    def text(self) -> str:
        """Return the file as chronyd reads it."""
        return HEADER + "".join(f"{key.name} {key.secret.hex().upper()}\n" for key in self.keys)

    def own_text(self, before: str = "") -> str:
        """Return the text of the operator's file, which also records a rotation that is under way.

        ``before``: the text with the former keys, whose lines behind the keys stay, such as comments.
        """
        begun = "" if self.begun is None else f"{BEGUN}{self.begun}\n"
        return f"{self.text}{begun}{_remarks(before)}"

    def rotated(self, today: date) -> "ServerKeys":
        """Return the keys after a rotation that begins today."""
        return ServerKeys((*self.keys[1:], _new_key(self.keys[-1].id + 1)), today)


def make_server_keys(today: date) -> ServerKeys:
    """Return four new keys, which no server has yet."""
    return ServerKeys(tuple(_new_key(number) for number in range(COUNT)), today)


def _new_key(number: int) -> ServerKey:
    """Return a random key; the two lowest bits of its id are those of the number, as chronyd wants it."""
    id_ = int.from_bytes(os.urandom(4), "big") & ~(COUNT - 1)
    return ServerKey(id_ | number % COUNT, os.urandom(SECRET_BYTES))


def parse_server_keys(text: str, origin: str) -> ServerKeys:
    """Return the keys of a file. Raises SiteError, which names ``origin`` and the line, but nothing that is in it."""
    header = HEADER_LINE.match(text)
    if header is None:
        raise SiteError(
            f"{origin}: no keys of NTS servers for AES-SIV-CMAC-256: the file has to begin as chronyd's ntskeys does "
            "(inv keys.rotate-nts makes one)"
        )
    lines = text[header.end() :].splitlines()
    keys: list[ServerKey] = []
    for number, line in enumerate(lines[:COUNT], start=3):
        found = KEY_LINE.fullmatch(line)
        if found is None or (found[3] is None) != text.startswith("NKS0"):
            raise SiteError(f"{origin}: line {number} is no key of 32 bytes for AES-SIV-CMAC-256")
        key = ServerKey(int(found[1], 16), bytes.fromhex(found[2]))
        if keys and (key.id - keys[-1].id) % COUNT != 1:
            raise SiteError(f"{origin}: line {number}: the two lowest bits of the ids have to count up from key to key")
        keys.append(key)
    if len(keys) < COUNT:
        raise SiteError(f"{origin}: has {len(keys)} keys, and not {COUNT}")
    return ServerKeys(tuple(keys), _begun(lines[COUNT:], origin))


def _remarks(text: str) -> str:
    """Return the lines behind the keys but for that of a rotation; chronyd reads none of them."""
    header = HEADER.count("\n")
    lines = text.splitlines()[header + COUNT :]
    return "".join(f"{line}\n" for line in lines if not line.startswith(BEGUN))


def _begun(lines: list[str], origin: str) -> date | None:
    for line in lines:
        if line.startswith(BEGUN):
            try:
                return date.fromisoformat(line.removeprefix(BEGUN))
            except ValueError as error:
                raise SiteError(f"{origin}: the line of the rotation has no date") from error
    return None
