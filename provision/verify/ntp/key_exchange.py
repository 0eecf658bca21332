"""Make the key exchange of NTS (NTS-KE, RFC 8915, section 4) with a server from this machine, over TLS 1.3.

It proves the certificate, its authority and its name, and gives what authenticated NTP packets need: cookies, and the
keys of the TLS session.
"""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from time import monotonic

from provision.verify.ntp.nts_packet import NtsKeys
from provision.verify.ntp.other_authority import OTHER_AUTHORITY, OTHER_NAME
from provision.verify.ntp.tls_exporter import KeyLog, export

SECONDS = 5
"""The time limit of a connection, and of the whole answer."""
PROTOCOL = "ntske/1"
MOST_BYTES = 65536
MOST_COOKIE_BYTES = 1024
"""A longer cookie and its placeholder fit into no packet of Ethernet; those of chronyd have 100."""
CRITICAL = 0x8000
END, NEXT_PROTOCOL, ERROR, AEAD, COOKIE, NTP_SERVER, NTP_PORT = 0, 1, 2, 4, 5, 6, 7
"""Types of records (RFC 8915, section 7.6)."""
NUMBERS, NUMBER_BYTES = (ERROR, NTP_PORT), 2
"""The records that hold one number each, and its length."""
AES_SIV_CMAC_256 = 15
AES_SIV_KEY_BYTES = 32
NTPV4 = 0
NTP_UDP_PORT = 123
LABEL = "EXPORTER-network-time-security"
TO_SERVER, TO_CLIENT = b"\0", b"\1"
"""The last byte of the context of the exporter (RFC 8915, section 5.1)."""


class Stage(StrEnum):
    """How far a key exchange came."""

    UNRESOLVED = "the name has no address"
    UNCONNECTED = "no connection"
    REFUSED = "the port is closed"
    TLS = "TLS failed"
    EXCHANGE = "the exchange failed"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExchange:
    """The outcome of a key exchange."""

    stage: Stage
    words: str = ""
    """Why it ended before it was done."""
    cookies: tuple[bytes, ...] = field(default=(), repr=False)
    keys: NtsKeys | None = None
    """The keys of the NTP packets; None if it is not done."""
    ntp_server: str = ""
    """Where the server has NTP packets sent; empty: to its own address."""
    ntp_port: int = NTP_UDP_PORT


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExchanges:
    """The outcomes with the server's authority and name, with another authority, and with another name."""

    right: KeyExchange
    other_authority: KeyExchange | None = None
    """None: the right one failed, so that a refusal would prove nothing."""
    other_name: KeyExchange | None = None


def exchange_keys(address: str, port: int, *, name: str, authority: str) -> KeyExchanges:
    """Make three key exchanges with the server at an address; nothing is raised, for a failure is a result."""
    right = _exchange(address, port, name=name, authority=authority)
    if right.stage is not Stage.DONE:
        return KeyExchanges(right=right)
    return KeyExchanges(
        right=right,
        other_authority=_exchange(address, port, name=name, authority=OTHER_AUTHORITY),
        other_name=_exchange(address, port, name=OTHER_NAME, authority=authority),
    )


def _exchange(address: str, port: int, *, name: str, authority: str) -> KeyExchange:
    try:
        connection = socket.create_connection((address, port), timeout=SECONDS)
    except (OSError, UnicodeError) as error:
        return _unconnected(error)
    with connection:
        try:
            return _in_tls(connection, name, authority)
        except ssl.SSLCertVerificationError as error:
            return KeyExchange(stage=Stage.TLS, words=error.verify_message.rstrip("."))
        except (ssl.SSLError, ConnectionError, TimeoutError) as error:
            return KeyExchange(stage=Stage.TLS, words=str(error.strerror or error).lower())
        except (OSError, ValueError) as error:
            return KeyExchange(stage=Stage.EXCHANGE, words=str(error))


def _in_tls(connection: socket.socket, name: str, authority: str) -> KeyExchange:
    """Make the exchange, and export the keys of its session. Raises OSError, ValueError."""
    with KeyLog() as log:
        context = _context(authority)
        log.attach(context)
        with context.wrap_socket(connection, server_hostname=name) as session:
            found = _in_session(session)
        if found.stage is not Stage.DONE:
            return found
        return replace(found, keys=_keys(log.secret()))


