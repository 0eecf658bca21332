"""A booted host on a disk of its own, and an operator whose deployment can be stopped at any place."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from provision.keys import Keys
from provision.verify.ntp.probe import probe
from tests.helpers.booted_hosts import ROOT as CHECKOUT
from tests.helpers.booted_hosts import login
from tests.helpers.disks import DiskHost
from tests.helpers.host_state import find
from tests.helpers.operators import SITE, Operator

SMALL = 'release.nettle = "system"\nbuild = { on = "host", nts = false, readline = false }\n'
"""A recipe that is built in seconds."""
CONFIRM_TIMEOUT = 15
"""Seconds; the least that the program takes."""
WORK = "opt/chrony/work"
TRACES = (
    *(f"{WORK}/*", "opt/chrony/unconfirmed*", "opt/chrony/*.new*", "opt/chrony/*.broken.*"),
    *("etc/systemd/system/*chrony-undo.*", "etc/systemd/system/*.new*", "tmp/tmp.*"),
)
"""Files that a deployment makes for a while."""
BOOT_SECONDS = 30
NOTHING = "nothing"
BEFORE = "before"
"""What served before the first deployment: Debian's chrony."""


@dataclass(slots=True)
class HostUnderTest:
    """A host, and an operator who deploys to it."""

    disk: DiskHost
    operator: "InterruptibleOperator"
    number: int
    """Of the deployment; each has a configuration of its own."""

    @property
    def keys(self) -> Keys:
        """Return the operator's keys."""
        return self.operator.keys

    @property
    def running(self) -> str:
        """Return the generation that a running chronyd says it is of; "before": none of ours."""
        said = {_generation(process) for process in self.disk.named("chronyd") if _is_service(process)}
        return " ".join(sorted(said - {""})) or NOTHING

    @property
    def unconfirmed(self) -> bool:
        """Say whether the host waits for a confirmation."""
        return (self.disk.files / "opt/chrony/unconfirmed").exists()

    @property
    def generations(self) -> frozenset[Path]:
        """Return the folders of the generations that are there."""
        return frozenset((self.disk.files / "opt/chrony/generations").glob("*"))

    def become(self, snapshot: Path) -> None:
        """Boot as a host that was kept, and return when its chrony runs: sshd is up before it."""
        self.disk.become(snapshot)
        self.await_running(BOOT_SECONDS)

    def await_running(self, seconds: float) -> str:
        """Return what runs; when that is nothing, wait for it: systemd starts again what crashed."""
        deadline = time.monotonic() + seconds
        while (running := self.running) == NOTHING and time.monotonic() < deadline:
            time.sleep(0.05)
        return running

    def words(self, extra: str = "", target: str = "") -> tuple[str, ...]:
        """Return a deployment of the next configuration, or of this one again."""
        site = f"time.maxupdateskew = {100 + self.number}.0\n{extra}{SMALL}{SITE}"
        target = target or f"--host=root@{self.disk.host.address}"
        # On a host where chrony was never deployed, somebody has configured Debian's.
        return ("deploy", target, self.operator.site(site), "--replace", f"--confirm-timeout={CONFIRM_TIMEOUT}")

    def in_network(self, *words: str) -> None:
        """Run a command of this machine's in the host's network."""
        subprocess.run(["nsenter", f"--net=/run/netns/{self.disk.network}", *words], check=True)

    def leftovers(self) -> tuple[str, ...]:
        """Return what a deployment leaves when it was broken and nobody tidied up."""
        files, opt = self.disk.files, self.disk.files / "opt/chrony"
        found = find(files, *TRACES)
        found += [f"process {process.name}" for process in self.disk.processes if _works_in(process)]
        if len({_parent(process) for process in self.disk.named("chronyd")}) > 1:
            found.append("a second chronyd")
        if (opt / "locks/host").exists() and not _is_free(opt / "locks/host"):
            found.append("the lock is held")
        return tuple(sorted(set(found)))


class InterruptibleOperator(Operator):
    """An operator whose program can be stopped at a place."""

    def start_at(self, place: str, *words: str) -> subprocess.Popen[str]:
        """Start a task that will stop itself at a place; its commands are listed in ``places``."""
        self._report.unlink(missing_ok=True)
        self.places.unlink(missing_ok=True)
        # There is a place inside of the compiler, too.
        shutil.rmtree(self.artifacts, ignore_errors=True)
        line = [sys.executable, "-m", "tests.helpers.interruptions", str(self.places), place, *words]
        return subprocess.Popen(
            [*line, "--json", str(self._report)],
            cwd=CHECKOUT,
            env=self.environment,
            stdin=self.standard_input(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def await_stop(self, process: subprocess.Popen[str]) -> None:
        """Wait until it has stopped itself. A run that ends before fails the test."""
        told = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert told is not None
        assert told.si_code == os.CLD_STOPPED, self.end(process)

    @property
    def places(self) -> Path:
        """Return the file with a line for each command of the last run."""
        return self.home / "places"


def _generation(process: Path) -> str:
    """Return what a chronyd says; nothing, when it has ended, or is only about to begin."""
    with suppress(OSError):
        environment = (process / "environ").read_bytes()
        found = re.search(rb"(?:^|\0)CHRONY_GENERATION=([^\0]*)", environment)
        return found[1].decode() if found else BEFORE if environment else ""
    return ""


def _is_service(process: Path) -> bool:
    """Tell the daemon from those that only ask it, and from those of a rehearsal."""
    with suppress(OSError):
        return "/system.slice/chron" in (process / "cgroup").read_text()
    return False


def _works_in(process: Path) -> bool:
    with suppress(OSError):
        return f"/{WORK}/" in str((process / "cwd").readlink())
    return False


def _parent(process: Path) -> str:
    """Return the parent's id; for a helper of chronyd's, which is its child, its own parent's."""
    with suppress(OSError, IndexError):
        parent = re.findall(r"^PPid:\s+(\d+)", (process / "status").read_text(), re.MULTILINE)[0]
        return process.name if (Path("/proc") / parent / "comm").read_text() != "chronyd\n" else parent
    return ""


def _is_free(lock: Path) -> bool:
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def is_proven(tested: HostUnderTest, served: str) -> bool:
    """Ask for the time, with the operator's keys if the chrony is one of ours."""
    keys = tested.keys if served != BEFORE else Keys(())
    seen = probe(tested.disk.host.address, keys)
    return seen.answered and all(answer.mac_valid for answer in seen.keys)


def services(tested: HostUnderTest) -> str:
    """Return what Debian's package sees of its own."""
    return login(
        tested.disk.host, "dpkg -V; systemctl is-enabled chrony.service; systemctl is-active chrony.service; true"
    )
