"""Exchange NTP packets with a server over UDP: many requests at once, and then single ones again.

All requests to a server share one socket, so that a rollout on many hosts does not run out of descriptors. An answer is
matched to its request by the transmit timestamp, which is random but for a mark: nobody can forge an answer to a
request that they have not seen.
"""

import errno
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from provision.keys import Key
from provision.verify.ntp.packet import Answer, has_valid_mac, new_timestamp, read_answer, request, timestamp_of_request

GRACE = 0.1
"""Seconds; the least time to wait for an answer that must not come."""
PAUSE = 0.2
"""Seconds between requests that are sent one at a time."""
AGAIN = 3
"""The most requests of each kind that are sent again one at a time: those to be answered, and those not to be."""
FIREWALL = "let the firewall of this machine pass UDP packets to port 123"
REMEDIES = {
    errno.EMFILE: "raise ulimit -n",
    errno.ENFILE: "raise sysctl fs.file-max",
    errno.ENOBUFS: "try again when this machine has memory to spare",
    errno.ENOMEM: "try again when this machine has memory to spare",
    errno.EPERM: FIREWALL,
    errno.EACCES: FIREWALL,
}
"""Errors of this machine, which say nothing about a server, and what to do about them."""


@dataclass(slots=True)
class Exchange:
    """One request and its answer."""

    key: Key | None
    answer: Answer | None = None
    mac_valid: bool = False
    error: str | None = None
    unsent: str = ""
    """Why this machine could not send it, and the remedy; empty if it was sent."""
    limited: bool = False
    """Its silence says nothing, for something drops requests."""
    not_again: bool = False
    """It was not asked alone: others like it were, and stayed silent."""

    @property
    def waits(self) -> bool:
        """Return whether an answer may still come."""
        return self.answer is None and self.error is None

    def take(self, data: bytes, round_trip: float, received: float) -> None:
        """Take an answer that came at ``received``, in seconds since 1970, unless one came before."""
        if self.answer is not None:
            return
        self.answer = read_answer(data, round_trip, received)
        if self.answer and self.key:
            self.mac_valid = has_valid_mac(self.key, data)

    def fail(self, error: OSError) -> None:
        """Note an error, unless an answer came before."""
        if self.answer is None:
            self.error, self.unsent = reason_of(error), unsent_text(error)


