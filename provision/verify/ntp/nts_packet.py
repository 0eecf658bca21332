"""Make and read NTP packets with the extension fields of NTS (RFC 8915, section 5).

A request has a unique identifier, a cookie, placeholders for more cookies, and an authenticator over all of them. Its
answer has the identifier and an authenticator, in which fresh cookies are encrypted; or it is an NTS NAK, if the server
cannot read the cookie. The authenticator is AEAD_AES_SIV_CMAC_256 (RFC 5297).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

UNIQUE_IDENTIFIER, COOKIE, PLACEHOLDER, AUTHENTICATOR = 0x0104, 0x0204, 0x0304, 0x0404
"""Types of extension fields (RFC 8915, section 7.5)."""
HEADER = 48
IDENTIFIER_BYTES = 32
NONCE_BYTES = 16
LEAST_FIELD_BYTES = 16
"""The length of the shortest extension field (RFC 7822, section 3), with the four bytes of its type and length."""
NAK = b"NTSN"


class Reply(StrEnum):
    """What an answer says."""

    AUTHENTICATED = "authenticated"
    NAK = "NTS NAK (kiss code NTSN)"
    INVALID = "without valid authentication"


@dataclass(frozen=True, slots=True)
class NtsKeys:
    """The keys of a client and a server, from the TLS session of their key exchange."""

    to_server: bytes = field(repr=False)
    to_client: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NtsReply:
    """An answer, and its fresh cookies."""

    reply: Reply
    cookies: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ExtensionField:
    """An extension field, with the position in the packet at which it begins."""

    type: int
    body: bytes
    begin: int


def pack_field(type_: int, body: bytes) -> bytes:
    """Return an extension field, with zeros up to a length that the RFC permits."""
    length = max(_rounded(4 + len(body)), LEAST_FIELD_BYTES)
    return type_.to_bytes(2, "big") + length.to_bytes(2, "big") + body.ljust(length - 4, b"\0")


def _rounded(length: int) -> int:
    return (length + 3) // 4 * 4


def fields(data: bytes, begin: int = HEADER) -> Iterator[ExtensionField]:
    """Yield the extension fields of a packet from a position on. Raises ValueError if one is not complete."""
    while begin < len(data):
        length = int.from_bytes(data[begin + 2 : begin + 4], "big")
        if length < LEAST_FIELD_BYTES or length % 4 or begin + length > len(data):
            raise ValueError("an extension field has no valid length")
        yield ExtensionField(int.from_bytes(data[begin : begin + 2], "big"), data[begin + 4 : begin + length], begin)
        begin += length


def request(header: bytes, identifier: bytes, cookie: bytes, keys: NtsKeys, *, placeholders: int = 0) -> bytes:
    """Return a request: its answer has one fresh cookie, and one for each placeholder."""
    parts = [pack_field(UNIQUE_IDENTIFIER, identifier), pack_field(COOKIE, cookie)]
    parts += [pack_field(PLACEHOLDER, bytes(len(cookie)))] * placeholders
    packet = header + b"".join(parts)
    return packet + authenticator(packet, keys.to_server, b"")


def authenticator(packet: bytes, key: bytes, secret: bytes) -> bytes:
    """Return the authenticator of a packet, with a text that is encrypted in it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # noqa: PLC0415 -- slow to import

    nonce = os.urandom(NONCE_BYTES)
    encrypted = AESSIV(key).encrypt(secret, [packet, nonce])
    lengths = len(nonce).to_bytes(2, "big") + len(encrypted).to_bytes(2, "big")
    return pack_field(AUTHENTICATOR, lengths + nonce + encrypted.ljust(_rounded(len(encrypted)), b"\0"))


def read_reply(data: bytes, identifier: bytes, keys: NtsKeys) -> NtsReply | None:
    """Read a packet; None: it is no answer to the request with this identifier."""
    try:
        found = list(fields(data))
    except ValueError:
        return None
    if len(data) < HEADER or [one.body for one in found if one.type == UNIQUE_IDENTIFIER] != [identifier]:
        return None
    authenticators = [one for one in found if one.type == AUTHENTICATOR]
    if not authenticators:
        # Only the server has seen the identifier, so the refusal is its own (RFC 8915, section 5.7).
        return NtsReply(Reply.NAK if (data[1], data[12:16]) == (0, NAK) else Reply.INVALID)
    try:
        secret = _decrypted(data, authenticators[0], keys.to_client)
        return NtsReply(Reply.AUTHENTICATED, tuple(one.body for one in fields(secret, 0) if one.type == COOKIE))
    except ValueError:
        return NtsReply(Reply.INVALID)


def _decrypted(data: bytes, found: ExtensionField, key: bytes) -> bytes:
    """Return the text of an authenticator. Raises ValueError if it is not valid."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 -- slow to import
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # noqa: PLC0415

    nonce_length = int.from_bytes(found.body[:2], "big")
    length = int.from_bytes(found.body[2:4], "big")
    rest = found.body[4:]
    begin = _rounded(nonce_length)
    if not nonce_length or begin + length > len(rest):
        raise ValueError("the authenticator is not complete")
    try:
        return AESSIV(key).decrypt(rest[begin : begin + length], [data[: found.begin], rest[:nonce_length]])
    except InvalidTag as error:
        raise ValueError("the authenticator is not valid") from error
