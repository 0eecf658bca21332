"""Hosts in the states from which a deployment begins, each kept on a disk of its own, so that there can be many."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.booted_hosts import login
from tests.helpers.disks import on_disk
from tests.helpers.faults import Broken, kill_control
from tests.helpers.host_state import install
from tests.helpers.host_under_test import HostUnderTest, InterruptibleOperator

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
    """A folder with an operator's keys, and disks of hosts.

    On a *fresh* host Debian's chrony runs, and there is nothing to build with; *tools* has that; *packaged* has a
    build already; on a *running* host chrony was deployed.
    """

    folder: Path
    upgrade: tuple[str, ...]
    """The commands of a deployment to a running host."""
    first: tuple[str, ...]
    """Those of one to a fresh host."""

    def disk(self, kind: str) -> Path:
        """Return the disk of hosts of a kind."""
        return self.folder / f"{kind}.img"

    @contextmanager
    def host(self, name: str) -> Iterator[HostUnderTest]:
        """Boot a host that may become one of any kind."""
        # Beyond the numbers that went into the disks.
        with _host(self.folder, name, number=10) as tested:
            yield tested


@contextmanager
def _host(folder: Path, name: str, *, number: int = 0) -> Iterator[HostUnderTest]:
    home = folder / name
    operator = InterruptibleOperator(home)
    operator.key_file.parent.mkdir(parents=True)
    operator.key_file.write_text("1 AES128 HEX:00112233445566778899AABBCCDDEEFF\n")
    operator.key_file.chmod(0o600)
    with on_disk(f"rel-{name}", folder) as disk:
        operator.meet(disk.host)
        yield HostUnderTest(disk, operator, number)


def prepare(folder: Path) -> Lab:
    """Have a host go through all states, and keep each."""
    with _host(folder, "first") as tested:
        disk, builds = tested.disk, "opt/chrony/builds"
        install(disk.host, "chrony")
        login(disk.host, UNCONDITIONALLY)
        disk.keep(folder / "fresh.img")
        places = _deploy(tested)
        shutil.copytree(disk.files / builds, folder / "builds", symlinks=True)
        upgrade = _deploy(tested)
        disk.keep(folder / "running.img")
        disk.become(folder / "fresh.img")
        shutil.copytree(folder / "builds", disk.files / builds, symlinks=True)
        disk.keep(folder / "packaged.img")
        disk.become(folder / "fresh.img")
        stop_at(tested, "before making room for the build")
        disk.keep(folder / "tools.img")
    return Lab(folder=folder, upgrade=upgrade, first=places)


def _deploy(tested: HostUnderTest) -> tuple[str, ...]:
    """Deploy, and return the commands that it took."""
    tested.number += 1
    tested.operator.end(tested.operator.start_at("", *tested.words())).assert_proven()
    return tuple(tested.operator.places.read_text().splitlines())


def stop_at(tested: HostUnderTest, place: str, extra: str = "") -> None:
    """Leave a host as it is at a place of a deployment, its control machine gone."""
    process = tested.operator.start_at(place, *tested.words(extra))
    tested.operator.await_stop(process)
    kill_control(Broken(tested, process, None))
