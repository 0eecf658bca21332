"""Send requests to a host at a steady rate, and record the leap and offset of each answer, also of a late one."""

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise

from provision.keys import Key
from provision.verify.ntp.packet import HEADER, VERSION_4_CLIENT, mac

NTP_PORT = 123
PATIENCE = 4.0
"""Seconds for which the last answers are awaited."""
UNSYNCHRONISED = 3
"""The leap indicator of a server whose clock is not synchronised (RFC 5905, figure 9)."""
OWN_ERROR = 0.0005
"""Seconds by which a server that may not set its clock differs from the clock that it shares with its clients."""
_SO_TIMESTAMPNS = 35
"""socket(7), asm-generic/socket.h; Python has no name for it."""
_TIMESPEC = struct.Struct("@qq")
_TIMES = struct.Struct("!16xQQQQ")
"""The four timestamps at the end of a header: reference, origin, receive, transmit (RFC 5905, figure 8)."""
_TO_1970 = 2208988800
"""Seconds from 1900, where NTP begins to count."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer whose MAC is valid."""

    leap: int
    wait: float
    """Seconds between the request and its answer, at the client."""
    offset: float
    """Seconds by which the server's clock seems to be ahead of the client's (RFC 5905, section 8)."""

    @property
    def is_wrong(self) -> bool:
        """Return whether the offset is more than half the wait, and than the server's own error."""
        return abs(self.offset) > self.wait / 2 + OWN_ERROR


@dataclass(slots=True)
class LoadMeter:
    """Requests to one address, with one key or none, and their answers."""

    address: str
    key: Key | None
    rate: int
    """Requests in a second."""
    sent: dict[bytes, float] = field(default_factory=dict)
    """When each request was sent, in seconds since 1970, by its transmit timestamp, which is random."""
    received: list[tuple[bytes, float]] = field(default_factory=list)
    """Each packet that was received, with the time at which the kernel received it, in seconds since 1970."""
    _enough: threading.Event = field(default_factory=threading.Event)
    _channel: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def send(self) -> None:
        """Send until ``_enough`` is set. After a pause of this machine, the requests that are due are sent at once."""
        begun = time.monotonic()
        count = 0
        while not self._enough.is_set():
            while count < (time.monotonic() - begun) * self.rate:
                header = HEADER.pack(VERSION_4_CLIENT, stamp := os.urandom(8))
                packet = header + self._mac(header)
                self.sent[stamp] = time.time()
                # The kernel reports here that an earlier request met a closed port, or that there is no route; this
                # request is lost, too.
                with suppress(OSError):
                    self._channel.send(packet)
                count += 1
            time.sleep(0.5 / self.rate)

    def receive(self) -> None:
        """Receive until each request is answered, or was sent PATIENCE seconds ago."""
        while True:
            try:
                data, ancillary, _, _ = self._channel.recvmsg(1024, 64)
            except OSError:
                # No answer in a tenth of a second, or a closed port.
                if self._enough.is_set() and not self._awaits_answers():
                    return
                continue
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
            self.received.append((data, seconds + nanoseconds / 1e9))

    def _awaits_answers(self) -> bool:
        oldest = time.time() - PATIENCE
        return any(sent > oldest for sent in self.lost)

    def _mac(self, data: bytes) -> bytes:
        return mac(self.key, data) if self.key else b""

    def _is_valid(self, data: bytes) -> bool:
        return data[24:32] in self.sent and (self.key is None or data[48:] == mac(self.key, data[:48]))

    def answers(self) -> list[Answer]:
        """Return the answers with a valid MAC, one for each request."""
        found = {}
        for data, arrived in self.received:
            if self._is_valid(data):
                stamp = data[24:32]
                found[stamp] = _answer(data, self.sent[stamp], arrived)
        return list(found.values())

    @property
    def lost(self) -> list[float]:
        """Return when the requests without an answer were sent, in seconds since 1970."""
        answered = {data[24:32] for data, _ in self.received if self._is_valid(data)}
        return [sent for stamp, sent in self.sent.items() if stamp not in answered]

    @property
    def silence(self) -> float:
        """Return how long ago the last answer came, in seconds; without any, infinity."""
        for data, arrived in reversed(self.received):
            if self._is_valid(data):
                return time.time() - arrived
        return float("inf")

    @property
    def longest_silence(self) -> float:
        """Return the longest time in which no request was answered, in seconds; 0.0 if each was, however late.

        It lasts from the first request that is lost until the next one is sent that is not.
        """
        lost = set(self.lost)
        longest, begun = 0.0, None
        for sent in (*self.sent.values(), time.time()):
            if sent in lost:
                begun = begun or sent
            elif begun:
                longest, begun = max(longest, sent - begun), None
        return longest


def assert_none_lost(meter: LoadMeter, *, may_be_unsynchronised: bool = False) -> None:
    """Assert that each request got a right answer, of a synchronised server unless it may be unsynchronised."""
    answers = meter.answers()
    assert len(answers) > meter.rate / 2
    assert meter.lost == [], _loss(meter)
    assert [answer for answer in answers if answer.is_wrong] == []
    assert may_be_unsynchronised or UNSYNCHRONISED not in {answer.leap for answer in answers}


def _loss(meter: LoadMeter) -> str:
    """Return how many requests were lost, when, and the longest pause of this machine in sending, for a failed test."""
    times = list(meter.sent.values())
    pauses = [later - earlier for earlier, later in pairwise(times)]
    begun, lost = times[0], meter.lost
    when = f"{lost[0] - begun:.2f} to {lost[-1] - begun:.2f} s"
    return f"{len(lost)} of {len(times)} requests lost, at {when}; longest pause in sending {max(pauses):.2f} s"


def _answer(data: bytes, sent: float, arrived: float) -> Answer:
    _, _, got, left = _TIMES.unpack(data[:48])
    offset = ((_seconds(got) - sent) + (_seconds(left) - arrived)) / 2
    return Answer(leap=data[0] >> 6, wait=arrived - sent, offset=offset)


def _seconds(timestamp: int) -> float:
    return timestamp / 2**32 - _TO_1970


@contextmanager
def under_load(address: str, key: Key | None, rate: int) -> Iterator[LoadMeter]:
    """Send requests to a host within the ``with`` block; after it, the answers have been received or are lost."""
    meter = LoadMeter(address, key, rate)
    with meter._channel as channel:
        channel.settimeout(0.1)
        channel.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        channel.connect((address, NTP_PORT))
        threads = [threading.Thread(target=work, daemon=True) for work in (meter.send, meter.receive)]
        for thread in threads:
            thread.start()
        try:
            yield meter
        finally:
            meter._enough.set()
            for thread in threads:
                thread.join()
