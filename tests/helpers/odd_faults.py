"""Faults that happen at one place only: keys, configurations, firewalls, and processes that die."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.booted_hosts import login
from tests.helpers.faults import WITHIN, Broken, Case, Result, break_run, kill_control
from tests.helpers.host_under_test import CONFIRM_TIMEOUT, NOTHING, HostUnderTest
from tests.helpers.operators import Ran
from tests.helpers.rollback_faults import FAULTS, HASTE, HOLD, KILL, KILLS, LET_GO
from tests.helpers.waiting import await_true

CRASH = "etc/systemd/system/chronyd.service.d/crash.conf"
PROVING = "before proving the new daemon"
FIREWALL = ("nft", "-f", "-")
READ_ONLY_SECONDS = 5.0


def _keep(_: HostUnderTest) -> None:
    """Do nothing: there is nothing to heal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A fault, where it happens, and what ends it."""

    place: str
    fault: Callable[[Broken], Ran]
    kind: str = "running"
    extra: str = ""
    """Directives for chrony.conf, in the first run only."""
    prepare: Callable[[HostUnderTest], None] = _keep
    """What is done to the host before the deployment; :attr:`heal` takes it back."""
    heal: Callable[[HostUnderTest], None] = _keep
    serves: str = "old"
    """What serves afterwards."""
    within: float = WITHIN
    """Seconds after which the host has to be as it stays."""

    def run(self, tested: HostUnderTest, case: Case) -> Result:
        """Break a deployment."""
        extra = f"time.extra = {self.extra}\n" if self.extra else ""
        self.prepare(tested)
        return break_run(tested, case, self.fault, extra=extra, heal=lambda: self.heal(tested), within=self.within)


def _go_on(broken: Broken) -> Ran:
    return broken.go_on()


def _kill_make(broken: Broken) -> Ran:
    for process in broken.tested.disk.named("make"):
        os.kill(int(process.name), signal.SIGKILL)
    return broken.go_on()


def _alter_key(broken: Broken) -> Ran:
    file = broken.staged / "chrony.keys"
    # In place: owner and mode stay.
    with file.open("r+b") as keys:
        keys.write(b"1 AES128 HEX:" + os.urandom(16).hex().upper().encode())
    return broken.go_on()


def _crash_later(broken: Broken) -> Ran:
    """Have each chronyd but that of the old generation crash five seconds after its start."""
    tested = broken.tested
    file = tested.disk.files / CRASH
    file.parent.mkdir()
    crash = f'[ "$CHRONY_GENERATION" = {tested.running} ] || {{ sleep 5; kill -s SEGV $MAINPID; }} >/dev/null 2>&1 &'
    file.write_text(f"[Service]\nExecStartPost=/bin/sh -c '{crash}'\n")
    login(tested.disk.host, "systemctl daemon-reload")
    return broken.go_on()


def _crash_once(broken: Broken) -> Ran:
    """Have the new chronyd crash, and go on when systemd has started it again."""
    tested = broken.tested
    for process in tested.disk.named("chronyd"):
        os.kill(int(process.name), signal.SIGSEGV)
    while tested.running != NOTHING:
        time.sleep(0.02)
    tested.await_running(WITHIN)
    return broken.go_on()


def _no_crash(tested: HostUnderTest) -> None:
    file = tested.disk.files / CRASH
    file.unlink()
    file.parent.rmdir()
    login(tested.disk.host, "systemctl daemon-reload")


def _add_empty_device(tested: HostUnderTest) -> None:
    """Add a network device by which no packet ever comes."""
    tested.in_network("ip", "link", "add", "empty0", "type", "bridge")


def _delete_empty_device(tested: HostUnderTest) -> None:
    tested.in_network("ip", "link", "delete", "empty0")


def _fill_and_kill(broken: Broken) -> Ran:
    """Have the timer go back on a disk that is full."""
    ran = kill_control(broken)
    deadline = time.monotonic() + WITHIN
    while broken.tested.unconfirmed and time.monotonic() < deadline:
        broken.tested.disk.fill()
    return ran


def _cut_ssh_off(broken: Broken) -> Ran:
    rule = "table inet sabotage { chain input { type filter hook input priority 0; tcp dport 22 drop; }; }"
    broken.tested.in_network("nft", rule)
    return broken.go_on()


def _let_ssh_in(tested: HostUnderTest) -> None:
    tested.in_network("nft", "delete table inet sabotage")
    # The guard notices that the control machine is gone by its silence.
    await_true(lambda: "the lock is held" not in tested.leftovers(), "it is not given up", every=0.2)


def _hold_locks(broken: Broken) -> Ran:
    """Have a local user hold what locks they can, when the host has to go back."""
    login(broken.tested.disk.host, HOLD)
    return kill_control(broken)


def _let_go(tested: HostUnderTest) -> None:
    login(tested.disk.host, LET_GO)


def _kill_way_back(broken: Broken) -> Ran:
    """Have the way back killed at each of several points."""
    login(broken.tested.disk.host, f"{HASTE}{KILL}systemctl daemon-reload")
    return kill_control(broken)


def _let_live(tested: HostUnderTest) -> None:
    counted = login(tested.disk.host, f"cat /run/kill/counted; rm -rf /run/kill {FAULTS}; systemctl daemon-reload")
    assert counted.count("--- killed") == len(KILLS), counted


def _make_read_only(broken: Broken) -> Ran:
    """Have nothing written to /opt/chrony for some seconds while the run goes on."""
    with _read_only(broken.tested):
        return broken.go_on()


def _make_read_only_and_kill(broken: Broken) -> Ran:
    """Have nothing written to /opt/chrony for some seconds when the timer goes off."""
    ran = kill_control(broken)
    since = (broken.tested.disk.files / "opt/chrony/unconfirmed").stat().st_mtime
    time.sleep(max(0.0, since + CONFIRM_TIMEOUT - READ_ONLY_SECONDS / 2 - time.time()))
    with _read_only(broken.tested):
        time.sleep(READ_ONLY_SECONDS)
    return ran


def _is_init(process: Path) -> bool:
    """Return whether a process is the first one of its host: the last number of NSpid is that in its own namespace."""
    # Others have the name of systemd, too, until they become the program of a unit.
    with suppress(OSError):
        (numbers,) = re.findall(r"^NSpid:(.*)$", (process / "status").read_text(), re.MULTILINE)
        return bool(numbers.split()[-1] == "1")
    return False


@contextmanager
def _read_only(tested: HostUnderTest) -> Iterator[None]:
    """Make /opt/chrony read-only, for some seconds, on the host itself."""
    (init,) = (process.name for process in tested.disk.named("systemd") if _is_init(process))
    # With its processes, for umount(8) reads /proc.
    inside = ("nsenter", "--mount", "--pid", f"--target={init}", "sh", "-c")
    folder = "/opt/chrony"
    subprocess.run(
        [*inside, f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}"], check=True, timeout=60
    )
    end = threading.Timer(READ_ONLY_SECONDS, subprocess.run, [[*inside, f"umount -l {folder}"]], {"check": True})
    end.start()
    try:
        yield
    finally:
        end.join()


ODD = {
    "`make` killed": Odd(place="inside building chrony 4.9", kind="tools", fault=_kill_make, serves="Debian's"),
    "wrong key staged, before the rehearsal": Odd(
        place="before rehearsing beside the running daemon", fault=_alter_key
    ),
    "wrong key staged, after the rehearsal": Odd(place="before switching", fault=_alter_key),
    "chronyd crashes 5 s after each start": Odd(place="before switching", fault=_crash_later, heal=_no_crash),
    "chronyd crashes once, before it is proven": Odd(place=PROVING, fault=_crash_once),
    "configuration that answers nobody, which the rehearsal sees": Odd(
        place="before rehearsing beside the running daemon", fault=_go_on, extra='["bindaddress 198.19.255.254"]'
    ),
    "configuration that answers nobody, which passes the rehearsal": Odd(
        place="before switching",
        fault=_go_on,
        extra='["binddevice empty0"]',
        prepare=_add_empty_device,
        heal=_delete_empty_device,
    ),
    "configuration that answers the host itself alone, which passes the rehearsal": Odd(
        place=PROVING, fault=_go_on, extra='["binddevice lo"]'
    ),
    "disk full, and the control process killed, after the switch": Odd(place=PROVING, fault=_fill_and_kill),
    "firewall cuts SSH off after the switch": Odd(place=PROVING, fault=_cut_ssh_off, heal=_let_ssh_in),
    "local user holds what locks they can, and the control process killed, after the switch": Odd(
        place=PROVING, fault=_hold_locks, heal=_let_go
    ),
    "control process killed after the switch, and the way back at ten points": Odd(
        place=PROVING,
        fault=_kill_way_back,
        heal=_let_live,
        # Eleven tries, and systemd takes its time to start each.
        within=WITHIN + 180,
    ),
    "/opt/chrony read-only for 5 s, before the switch": Odd(place="before switching", fault=_make_read_only),
    "/opt/chrony read-only for 5 s, inside the switch": Odd(place="inside switching", fault=_make_read_only),
    "/opt/chrony read-only for 5 s, before the new daemon is confirmed": Odd(
        place="before confirming", fault=_make_read_only
    ),
    "control process killed after the switch, and /opt/chrony read-only for 5 s when the timer goes off": Odd(
        place=PROVING, fault=_make_read_only_and_kill
    ),
}


def odd_cases() -> list[Case]:
    """Return a case for each."""
    return [Case(odd.kind, name, odd.place) for name, odd in ODD.items()]
