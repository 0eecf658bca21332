"""A virtual machine with a clock of its own, which may be wrong, and a time source that can fall silent.

Sandboxes share this machine's clock and may not set it; one that is a virtual machine may. The tests have one such
machine at a time: a second run of them waits.
"""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

from provision.host.sandbox import sandbox
from provision.host.sandbox.machine import changing, missing_packages, run, script
from provision.host.sandbox.room import BRIDGE
from provision.host.sandbox.sandbox import Sandbox
from provision.host.sandbox.vm import AMD64
from provision.keys import Keys
from provision.verify.ntp.packet import Answer
from provision.verify.ntp.probe import probe
from tests.helpers.booted_hosts import login, need_root
from tests.helpers.operators import Operator
from tests.helpers.waiting import await_true

NAME = "it-vm"
SOURCE = "198.18.77.1"
RIGHT = 0.2
"""Seconds; an emulated machine on a busy one keeps its clock to some milliseconds."""
NTP_EPOCH = 2_208_988_800
"""Seconds from 1900, where NTP's time begins, to 1970 (RFC 5905, 6)."""
PACKET = struct.Struct("!BBbb II4s Q8sQQ")
"""Leap and mode, stratum, poll, precision; root delay and dispersion, reference; four timestamps (RFC 5905, 7.3)."""


def _timestamp(seconds: float) -> int:
    return int((seconds + NTP_EPOCH) * 2**32)


@dataclass(slots=True)
class TimeSource:
    """An NTP server of stratum 1 with this machine's clock."""

    answers: bool = True
    """Whether it answers; otherwise it only counts."""
    requests: int = 0
    """How often it was asked."""
    _ended: Event = field(default_factory=Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve at SOURCE, which is an address of the sandboxes' bridge meanwhile."""
        run("adding the address of a time source", f"ip address replace {SOURCE}/32 dev {BRIDGE}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.bind((SOURCE, 123))
            channel.settimeout(0.5)
            thread = Thread(target=self._serve, args=(channel,), daemon=True)
            thread.start()
            try:
                yield
            finally:
                self._ended.set()
                thread.join()
                run("removing the address of a time source", f"ip address delete {SOURCE}/32 dev {BRIDGE}")

    def _serve(self, channel: socket.socket) -> None:
        while not self._ended.is_set():
            try:
                request, sender = channel.recvfrom(1024)
            except TimeoutError:
                continue
            received = time.time()
            self.requests += 1
            if self.answers:
                channel.sendto(self._answer(request, received), sender)

    def _answer(self, request: bytes, received: float) -> bytes:
        version_4_server = 0b00_100_100
        last_set, now = _timestamp(received - 1), _timestamp(time.time())
        return PACKET.pack(
            version_4_server, 1, 0, -20, 0, 1, b"TEST", last_set, request[40:48], _timestamp(received), now
        )


@dataclass(slots=True)
class Machine:
    """The virtual machine: boot it with any clock, and power it off."""

    host: Sandbox
    """How to log in."""
    source: TimeSource

    def boot(self, *, ahead: timedelta) -> None:
        """Boot the machine, which is off, with a hardware clock that is ahead of this machine's; negative: behind."""
        assert sandbox.up(self.host.name, ahead=ahead, say=print) == self.host

    def operator(self, home: Path, artifacts: Path) -> Operator:
        """Return an operator who can log in, and has these artifacts: the machine would compile for many minutes."""
        operator = Operator(home)
        operator.share_artifacts(artifacts.resolve())
        operator.meet(self.host)
        return operator

    def answer(self) -> Answer | None:
        """Return its answer to a plain request."""
        return probe(self.host.address, Keys(())).plain

    def await_right(self) -> None:
        """Wait until it serves the right time as synchronised."""
        await_true(lambda: is_right(self.answer()), f"the clock is not set: {self.answer()}", every=0.5)

    def power_off(self) -> None:
        """Shut down as an administrator does, and wait until it is off."""
        # The answer would come over a connection that ends; --no-block leaves time for it.
        login(self.host, "systemctl --no-block poweroff")
        await_true(lambda: sandbox.pid_of(self.host) is None, "the virtual machine does not power off")


def is_right(said: Answer | None) -> bool:
    """Return whether an answer has the right time, and says that it is synchronised."""
    return said is not None and said.leap != 3 and abs(said.offset) < RIGHT


@contextmanager
def virtual_machine(*, ahead: timedelta) -> Iterator[Machine]:
    """Boot a virtual machine whose clock is ahead of this machine's, or behind, and a time source for it."""
    need_root()
    with changing(f"tests/{NAME}"):
        if missing := missing_packages(AMD64.tools):
            script("sandbox_tools", *missing)
        if sandbox.find(NAME) is not None:
            sandbox.down(NAME)
        try:
            host = sandbox.up(NAME, ahead=ahead, say=print)
            machine = Machine(host=host, source=TimeSource())
            with machine.source.running():
                yield machine
        finally:
            if sandbox.find(NAME) is not None:
                sandbox.down(NAME)
