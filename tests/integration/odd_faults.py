"""Faults that happen at one place only: keys, configurations, firewalls, and processes that die."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.booted import login
from tests.integration.faults import WITHIN, Broken, Case, Result, break_run, kill_control
from tests.integration.operators import Ran
from tests.integration.stand import NOTHING, Stand
from tests.waiting import await_true

CRASH = "etc/systemd/system/chronyd.service.d/crash.conf"
PROVING = "before proving the new daemon"
FIREWALL = ("nft", "-f", "-")


def _keep(_: Stand) -> None:
    """Do nothing: there is nothing to heal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A fault, where it happens, and what ends it."""

    place: str
    fault: Callable[[Broken], Ran]
    kind: str = "running"
    extra: str = ""
    """Directives for chrony.conf, in the first run only."""
    heal: Callable[[Stand], None] = _keep
    serves: str = "old"
    """What serves afterwards."""

    def run(self, stand: Stand, case: Case) -> Result:
        """Break a deployment."""
        extra = f"time.extra = {self.extra}\n" if self.extra else ""
        return break_run(stand, case, self.fault, extra=extra, heal=lambda: self.heal(stand))


def _go_on(broken: Broken) -> Ran:
    return broken.go_on()


def _kill_make(broken: Broken) -> Ran:
    for process in broken.stand.disk.named("make"):
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
    stand = broken.stand
    file = stand.disk.files / CRASH
    file.parent.mkdir()
    crash = f'[ "$CHRONY_GENERATION" = {stand.running} ] || {{ sleep 5; kill -s SEGV $MAINPID; }} >/dev/null 2>&1 &'
    file.write_text(f"[Service]\nExecStartPost=/bin/sh -c '{crash}'\n")
    login(stand.disk.host, "systemctl daemon-reload")
    return broken.go_on()


def _crash_once(broken: Broken) -> Ran:
    """Have the new chronyd crash, and go on when systemd has started it again."""
    stand = broken.stand
    for process in stand.disk.named("chronyd"):
        os.kill(int(process.name), signal.SIGSEGV)
    while stand.running != NOTHING:
        time.sleep(0.02)
    stand.await_running(WITHIN)
    return broken.go_on()


def _no_crash(stand: Stand) -> None:
    file = stand.disk.files / CRASH
    file.unlink()
    file.parent.rmdir()
    login(stand.disk.host, "systemctl daemon-reload")


def _fill_and_kill(broken: Broken) -> Ran:
    """Have the timer go back on a disk that is full."""
    ran = kill_control(broken)
    deadline = time.monotonic() + WITHIN
    while broken.stand.unconfirmed and time.monotonic() < deadline:
        broken.stand.disk.fill()
    return ran


def _cut_ssh_off(broken: Broken) -> Ran:
    rule = "table inet sabotage { chain input { type filter hook input priority 0; tcp dport 22 drop; }; }"
    broken.stand.in_network("nft", rule)
    return broken.go_on()


def _let_ssh_in(stand: Stand) -> None:
    stand.in_network("nft", "delete table inet sabotage")
    # The guard notices that the control machine is gone by its silence.
    await_true(lambda: "the lock is held" not in stand.leftovers(), "it is not given up", every=0.2)


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
        place="before switching", fault=_go_on, extra='["binddevice nowhere0"]'
    ),
    "configuration that answers the host itself alone, which passes the rehearsal": Odd(
        place=PROVING, fault=_go_on, extra='["binddevice lo"]'
    ),
    "disk full, and the control process killed, after the switch": Odd(place=PROVING, fault=_fill_and_kill),
    "firewall cuts SSH off after the switch": Odd(place=PROVING, fault=_cut_ssh_off, heal=_let_ssh_in),
}


def odd_cases() -> list[Case]:
    """Return a case for each."""
    return [Case(odd.kind, name, odd.place) for name, odd in ODD.items()]
