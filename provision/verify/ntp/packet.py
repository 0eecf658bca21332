"""Make and read NTP packets, and the MACs that authenticate them.

Packets are those of RFC 5905. A MAC is a key id (4 bytes, big-endian) and a digest of the 48-byte header: AES-CMAC for
AES keys (RFC 8573), else the hash of secret and header (RFC 5905). In version 4 a digest has at most 20 bytes
(RFC 7822): chronyd cuts longer ones, in requests and in answers (ntp_auth.c), so every type of key can be tried.
"""

import hashlib
import hmac
import os
import struct
from dataclasses import dataclass

from provision.keys import AES_BYTES, Key

HEADER = struct.Struct("!B39x8s")
"""Leap, version and mode; the transmit timestamp. A client need not fill in more (RFC 5905, 14: SNTP)."""
VERSION_4_CLIENT = 0b00_100_011
PROOF = b"cprv"
"""The first half of the transmit timestamp of our requests: key_usage.sh does not count them as the use of a key."""
MODE_SERVER = 4
MAX_DIGEST = 20
CRYPTO_NAK = bytes(4)
"""The MAC of an answer that refuses the MAC of the request (RFC 5905, 9.2); chronyd is silent instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with the time."""

    stratum: int
    """0: the server itself is not synchronised."""
    leap: int
    """0 nothing announced, 1 insert a second, 2 delete one, 3 the server is not synchronised (RFC 5905, 7.3)."""
    offset: float
    """Seconds by which the server's clock is ahead of ours; wrong by half the round trip at most."""
    round_trip: float
    """Seconds."""


def new_timestamp() -> bytes:
    """Return a transmit timestamp that nobody can guess, and that the counts of keys on hosts leave out.

    A server repeats it in its answer. As a time it means nothing: the server does not read it (RFC 5905, 14).
    """
    return PROOF + os.urandom(4)


def request(timestamp: bytes, key: Key | None) -> bytes:
    """Return a request with this transmit timestamp, and with a MAC if there is a key."""
    header = HEADER.pack(VERSION_4_CLIENT, timestamp)
    if key is None:
        return header
    return header + mac(key, header)


def timestamp_of_request(answer: bytes) -> bytes:
    """Return the transmit timestamp of the request that a packet answers."""
    return answer[24:32]


def has_valid_mac(key: Key, answer: bytes) -> bool:
    """Return whether an answer carries the MAC that the key makes of it."""
    return hmac.compare_digest(answer[48:], mac(key, answer[:48]))


def mac(key: Key, header: bytes) -> bytes:
    """Return the MAC of a header: key id and digest."""
    return key.id.to_bytes(4, "big") + digest(key, header)


def digest(key: Key, data: bytes) -> bytes:
    """Return the digest that the key makes of data, 16 to 20 bytes."""
    if key.type in AES_BYTES:
        from cryptography.hazmat.primitives.ciphers.algorithms import AES  # noqa: PLC0415 -- slow to import
        from cryptography.hazmat.primitives.cmac import CMAC  # noqa: PLC0415 -- slow to import

        cmac = CMAC(AES(key.secret))
        cmac.update(data)
        return cmac.finalize()
    # The key file prescribes the hash; without the flag Python refuses MD5 on a machine in FIPS mode.
    hashed = hashlib.new(key.type.lower().replace("-", "_"), key.secret + data, usedforsecurity=False)
    return hashed.digest()[:MAX_DIGEST]


def read_answer(data: bytes, round_trip: float, received: float) -> Answer | None:
    """Read a packet that came at ``received``, in seconds since 1970; None: it does not give the time."""
    import ntplib  # noqa: PLC0415 -- slow to import

    packet = ntplib.NTPPacket()
    try:
        packet.from_data(data)
    except ntplib.NTPException:
        return None
    if packet.mode != MODE_SERVER or data[48:] == CRYPTO_NAK or _kiss_of_death(packet.stratum, data[12:16]):
        return None
    # Both clocks in the middle of the exchange: theirs between receiving and sending, ours half a round trip ago.
    theirs = ntplib.ntp_to_system_time((packet.recv_timestamp + packet.tx_timestamp) / 2)
    offset = theirs - (received - round_trip / 2)
    return Answer(stratum=packet.stratum, leap=packet.leap, offset=offset, round_trip=round_trip)


def _kiss_of_death(stratum: int, reference: bytes) -> bool:
    """Return whether a packet is a kiss-o'-death with a code such as RATE (RFC 5905, 7.4)."""
    return stratum == 0 and reference.isalpha()
