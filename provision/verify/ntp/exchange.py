"""Exchange NTP packets with a server over UDP: many requests at once, and then single ones again.

An answer is matched to its request by the socket and by the transmit timestamp, which is random: nobody can forge an
answer to a request that they have not seen.
"""

import os
import selectors
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

from provision.keys import Key
from provision.verify.ntp.packet import Answer, has_valid_mac, read_answer, request, timestamp_of_request

GRACE = 0.1
"""Seconds; the least time to wait for an answer that must not come."""
PAUSE = 0.2
"""Seconds between requests that are sent one at a time."""
AGAIN = 3
"""The most requests of each kind that are sent again one at a time: those to be answered, and those not to be."""


@dataclass(slots=True)
class Exchange:
    """One request over a socket of its own, and its answer."""

    key: Key | None
    channel: socket.socket
    sent: dict[bytes, float] = field(default_factory=dict)
    """Transmit timestamp of a request → when it was sent. Late answers count, too."""
    answer: Answer | None = None
    mac_valid: bool = False
    error: str | None = None
    limited: bool = False
    """Its silence says nothing."""

    @property
    def waits(self) -> bool:
        """Return whether an answer may still come."""
        return self.answer is None and self.error is None

    def send(self) -> None:
        """Send the request, with a new timestamp."""
        timestamp = os.urandom(8)
        packet = request(timestamp, self.key)
        self.error = None
        self.sent[timestamp] = time.monotonic()
        try:
            self.channel.send(packet)
        except OSError as error:
            self.error = reason_of(error)

    def receive(self) -> None:
        """Take a packet that has arrived."""
        try:
            data = self.channel.recv(1024)
        except BlockingIOError:  # a packet whose checksum was wrong wakes us, too
            return
        except OSError as error:
            self.error = reason_of(error)
            return
        received = time.time()
        sent_at = self.sent.get(timestamp_of_request(data))
        if sent_at is None or self.answer:
            return
        self.answer = read_answer(data, time.monotonic() - sent_at, received)
        if self.answer and self.key:
            self.mac_valid = has_valid_mac(self.key, data)


def open_exchanges(stack: ExitStack, address: str, port: int, keys: Iterable[Key | None]) -> list[Exchange]:
    """Prepare an exchange with each key; None: without one. Raises OSError, UnicodeError."""
    family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
    exchanges = []
    for key in keys:
        channel = stack.enter_context(socket.socket(family, kind, protocol))
        channel.settimeout(0)
        # A connected socket takes packets of this server only, and hears that the port is closed.
        channel.connect(place)
        exchanges.append(Exchange(key, channel))
    return exchanges


def reason_of(error: OSError | UnicodeError) -> str:
    """Return the reason of a failure in words; a UnicodeError is a name that DNS cannot hold."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return "cannot resolve the name"
    return (error.strerror or str(error)).lower()


def ask(wanted: list[Exchange], unwanted: list[Exchange], *, patience: float, tries: int, insist: bool) -> None:
    """Send all requests, until those whose answers are wanted are answered; then grant the others a little more."""
    with selectors.DefaultSelector() as selector:
        for exchange in (*wanted, *unwanted):
            selector.register(exchange.channel, selectors.EVENT_READ, exchange)
        rounds = 0
        while rounds < tries:
            rounds += 1
            # The plain request goes last: its round trip, which tells how good the time is, has no MACs to wait for.
            # Where only some get through, those that are to be answered do.
            for exchange in (*reversed(wanted), *unwanted):
                if exchange.answer is None:
                    exchange.send()
            _listen(selector, patience, lambda: _any_waits(wanted))
            if not _any_waits(wanted):
                break
        if times := [exchange.answer.round_trip for exchange in wanted if exchange.answer]:
            _listen(selector, max(GRACE, 4 * max(times)), lambda: _any_waits(unwanted))
        if not insist:
            return
        if rounds > 1 or any(exchange.answer is None for exchange in wanted):
            _ask_again(_Alone(selector, patience), wanted, unwanted)


@dataclass(slots=True)
class _Alone:
    """Requests that are sent one at a time."""

    selector: selectors.BaseSelector
    patience: float
    blocked: int = 0
    """How many plain requests were not answered between them."""

    def answered(self, exchange: Exchange) -> bool:
        """Send a request once more, and say whether it is answered."""
        time.sleep(PAUSE)
        fresh = Exchange(exchange.key, exchange.channel)
        self.selector.modify(exchange.channel, selectors.EVENT_READ, fresh)
        fresh.send()
        _listen(self.selector, self.patience, lambda: fresh.waits)
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
    for group, times in (([*others, plain], 2), (unwanted, 1)):
        silent = [exchange for exchange in group if exchange.answer is None]
        for exchange in silent[:AGAIN]:
            exchange.limited = alone.is_silent(exchange, control, times) is None
        for exchange in silent[AGAIN:]:
            exchange.limited = True


def _any_waits(exchanges: Iterable[Exchange]) -> bool:
    return any(exchange.waits for exchange in exchanges)


def _listen(selector: selectors.BaseSelector, seconds: float, more: Callable[[], bool]) -> None:
    """Take packets for some seconds, or until no more are expected."""
    end = time.monotonic() + seconds
    while more() and (left := end - time.monotonic()) > 0:
        for ready, _ in selector.select(left):
            ready.data.receive()
