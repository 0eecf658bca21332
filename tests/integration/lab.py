"""Hosts in the states from which a deployment begins, each kept on a disk of its own, so that there can be many."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.booted import login
from tests.integration.disks import on_disk
from tests.integration.faults import Broken, Saboteurs, Stand, kill_control
from tests.integration.witness import install

UNCONDITIONALLY = """
mkdir -p /etc/systemd/system/chrony.service.d
printf '[Unit]\\nConditionCapability=\\n[Service]\\nExecStart=\\nExecStart=!/usr/sbin/chronyd -x -F 1\\n' \
    >/etc/systemd/system/chrony.service.d/sandbox.conf
printf 'allow\\nlocal stratum 8\\n' >/etc/chrony/conf.d/serve.conf
systemctl daemon-reload
systemctl restart chrony
"""
"""Debian's unit runs only where the clock may be set, and its chrony serves nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A folder with an operator's keys, and disks of hosts."""

    folder: Path

    def disk(self, kind: str) -> Path:
        """Return the disk of hosts of a kind."""
        return self.folder / f"{kind}.img"

    def operator(self, name: str) -> Saboteurs:
        """Return an operator with a home of their own, and the keys that all of them have."""
        home = self.folder / name
        one = Saboteurs(home)
        one.key_file.parent.mkdir(parents=True)
        shutil.copy(self.folder / "chrony.keys", one.key_file)
        return one

    @contextmanager
    def stand(self, name: str) -> Iterator[Stand]:
        """Boot a host that may become one of any kind."""
        with on_disk(f"rel-{name}", self.folder) as disk:
            operator = self.operator(name)
            operator.meet(disk.host)
            yield Stand(disk, operator)


def prepare(folder: Path) -> Lab:
    """Have a host go through all states, and keep each: bare, tools, running, packaged."""
    lab = Lab(folder=folder)
    (folder / "chrony.keys").write_text("1 AES128 HEX:00112233445566778899AABBCCDDEEFF\n")
    (folder / "chrony.keys").chmod(0o600)
    with lab.stand("first") as stand:
        disk = stand.disk
        disk.keep(lab.disk("bare"))
        stop_at(stand, "before making room for the build")
        disk.keep(lab.disk("tools"))
        stand.operator.run(*stand.words()).assert_proven()
        builds = folder / "builds"
        shutil.copytree(disk.files / "opt/chrony/builds", builds, symlinks=True)
        disk.keep(lab.disk("running"))
        disk.become(lab.disk("bare"))
        install(disk.host, "chrony")
        login(disk.host, UNCONDITIONALLY)
        shutil.copytree(builds, disk.files / "opt/chrony/builds", symlinks=True)
        disk.keep(lab.disk("packaged"))
    return lab


def stop_at(stand: Stand, place: str) -> None:
    """Leave a host as it is at a place of a deployment."""
    process = stand.operator.start_at(place, *stand.words())
    stand.operator.await_stop(process)
    kill_control(Broken(stand, process, None))
