"""Ask an NTP server for the time, plainly, with right keys and with wrong ones, and see what it answers.

Packets are those of RFC 5905. A MAC is a key id (4 bytes, big-endian) and a digest of the 48-byte header: AES-CMAC for
AES keys (RFC 8573), else the hash of secret and header (RFC 5905). In version 4 a digest has at most 20 bytes
(RFC 7822): chronyd cuts longer ones, in requests and in answers (ntp_auth.c), so every type of key can be tried.

An answer is known by its socket and by the transmit timestamp of its request, which is random: whoever has not seen
the request cannot make one up.
"""

import hashlib
import hmac
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from provision.keys import AES_BYTES, MAX_ID, Key, Keys

HEADER = struct.Struct("!B39x8s")
"""Leap, version and mode; the transmit timestamp. A client need not fill in more (RFC 5905, 14: SNTP)."""
VERSION_4_CLIENT = 0b00_100_011
MODE_SERVER = 4
MAX_DIGEST = 20
CRYPTO_NAK = bytes(4)
"""What stands in the place of a MAC when the server did not accept ours (RFC 5905, 9.2); chronyd is silent instead."""
MOST_KEYS = 50
"""As many as the host itself tries (remote/asking.sh)."""
NO_ANSWER = "no answer"
GRACE = 0.1
"""Seconds; the least that an answer which must not come is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The time, as a server gave it."""

    stratum: int
    """0: the server itself is not synchronised."""
    leap: int
    """0 nothing announced, 1 insert a second, 2 delete one, 3 the server is not synchronised (RFC 5905, 7.3)."""
    offset: float
    """Seconds by which the server's clock is ahead of ours; wrong by half the round trip at most."""
    round_trip: float
    """Seconds."""

    def __str__(self) -> str:
        state = f"stratum {self.stratum}" if self.stratum else "not synchronised itself"
        return f"{state}, after {self.round_trip * 1000:.1f} ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAnswer:
    """How a server answered to one key."""

    id: int
    answered: bool = False
    mac_valid: bool = False
    """The answer carried the MAC that the key makes of it."""
    wrong_secret_answered: bool = False
    """A request with this id, and a MAC of another secret, was answered."""

    @property
    def in_words(self) -> str:
        """Return what came, in words."""
        if not self.answered:
            return NO_ANSWER
        return "answered with a valid MAC" if self.mac_valid else "answered, but without a valid MAC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a server answered to us."""

    address: str
    plain: Answer | None = None
    """The answer to a request without a MAC."""
    reason: str = NO_ANSWER
    """Why there was none, in words such as ``connection refused``."""
    keys: tuple[KeyAnswer, ...] = ()
    left_out: int = 0
    """Keys that were not tried: of many, a sample speaks for all."""
    unknown_id_answered: bool = False
    """A request with a key id that the server cannot know was answered."""

    @property
    def answered(self) -> bool:
        """Say whether a plain request was answered."""
        return self.plain is not None

    @property
    def plain_in_words(self) -> str:
        """Return the plain answer, or why there was none, in words."""
        return self.reason if self.plain is None else str(self.plain)


def probe(address: str, keys: Keys, *, port: int = 123, patience: float = 0.5, tries: int = 3) -> Probe:
    """Ask a server, by name or IP address: plainly, with every key, and with wrong ones, all at once.

    Of more than :data:`MOST_KEYS`, a sample speaks for all: each takes two sockets, and a device fleet has 100,000.
    What was not answered is sent again after ``patience`` seconds, ``tries`` times in all. Nothing is raised: a server
    that does not answer is a result.
    """
    unknown, left_out, keys = _unknown(keys), max(len(keys) - MOST_KEYS, 0), keys.sample(MOST_KEYS)
    nobody = Probe(address=address, keys=tuple(KeyAnswer(id=key.id) for key in keys), left_out=left_out)
    with ExitStack() as stack:
        try:
            exchanges = _open(stack, address, port, keys, unknown)
        except (socket.gaierror, UnicodeError):  # the second for a name that DNS cannot hold
            return replace(nobody, reason="cannot resolve the name")
        except OSError as error:
            return replace(nobody, reason=_words(error))
        wanted = 1 + len(keys)
        _ask(exchanges[:wanted], exchanges[wanted:], patience=patience, tries=tries)
        return replace(_result(address, keys, exchanges), left_out=left_out)


def mac(key: Key, header: bytes) -> bytes:
    """Return key id and digest, as they stand behind a header."""
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


