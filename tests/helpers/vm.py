"""A virtual machine with a clock of its own, which may be wrong, and a time source with NTS that can fall silent.

Sandboxes share this machine's clock and may not set it; one that is a virtual machine may. The tests have one such
machine at a time: a second run of them waits.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from os import kill
from pathlib import Path

from provision.host.sandbox import sandbox
from provision.host.sandbox.machine import changing, missing_packages, run, script
from provision.host.sandbox.room import BRIDGE
from provision.host.sandbox.sandbox import Sandbox
from provision.host.sandbox.vm import AMD64
from provision.keys import Keys
from provision.verify.ntp.packet import Answer
from provision.verify.ntp.probe import probe
from tests.helpers.booted_hosts import login, need_root
from tests.helpers.certificates import Issued
from tests.helpers.operators import Operator
from tests.helpers.packaged_chronyd import fetch
from tests.helpers.waiting import PATIENCE, await_true

NAME = "it-vm"
SOURCE = "198.18.77.1"
RIGHT = 0.2
"""Seconds; an emulated machine on a busy one keeps its clock to some milliseconds."""


@dataclass(frozen=True, slots=True)
class TimeSource:
    """An NTP server of stratum 1 with NTS and this machine's clock: Debian's chronyd at SOURCE."""

    pid: int

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Answer no request for a while."""
        kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            kill(self.pid, signal.SIGCONT)


@contextmanager
def time_source(folder: Path, pair: Issued) -> Iterator[TimeSource]:
    """Run a time source with this certificate; SOURCE is an address of the sandboxes' bridge meanwhile."""
    pair.write(folder)
    run("adding the address of a time source", f"ip address replace {SOURCE}/32 dev {BRIDGE}")
    try:
        lines = (f"bindaddress {SOURCE}", "allow", "local stratum 1")
        nts = (f"ntsservercert {folder}/nts.crt", f"ntsserverkey {folder}/nts.key")
        with fetch(folder).chronyd(folder / "run", *lines, *nts) as socket:
            yield TimeSource(int(socket.with_name("chronyd.pid").read_text()))
    finally:
        run("removing the address of a time source", f"ip address delete {SOURCE}/32 dev {BRIDGE}")


@dataclass(frozen=True, slots=True)
class Machine:
    """The virtual machine: boot it with any clock, pause it, and power it off."""

    host: Sandbox
    """How to log in."""

    def boot(self, *, ahead: timedelta) -> None:
        """Boot the machine, which is off, with a hardware clock that is ahead of this machine's; negative: behind."""
        assert sandbox.up(self.host.name, ahead=ahead, say=print) == self.host

    def operator(self, home: Path, artifacts: Path) -> Operator:
        """Return an operator who can log in, and has these artifacts: the machine would compile for many minutes."""
        operator = Operator(home)
        operator.share_artifacts(artifacts.resolve())
        operator.meet(self.host)
        return operator

    def set_clock(self, days: int, *, then: str) -> None:
        """Stop chronyd, which would set the clock right again, move the clock by days, and run a line of sh."""
        login(self.host, f"systemctl stop chronyd; date --set='{days} days' >/dev/null; {then}")

    def answer(self) -> Answer | None:
        """Return its answer to a plain request."""
        return probe(self.host.address, Keys(())).plain

    def await_right(self) -> None:
        """Wait until it serves the right time as synchronised."""
        # chronyd repeats a key exchange that failed after 16 s, 32 s and so on, up to some minutes.
        await_true(lambda: _is_right(self.answer()), "the clock is not set", every=0.5, patience=3 * PATIENCE)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop its processor, as a hypervisor does that moves a machine or takes a snapshot."""
        pid = sandbox.pid_of(self.host)
        assert pid is not None
        kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            kill(pid, signal.SIGCONT)

    def power_off(self) -> None:
        """Shut down as an administrator does, and wait until it is off."""
        # The answer would come over a connection that ends; --no-block leaves time for it.
        login(self.host, "systemctl --no-block poweroff")
        await_true(lambda: sandbox.pid_of(self.host) is None, "the virtual machine does not power off")


def _is_right(said: Answer | None) -> bool:
    """Return whether an answer has the right time, and says that it is synchronised."""
    return claims_to_know_the_time(said) and said is not None and abs(said.offset) < RIGHT


def claims_to_know_the_time(said: Answer | None) -> bool:
    """Return whether an answer says that the clock is synchronised."""
    return said is not None and said.leap != 3


@contextmanager
def virtual_machine(*, ahead: timedelta) -> Iterator[Machine]:
    """Boot a virtual machine whose clock is ahead of this machine's, or behind."""
    need_root()
    with changing(f"tests/{NAME}"):
        if missing := missing_packages(AMD64.tools):
            script("sandbox_tools", *missing)
        if sandbox.find(NAME) is not None:
            sandbox.down(NAME)
        try:
            yield Machine(sandbox.up(NAME, ahead=ahead, say=print))
        finally:
            if sandbox.find(NAME) is not None:
                sandbox.down(NAME)
