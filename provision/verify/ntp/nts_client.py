"""Ask a server with NTS from this machine: key exchange, and authenticated NTP requests with its cookies.

A client must use a cookie once only (RFC 8915, section 5.7), so each attempt takes another one while there are some. A
request with an altered cookie has to be refused: a server that answers it anyway has not read it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from os import urandom
from time import monotonic, time

from provision.keys.nts_keys import ServerKey, ServerKeys
from provision.verify.ntp.exchange import Channel, reason_of, unsent_text
from provision.verify.ntp.key_exchange import KeyExchange, KeyExchanges, Stage, exchange_keys
from provision.verify.ntp.nts_cookies import cookie_of, key_of
from provision.verify.ntp.nts_packet import IDENTIFIER_BYTES, NtsKeys, NtsReply, Reply, read_reply, request
from provision.verify.ntp.packet import Answer, new_timestamp, read_answer
from provision.verify.ntp.packet import request as plain_request

TRIES = 3
PATIENCE = 0.7
"""Seconds until a request counts as lost."""
PLACEHOLDERS = 1
"""The placeholders of the first request, whose answer then has one fresh cookie more."""


class Outcome(StrEnum):
    """What became of a request."""

    AUTHENTICATED = "authenticated"
    WITHOUT_TIME = "answered with valid authentication, and without the time (kiss-o'-death)"
    NAK = Reply.NAK
    INVALID = "answered without valid authentication"
    SILENT = "no answer"
    UNSENT = "not sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class NtsRequest:
    """A request and its outcome."""

    outcome: Outcome
    words: str = ""
    """Why it could not be sent, or why no answer could come."""
    answer: Answer | None = None
    """The time, if the answer has valid authentication."""
    cookies: tuple[bytes, ...] = field(default=(), repr=False)
    """The fresh cookies of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedKeyAnswers:
    """Whether a server uses the keys of cookies that it shares with others."""

    made_with: ServerKey | None
    """The shared key with which it made a cookie for this machine; None if it is none of them."""
    accepted: tuple[tuple[ServerKey, Outcome], ...]
    """What became of a request with a cookie of each key, as another server would make it; none after a silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NtsRequests:
    """Three requests: with a cookie of the key exchange, with a fresh one of the first answer, with an altered one."""

    first: NtsRequest
    fresh: NtsRequest | None = None
    """None: the first answer had no fresh cookie."""
    altered: NtsRequest | None = None
    """None: the first request was not answered, so that a refusal would prove nothing."""
    shared_keys: SharedKeyAnswers | None = None
    """None: the server has keys of its own, or the first request was not answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NtsProbe:
    """What a server with NTS answered to this machine."""

    exchanges: KeyExchanges
    requests: NtsRequests | None = None
    """None: there are no cookies to ask with."""


def ask_with_nts(
    address: str, port: int, *, name: str, authority: str, shared_keys: ServerKeys | None = None
) -> NtsProbe:
    """Ask a server whose key exchange is at a TCP port of an address; nothing is raised, for a failure is a result."""
    exchanges = exchange_keys(address, port, name=name, authority=authority)
    if exchanges.right.stage is not Stage.DONE:
        return NtsProbe(exchanges=exchanges)
    return NtsProbe(exchanges=exchanges, requests=_requests(address, exchanges.right, shared_keys))


def _requests(address: str, exchange: KeyExchange, shared_keys: ServerKeys | None) -> NtsRequests:
    try:
        with Channel.open(exchange.ntp_server or address, exchange.ntp_port) as channel:
            return _in_channel(channel, exchange, shared_keys)
    except (OSError, UnicodeError) as error:
        return NtsRequests(first=NtsRequest(outcome=Outcome.UNSENT, words=unsent_text(error) or reason_of(error)))


def _in_channel(channel: Channel, exchange: KeyExchange, shared_keys: ServerKeys | None) -> NtsRequests:
    """Send the requests. Raises OSError."""
    keys = exchange.keys
    assert keys is not None  # the exchange is done  # noqa: S101
    first = ask_with_cookies(channel, exchange.cookies, keys, placeholders=PLACEHOLDERS)
    if first.outcome is not Outcome.AUTHENTICATED:
        return NtsRequests(first=first)
    found = NtsRequests(first=first, altered=ask_with_cookies(channel, (_altered(exchange.cookies[-1]),), keys))
    if first.cookies:
        found = replace(found, fresh=ask_with_cookies(channel, first.cookies, keys))
    if shared_keys is not None:
        made_with = key_of(exchange.cookies[0], shared_keys, keys)
        accepted = tuple(_accepted(channel, keys, shared_keys))
        found = replace(found, shared_keys=SharedKeyAnswers(made_with=made_with, accepted=accepted))
    return found


def _accepted(channel: Channel, keys: NtsKeys, shared_keys: ServerKeys) -> Iterator[tuple[ServerKey, Outcome]]:
    """Yield what becomes of a cookie of each shared key, up to the first silence. Raises OSError."""
    for key in shared_keys.keys:
        outcome = ask_with_cookies(channel, (cookie_of(key, keys),), keys).outcome
        yield key, outcome
        if outcome is Outcome.SILENT:
            # A rate limit or a firewall may drop requests: each further one would only wait.
            return


def _altered(cookie: bytes) -> bytes:
    return cookie[:-1] + bytes([cookie[-1] ^ 1])


def ask_with_cookies(
    channel: Channel, cookies: tuple[bytes, ...], keys: NtsKeys, *, placeholders: int = 0
) -> NtsRequest:
    """Send a request until it is answered, each time with another cookie while there are some. Raises OSError."""
    words = ""
    for number in range(TRIES):
        cookie = cookies[number % len(cookies)]
        identifier, header = urandom(IDENTIFIER_BYTES), plain_request(new_timestamp(), None)
        try:
            channel.socket.send(request(header, identifier, cookie, keys, placeholders=placeholders))
            sent = monotonic()
            for data in _packets(channel, sent + PATIENCE):
                reply = read_reply(data, identifier, keys)
                if reply is not None:
                    return _outcome(reply, data, monotonic() - sent)
        except ConnectionError as error:
            # The host of the server has reported by ICMP that its port is closed.
            words = reason_of(error)
    return NtsRequest(outcome=Outcome.SILENT, words=words)


def _packets(channel: Channel, end: float) -> Iterator[bytes]:
    """Yield the packets that arrive until a time. Raises OSError."""
    while (left := end - monotonic()) > 0:
        channel.socket.settimeout(left)
        try:
            yield channel.socket.recv(4096)
        except TimeoutError:
            return


def _outcome(reply: NtsReply, data: bytes, round_trip: float) -> NtsRequest:
    if reply.reply is Reply.NAK:
        return NtsRequest(outcome=Outcome.NAK)
    if reply.reply is Reply.INVALID:
        return NtsRequest(outcome=Outcome.INVALID)
    answer = read_answer(data, round_trip, time())
    if answer is None:
        # A server with "ratelimit" and "kod" says so that it is asked too often.
        return NtsRequest(outcome=Outcome.WITHOUT_TIME)
    return NtsRequest(outcome=Outcome.AUTHENTICATED, answer=answer, cookies=reply.cookies)
