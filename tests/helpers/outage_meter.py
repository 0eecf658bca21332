"""Ask a host for the time ten times a second, and count how often in a row it does not answer."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from provision.keys import Key
from provision.verify.ntp.packet import HEADER, VERSION_4_CLIENT, mac

INTERVAL = 0.1
"""Seconds. A chronyd of ours has no rate limit, and Debian's none that begins below (ratelimit, chrony.conf(5))."""
NTP = 123


@dataclass(slots=True)
class OutageMeter:
    """What was seen; with a key, only an answer that is authenticated with it counts."""

    address: str
    key: Key | None
    answered_at: float = field(default_factory=time.monotonic)
    """When an answer came last, or we began."""
    most_missed: int = 0
    """How often in a row we asked in vain, at most; unlike a time, it does not grow while this process stands still."""
    _missed: int = 0
    _enough: threading.Event = field(default_factory=threading.Event)

    @property
    def silence(self) -> float:
        """Return for how long there has been no answer, in seconds."""
        return time.monotonic() - self.answered_at

    def run(self) -> None:
        """Ask until it is enough."""
        while not self._enough.is_set():
            begun = time.monotonic()
            if self._ask():
                self.answered_at = time.monotonic()
                self._missed = 0
            else:
                self._missed += 1
                self.most_missed = max(self.most_missed, self._missed)
            time.sleep(max(0.0, begun + INTERVAL - time.monotonic()))

    def stop(self) -> None:
        """Have run() end."""
        self._enough.set()

    def _ask(self) -> bool:
        header = HEADER.pack(VERSION_4_CLIENT, stamp := os.urandom(8))
        # A socket for each request: a late answer to one before it does not come to this one.
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.settimeout(INTERVAL)
            channel.sendto(header + (mac(self.key, header) if self.key else b""), (self.address, NTP))
            data = channel.recv(1024)
            return data[24:32] == stamp and (self.key is None or data[48:] == mac(self.key, data[:48]))
        # No route, or no answer.
        return False


@contextmanager
def outages_measured(address: str, key: Key | None) -> Iterator[OutageMeter]:
    """OutageMeter a host meanwhile."""
    with measuring(OutageMeter(address, key)) as meter:
        yield meter


@contextmanager
def measuring(meter: OutageMeter) -> Iterator[OutageMeter]:
    """Ask meanwhile."""
    thread = threading.Thread(target=meter.run, daemon=True)
    thread.start()
    try:
        yield meter
    finally:
        meter.stop()
        thread.join()
