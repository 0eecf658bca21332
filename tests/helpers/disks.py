"""Hosts with a small disk of their own: it can be full, and a power cut loses what nobody had written to it yet."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from provision.host.sandbox import sandbox
from provision.host.sandbox.machine import changing_machine
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted

SIZE = 800 * 2**20
"""Bytes; sparse on this machine. A host with everything to build with needs half of it."""
COMMIT_SECONDS = 1
"""ext4(5), commit: how often names are written. Contents follow after up to 30 s (vm.dirty_expire_centisecs)."""


@dataclass(frozen=True, slots=True)
class DiskHost:
    """A host whose files, beyond its base image, lie in a file system in the file ``image``."""

    host: Sandbox
    image: Path

    @property
    def files(self) -> Path:
        """Return the root folder, as this machine sees it."""
        return self.host.root

    def boot(self) -> None:
        """Boot it, and return when its sshd answers."""
        sandbox.up(self.host.name, self.host.suite, say=print)

    def cut_power(self) -> None:
        """End it within an instant, and boot it with what the disk had: names, but hardly any content yet."""
        time.sleep(2 * COMMIT_SECONDS)
        self._kill()
        seen_by_the_disk = self.image.with_suffix(".cut")
        _copy(self.image, seen_by_the_disk)
        self._unplug()
        seen_by_the_disk.replace(self.image)
        self._plug()
        self.boot()

    def keep(self, snapshot: Path) -> None:
        """Write everything to the disk, keep a copy of it, and boot again."""
        self._kill()
        # A host that booted meanwhile may still have our disk mounted, unseen, below its own root: then unmounting it
        # here would not write to it.
        subprocess.run(["sync", "-f", self._home], check=True)
        _copy(self.image, snapshot)
        self._unplug()
        self._plug()
        self.boot()

    def become(self, snapshot: Path) -> None:
        """Boot as the host that was kept; name, address and host key stay."""
        state = self._home / "state.json"
        own = {path: path.read_bytes() for path in (state, *self._home.glob("*key*"))}
        self._kill()
        self._unplug()
        _copy(snapshot, self.image)
        self._plug()
        for path, data in own.items():
            path.write_bytes(data)
        self.boot()

    def fill(self) -> None:
        """Leave not a byte free; again, if something was freed meanwhile."""
        with self._filler.open("ab") as file:
            status = os.statvfs(self.files)
            if status.f_bavail > 64:
                os.posix_fallocate(file.fileno(), file.tell(), (status.f_bavail - 64) * status.f_frsize)
            file.seek(0, os.SEEK_END)
            for size in (2**16, 2**12, 1):
                with suppress(OSError):
                    while True:
                        os.write(file.fileno(), bytes(size))

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)

    @property
    def processes(self) -> tuple[Path, ...]:
        """Return the folders in /proc of its processes; they can be seen from here, without asking it."""
        told = subprocess.run(["ip", "netns", "pids", self.network], capture_output=True, text=True, check=True)
        return tuple(Path("/proc") / pid for pid in told.stdout.split())

    def named(self, name: str) -> tuple[Path, ...]:
        """Return those of its processes that have this name."""
        return tuple(process for process in self.processes if _name(process) == name)

    @property
    def network(self) -> str:
        """Return the name of its network namespace."""
        return f"cpsb-{self.host.name}"

    @property
    def _home(self) -> Path:
        return self.host.root.parent

    @property
    def _filler(self) -> Path:
        return self.files / "var/filler"

    def _kill(self) -> None:
        # systemd-nspawn ends with the init of its host, but not the other way round.
        while sandbox.pid_of(self.host) is not None or self.processes:
            for process in self.processes:
                with suppress(ProcessLookupError):
                    os.kill(int(process.name), signal.SIGKILL)
            time.sleep(0.02)

    def _plug(self) -> None:
        subprocess.run(["mount", "-o", f"loop,commit={COMMIT_SECONDS}", self.image, self._home], check=True)

    def _unplug(self) -> None:
        with changing_machine("sandboxes"):
            sandbox._room(self.host).close()
        subprocess.run(["umount", self._home], check=True)


@contextmanager
def on_disk(name: str, folder: Path) -> Iterator[DiskHost]:
    """Boot a host that nobody has touched, move it onto a disk, and delete it afterwards."""
    with booted(name) as host:
        home, image = host.root.parent, folder / f"{name}.img"
        one = DiskHost(host, image)
        one._kill()
        with changing_machine("sandboxes"):
            sandbox._room(host).close()
        with image.open("wb") as file:
            file.truncate(SIZE)
        # -d: with the files of this folder. No part of it is kept for root.
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", home, image], check=True)
        one._plug()
        one.boot()
        try:
            yield one
        finally:
            if sandbox.pid_of(host) is not None:
                one._kill()
            one._unplug()
            image.unlink()


def _copy(image: Path, copy: Path) -> None:
    # A new file each time: mount would take the loop device of the old one, and what the kernel remembers of it.
    copy.unlink(missing_ok=True)
    subprocess.run(["cp", "--sparse=always", image, copy], check=True)


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().rstrip("\n")
    except OSError:  # it ended meanwhile
        return ""