@dataclass(slots=True)
class Channel(AbstractContextManager["Channel"]):
    """A socket for all requests to a server; it is closed at the end of the context."""

    socket: socket.socket
    _sent: dict[bytes, tuple[Exchange, float]] = field(default_factory=dict)
    """Transmit timestamp of a request → its exchange, and when it was sent. Late answers count, too."""

    @classmethod
    def open(cls, address: str, port: int) -> Self:
        """Connect a socket to a server. Raises OSError, UnicodeError."""
        family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
        channel = socket.socket(family, kind, protocol)
        try:
            # A connected socket takes packets of this server only, and hears that the port is closed.
            channel.connect(place)
        except OSError:
            channel.close()
            raise
        return cls(channel)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.socket.close()

    def send(self, exchange: Exchange) -> None:
        """Send a request, with a new timestamp."""
        timestamp = new_timestamp()
        packet = request(timestamp, exchange.key)
        exchange.error, exchange.unsent = None, ""
        self._sent[timestamp] = exchange, time.monotonic()
        try:
            self.socket.send(packet)
        except ConnectionError as error:
            # The error of an earlier request, which was reported in place of sending this one.
            self._fail(error)
        except OSError as error:
            exchange.fail(error)

    def listen(self, seconds: float, more: Callable[[], bool]) -> None:
        """Take packets for some seconds, or until no more are expected."""
        end = time.monotonic() + seconds
        while more() and (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data: bytes = self.socket.recv(1024)
            except TimeoutError:
                break
            except OSError as error:
                self._fail(error)
            else:
                self._take(data)
        self.socket.settimeout(None)

    def _take(self, data: bytes) -> None:
        received, now = time.time(), time.monotonic()
        known: Any = self._sent.get(timestamp_of_request(data))
        if known is not None:
            exchange, sent_at = known
            exchange.take(data, now - sent_at, received)

    def _fail(self, error: OSError) -> None:
        for exchange, _ in self._sent.values():
            exchange.fail(error)


def reason_of(error: OSError | UnicodeError) -> str:
    """Return the reason of a failure in words; a UnicodeError is a name that DNS cannot hold."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return "cannot resolve the name"
    return (error.strerror or str(error)).lower()


def unsent_text(error: OSError | UnicodeError) -> str:
    """Return an error of this machine in words, with its remedy; empty if it is one of the network or the server."""
    remedy = REMEDIES.get(getattr(error, "errno", None) or 0)
    if remedy is None or isinstance(error, socket.gaierror):
        return ""
    return f"{reason_of(error)}: {remedy}"


def ask(
    channel: Channel, wanted: list[Exchange], unwanted: list[Exchange], *, patience: float, tries: int, insist: bool
) -> None:
    """Send all requests, until those whose answers are wanted are answered; then grant the others a little more."""
    rounds = 0
    while rounds < tries:
        rounds += 1
        # The plain request goes last: its round trip, which tells how good the time is, has no MACs to wait for.
        # Where only some get through, those that are to be answered do.
        for exchange in (*reversed(wanted), *unwanted):
            if exchange.answer is None:
                channel.send(exchange)
        channel.listen(patience, lambda: _any_waits(wanted))
        if not _any_waits(wanted):
            break
    if times := [exchange.answer.round_trip for exchange in wanted if exchange.answer]:
        channel.listen(max(GRACE, 4 * max(times)), lambda: _any_waits(unwanted))
    if not insist:
        return
    if rounds > 1 or any(exchange.answer is None for exchange in wanted):
        _ask_again(_Alone(channel, patience), wanted, unwanted)


@dataclass(slots=True)
class _Alone:
    """Requests that are sent one at a time."""

    channel: Channel
    patience: float
    blocked: int = 0
    """How many plain requests were not answered between them."""

    def answered(self, exchange: Exchange) -> bool:
        """Send a request once more, and say whether it is answered."""
        time.sleep(PAUSE)
        fresh = Exchange(exchange.key)
        self.channel.send(fresh)
        self.channel.listen(self.patience, lambda: fresh.waits)
        if fresh.answer is not None:
            exchange.answer, exchange.mac_valid = fresh.answer, fresh.mac_valid
        return fresh.answer is not None

    def is_silent(self, exchange: Exchange, control: Exchange, times: int) -> bool | None:
        """Return whether a request stays unanswered so many times while plain ones are answered; None if unknown."""
        silences = 0
        while silences < times and self.blocked < 2:
            if silences:
                # As long as before the plain request: a limit that lets that through lets this one through.
                time.sleep(self.patience)
            if self.answered(exchange):
                return False
            if self.answered(control):
                silences += 1
            else:
                self.blocked += 1
        if silences < times:
            return None
        return True


def _ask_again(alone: _Alone, wanted: list[Exchange], unwanted: list[Exchange]) -> None:
    """Find out of a silence whether it is an answer, where some requests were answered late or not at all."""
    plain, *others = wanted
    if all(exchange.answer is None for exchange in wanted) and (plain.error or not alone.answered(plain)):
        return
    control = next(exchange for exchange in wanted if exchange.answer is not None)
    is_limited = False
    for group, times in (([*others, plain], 2), (unwanted, 1)):
        silent = [exchange for exchange in group if exchange.answer is None]
        silences = []
        for exchange in silent[:AGAIN]:
            silence = alone.is_silent(exchange, control, times)
            exchange.limited = silence is None
            silences.append(silence)
        # An answer to one that is asked alone shows a limit, as an unanswered plain request does.
        is_limited = is_limited or not all(silences)
        for exchange in silent[AGAIN:]:
            exchange.limited, exchange.not_again = is_limited, not is_limited


def _any_waits(exchanges: Iterable[Exchange]) -> bool:
    return any(exchange.waits for exchange in exchanges)
