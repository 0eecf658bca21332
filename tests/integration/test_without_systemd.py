"""A host without systemd, such as a container: sshd in a root folder and a network namespace, and no more."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from provision.host.sandbox.machine import base_image, folder
from provision.host.sandbox.room import Room, make_network
from tests.helpers.booted_hosts import need_root
from tests.helpers.operators import HOST_COMPILES, Operator, Ran
from tests.helpers.waiting import await_true

pytestmark = pytest.mark.integration

SSHD = """
mount -t proc proc "$1/proc"
mkdir -p "$1/run/sshd"
chroot "$1" ssh-keygen -qA
exec chroot "$1" /usr/sbin/sshd -D
"""


@dataclass(frozen=True, slots=True)
class Container:
    """A root folder with sshd, and who may log in there."""

    root: Path
    operator: Operator
    address: str

    def run(self, task: str, *words: str) -> Ran:
        return self.operator.run(
            task, f"--host=root@{self.address}", "--accept-new", self.operator.site(HOST_COMPILES), *words
        )


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    need_root()
    operator = Operator(tmp_path_factory.mktemp("operator"))
    room = Room(folder=folder("test-container"), netns="cpsb.it-container", address="198.19.200.1")
    make_network(print)
    room.close()  # what an interrupted run left
    shutil.rmtree(room.folder, ignore_errors=True)
    room.open(base_image("bookworm", print))
    try:
        key = operator.make_key()
        (room.folder / "root/root/.ssh").mkdir(mode=0o700, exist_ok=True)
        shutil.copy(key, room.folder / "root/root/.ssh/authorized_keys")
        with sshd_in(room):
            yield Container(room.folder / "root", operator, room.address)
    finally:
        room.close()
        shutil.rmtree(room.folder)


@contextmanager
def sshd_in(room: Room) -> Iterator[None]:
    enter = ("nsenter", f"--net=/run/netns/{room.netns}", "unshare", "--mount", "--pid", "--fork", "--kill-child")
    process = subprocess.Popen([*enter, "sh", "-eu", "-c", SSHD, "sh", room.folder / "root"])
    try:
        scan = ("ssh-keyscan", "-T", "1", room.address)
        await_true(lambda: subprocess.run(scan, check=False, capture_output=True).stdout, "sshd does not answer")
        yield
    finally:
        process.kill()
        process.wait()


def test_deploy_is_refused_before_anything_is_changed(container: Container) -> None:
    ran = container.run("deploy")
    assert ran.status == 2
    assert "systemd does not run here (Debian GNU/Linux 12 (bookworm))" in ran.error
    assert "build, and deploy --no-activate, work without it" in ran.error
    assert not (container.root / "opt/chrony").exists()


def test_build_works_and_takes_the_nettle_of_the_distribution(container: Container) -> None:
    build = container.run("build", "--nettle=system")
    assert build.status == 0, build
    assert build.changed["build"] == "no finished build of this recipe; compiled here"
    assert "nettle-dev" in build.changed["build-packages"]
    (prefix,) = (container.root / "opt/chrony/builds").iterdir()
    inside = ["chroot", str(container.root), "ldd", f"/opt/chrony/builds/{prefix.name}/sbin/chronyd"]
    assert "libnettle.so.8" in subprocess.run(inside, check=True, capture_output=True, text=True).stdout
    assert container.run("build", "--nettle=system").changed == {}


def test_a_nettle_without_cmac_is_refused_by_its_configure(container: Container) -> None:
    assert container.run("build", "--nettle=system").status == 0
    (container.root / "usr/include/nettle/cmac.h").unlink()
    ran = container.run("build", "--nettle=system", "--chrony=4.6.1")
    assert ran.status == 1
    assert "has no CMAC" in ran.error
    assert 'release.nettle = "3.10.2"' in ran.error
    assert len(list((container.root / "opt/chrony/builds").iterdir())) == 1
    assert list((container.root / "opt/chrony/work").iterdir()) == []