def _unconnected(error: OSError | UnicodeError) -> KeyExchange:
    if isinstance(error, socket.gaierror | UnicodeError):
        return KeyExchange(stage=Stage.UNRESOLVED, words="cannot resolve the name")
    words = (error.strerror or str(error)).lower()
    if isinstance(error, ConnectionRefusedError):
        return KeyExchange(stage=Stage.REFUSED, words=words)
    return KeyExchange(stage=Stage.UNCONNECTED, words=words)


def _context(authority: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # The last certificate of a chain may be an intermediate authority.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=authority)
    context.set_alpn_protocols([PROTOCOL])
    return context


def _keys(secret: bytes) -> NtsKeys:
    """Return the keys of NTP packets by the secret of a session's exporter (RFC 8915, section 5.1)."""
    context = NTPV4.to_bytes(2, "big") + AES_SIV_CMAC_256.to_bytes(2, "big")
    to_server, to_client = (
        export(secret, LABEL, context + direction, AES_SIV_KEY_BYTES) for direction in (TO_SERVER, TO_CLIENT)
    )
    return NtsKeys(to_server, to_client)


def request() -> bytes:
    """Return the records of a client: NTPv4 with AES-SIV-CMAC-256."""
    wanted = ((NEXT_PROTOCOL, NTPV4), (AEAD, AES_SIV_CMAC_256))
    records = (_record(type_, value.to_bytes(2, "big")) for type_, value in wanted)
    return b"".join((*records, _record(END, b"")))


def _record(type_: int, body: bytes) -> bytes:
    return (CRITICAL | type_).to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def _in_session(session: ssl.SSLSocket) -> KeyExchange:
    """Make the exchange within TLS. Raises OSError, ValueError."""
    end = monotonic() + SECONDS
    if session.selected_alpn_protocol() != PROTOCOL:
        raise ValueError("the server does not speak NTS-KE (ntske/1)")
    session.sendall(request())
    data = b""
    while len(data) < MOST_BYTES:
        more = session.recv(4096)
        data += more
        if not more or ends(data):
            break
        # Each read has the limit of the connection: a server that sends a byte now and then would take hours.
        if monotonic() > end:
            raise TimeoutError("the answer did not end in time")
    return read_records(data)


def ends(data: bytes) -> bool:
    """Return whether an answer is complete."""
    return any(type_ == END for type_, _ in records_of(data))


def records_of(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and body of each complete record."""
    while len(data) >= 4:
        length = int.from_bytes(data[2:4], "big")
        if len(data) < 4 + length:
            return
        yield int.from_bytes(data[:2], "big") & ~CRITICAL, data[4 : 4 + length]
        data = data[4 + length :]


def read_records(data: bytes) -> KeyExchange:
    """Return the outcome by the answer of a server."""
    records = list(records_of(data))
    if any(len(body) != NUMBER_BYTES for type_, body in records if type_ in NUMBERS):
        return KeyExchange(
            stage=Stage.EXCHANGE, words="the server answers with an error or a port that has not two bytes"
        )
    errors = [int.from_bytes(body, "big") for type_, body in records if type_ == ERROR]
    if errors:
        return KeyExchange(stage=Stage.EXCHANGE, words=f"the server answers with error {errors[0]} (RFC 8915, 4.1.3)")
    if not any(type_ == END for type_, _ in records):
        return KeyExchange(stage=Stage.EXCHANGE, words="the server ended before its answer was complete")
    cookies = tuple(body for type_, body in records if type_ == COOKIE and body)
    if any(len(cookie) > MOST_COOKIE_BYTES for cookie in cookies):
        return KeyExchange(stage=Stage.EXCHANGE, words="the server gives cookies that fit into no NTP packet")
    agreed = [int.from_bytes(body, "big") for type_, body in records if type_ == AEAD]
    if not cookies or agreed != [AES_SIV_CMAC_256]:
        return KeyExchange(stage=Stage.EXCHANGE, words="the server gives no cookies for AES-SIV-CMAC-256")
    servers = [body.decode(errors="replace") for type_, body in records if type_ == NTP_SERVER]
    ports = [int.from_bytes(body, "big") for type_, body in records if type_ == NTP_PORT]
    return KeyExchange(
        stage=Stage.DONE,
        cookies=cookies,
        ntp_server=(servers or [""])[0],
        ntp_port=(ports or [NTP_UDP_PORT])[0],
    )