@dataclass(slots=True)
class _Exchange:
    """One request, over a socket of its own, and what came back."""

    key: Key | None
    channel: socket.socket
    sent: dict[bytes, float] = field(default_factory=dict)
    """Transmit timestamp of a request → when it was sent. Late answers count, too."""
    answer: Answer | None = None
    mac_valid: bool = False
    error: str | None = None

    @property
    def waits(self) -> bool:
        return self.answer is None and self.error is None

    def send(self) -> None:
        timestamp = os.urandom(8)
        header = HEADER.pack(VERSION_4_CLIENT, timestamp)
        self.error = None
        self.sent[timestamp] = time.monotonic()
        try:
            self.channel.send(header + (mac(self.key, header) if self.key else b""))
        except OSError as error:
            self.error = _words(error)

    def receive(self) -> None:
        try:
            data = self.channel.recv(1024)
        except BlockingIOError:  # a packet whose checksum was wrong wakes us, too
            return
        except OSError as error:
            self.error = _words(error)
            return
        received = time.time()
        sent_at = self.sent.get(data[24:32])
        if sent_at is None or self.answer:
            return
        self.answer = _read(data, time.monotonic() - sent_at, received)
        if self.answer and self.key:
            self.mac_valid = hmac.compare_digest(data[48:], mac(self.key, data[:48]))


def _open(stack: ExitStack, address: str, port: int, keys: Keys, unknown: Key) -> list[_Exchange]:
    """Prepare one exchange without a key, one with each, one with another secret for each, one with an unknown id."""
    family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
    exchanges = []
    for key in (None, *keys, *map(_another_secret, keys), unknown):
        channel = stack.enter_context(socket.socket(family, kind, protocol))
        channel.settimeout(0)
        # A connected socket takes packets of this server only, and hears that the port is closed.
        channel.connect(place)
        exchanges.append(_Exchange(key, channel))
    return exchanges


def _another_secret(key: Key) -> Key:
    return replace(key, secret=os.urandom(len(key.secret)))


def _unknown(keys: Keys) -> Key:
    taken = set(keys.ids)
    free = next(number for number in range(MAX_ID, 0, -1) if number not in taken)
    return Key(free, "AES128", os.urandom(16))


def _read(data: bytes, round_trip: float, received: float) -> Answer | None:
    """Read a packet that came at ``received``, in seconds since 1970; None: it does not give the time."""
    import ntplib  # noqa: PLC0415 -- only who asks for the time needs it

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
    """Say whether a packet only tells us off, with a word such as RATE (RFC 5905, 7.4)."""
    return stratum == 0 and reference.isalpha()


def _ask(wanted: list[_Exchange], unwanted: list[_Exchange], *, patience: float, tries: int) -> None:
    """Send all requests, until those whose answers are wanted are answered; then grant the others a little more."""
    with selectors.DefaultSelector() as selector:
        for exchange in (*wanted, *unwanted):
            selector.register(exchange.channel, selectors.EVENT_READ, exchange)
        for _ in range(tries):
            # The plain request goes last: its round trip, which tells how good the time is, has no MACs to wait for.
            for exchange in reversed((*wanted, *unwanted)):
                if exchange.answer is None:
                    exchange.send()
            _listen(selector, patience, lambda: _any_waits(wanted))
            if not _any_waits(wanted):
                break
        if times := [exchange.answer.round_trip for exchange in wanted if exchange.answer]:
            _listen(selector, max(GRACE, 4 * max(times)), lambda: _any_waits(unwanted))


def _any_waits(exchanges: Iterable[_Exchange]) -> bool:
    return any(exchange.waits for exchange in exchanges)


def _listen(selector: selectors.BaseSelector, seconds: float, more: Callable[[], bool]) -> None:
    """Take packets for some seconds, or until no more are expected."""
    end = time.monotonic() + seconds
    while more() and (left := end - time.monotonic()) > 0:
        for ready, _ in selector.select(left):
            ready.data.receive()


def _result(address: str, keys: Keys, exchanges: list[_Exchange]) -> Probe:
    plain, *others, unknown = exchanges
    right, wrong = others[: len(keys)], others[len(keys) :]
    return Probe(
        address=address,
        plain=plain.answer,
        reason=plain.error or NO_ANSWER,
        keys=tuple(
            KeyAnswer(
                id=key.id,
                answered=ours.answer is not None,
                mac_valid=ours.mac_valid,
                wrong_secret_answered=other.answer is not None,
            )
            for key, ours, other in zip(keys, right, wrong, strict=True)
        ),
        unknown_id_answered=unknown.answer is not None,
    )


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
