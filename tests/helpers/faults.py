"""A deployment that is broken at one place in one way, and what became of the host."""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.cable import Cable
from tests.helpers.host_under_test import BEFORE, CONFIRM_TIMEOUT, NOTHING, HostUnderTest, is_proven
from tests.helpers.load_meter import LoadMeter, under_load
from tests.helpers.operators import Ran

WITHIN = CONFIRM_TIMEOUT + 45
"""Seconds in which a host serves time again by itself, also when it has to boot meanwhile."""
RATE = 10
"""Requests in a second. Neither chronyd here limits so few (ratelimit, chrony.conf(5))."""
CALM = 1.0
"""Seconds without a change after which nothing is under way any more."""


@dataclass(frozen=True, slots=True)
class Case:
    """One fault at one place, on a host of one kind."""

    kind: str
    fault: str
    place: str

    def __str__(self) -> str:
        return f"{self.kind}, {self.fault}, {self.place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a host."""

    served: str
    """``old``, ``new``, ``Debian's`` or ``nothing``, when nothing was under way any more; or all that ran at once."""
    proven: bool
    """An authenticated request was answered then; a plain one, where a chrony without keys ran."""
    silence: float
    """Seconds; the longest time in which requests got no such answer until then, also no late one."""
    said: str
    """What the run that was broken said, in one line; empty when it could say nothing."""
    left: tuple[str, ...]
    """What was left over before the next run, and should have gone by itself."""
    next_run: Ran
    left_at_last: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A run that stands still at its place."""

    tested: HostUnderTest
    process: subprocess.Popen[str]
    cable: Cable | None
    there: frozenset[Path] = frozenset()
    """The generations that the host had before this run."""

    @property
    def staged(self) -> Path:
        """Return the folder of the generation that this run has staged."""
        (one,) = self.tested.generations - self.there
        return one

    def go_on(self) -> Ran:
        """Let it end."""
        self.process.send_signal(signal.SIGCONT)
        return self.tested.operator.end(self.process)


def cut_connection(broken: Broken) -> Ran:
    """Reset the connection, on both sides."""
    assert broken.cable is not None
    broken.cable.cut()
    return broken.go_on()


def kill_control(broken: Broken) -> Ran:
    """Kill the control process."""
    broken.process.kill()
    return broken.tested.operator.end(broken.process)


def cut_power(broken: Broken) -> Ran:
    """Cut the host's power, and boot it again."""
    broken.tested.disk.cut_power()
    return broken.go_on()


def fill_disk(broken: Broken) -> Ran:
    """Leave no byte free on the host's disk."""
    broken.tested.disk.fill()
    return broken.go_on()


Fault = Callable[[Broken], Ran]
FAULTS: dict[str, Fault] = {
    "connection cut": cut_connection,
    "control process killed": kill_control,
    "power cut": cut_power,
    "disk full": fill_disk,
}
"""Those that can happen anywhere."""


def break_run(
    tested: HostUnderTest,
    case: Case,
    fault: Fault,
    *,
    extra: str = "",
    heal: Callable[[], None] | None = None,
    within: float = WITHIN,
) -> Result:
    """Deploy, break it, wait until nothing is under way any more, and deploy again."""
    old = tested.running
    tested.number += 1
    cable = Cable(tested.disk.host) if fault is cut_connection else None
    if cable:
        tested.operator.known_hosts.write_text(cable.known_host)
    there = tested.generations
    process = tested.operator.start_at(case.place, *tested.words(extra, cable.target if cable else ""))
    key = None if old == BEFORE else next(iter(tested.keys))
    with under_load(tested.disk.host.address, key, RATE) as meter:
        tested.operator.await_stop(process)
        broken = fault(Broken(tested, process, cable, there))
        await_calm(tested, meter, within)
        served = tested.await_running(CALM + 1)
    proven = is_proven(tested, served)
    tested.disk.free()
    if heal:
        heal()
    left = tested.leftovers()
    tested.operator.meet(tested.disk.host)
    again = tested.operator.run(*tested.words())
    assert "Traceback" not in broken.output + broken.errors, broken
    return Result(
        served={old: "old", BEFORE: "Debian's", NOTHING: NOTHING}.get(served, served if " " in served else "new"),
        proven=proven,
        silence=meter.longest_silence,
        said=broken.error if broken.status not in {0, -signal.SIGKILL} else "",
        left=left,
        next_run=again,
        left_at_last=tested.leftovers(),
    )


def await_calm(tested: HostUnderTest, meter: LoadMeter, within: float) -> None:
    """Wait until the host answers, waits for nothing, and goes on like that; for so many seconds at most."""
    deadline = time.monotonic() + within
    since = time.monotonic()
    seen = tested.running
    while time.monotonic() < deadline and time.monotonic() - since < CALM:
        now = tested.running
        if tested.unconfirmed or meter.silence > 0.5 or now != seen:
            since, seen = time.monotonic(), now
        # Each look starts a process that looks at all others of this machine, and many hosts are looked at at once.
        time.sleep(0.2)
