"""What sandboxes of other cache folders use of the machine: a machine that stands in a folder of the test."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provision.common.errors import SandboxError
from provision.host.sandbox import others, sandbox

NAME = "unit-others"
"""No sandbox has it: the processes of this machine are looked through."""
SLEEP = (sys.executable, "-c", "print('ready', flush=True); input()")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand for the machine: its interfaces, namespaces and mounts."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("interfaces", "namespaces"):
        (tmp_path / name).mkdir()
    (tmp_path / "mounts").write_text("proc /proc proc rw 0 0\n")
    monkeypatch.setattr(others, "INTERFACES", tmp_path / "interfaces")
    monkeypatch.setattr(others, "NAMESPACES", tmp_path / "namespaces")
    monkeypatch.setattr(others, "MOUNTS", tmp_path / "mounts")
    return tmp_path


def nspawn(root: Path) -> list[str]:
    return [f"--directory={root}", f"--machine=cpsb-{NAME}"]


def qemu(root: Path) -> list[str]:
    return ["-name", f"guest=cpsb-{NAME}", "-pidfile", str(root.with_name("pid"))]


@contextmanager
def running(root: Path, arguments: Callable[[Path], list[str]] = nspawn) -> Iterator[int]:
    """Run a process that has the arguments of a sandbox's."""
    words = [*SLEEP, *arguments(root)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_addresses_are_used_by_the_interfaces_of_all(machine: Path) -> None:
    for name in ("lo", "eth0", "cpsb0", "cpsb2", "cpsb3", "cpsb513", "cpsbx"):
        (machine / "interfaces" / name).touch()
    assert others.linked_addresses() == {"198.19.0.2", "198.19.0.3", "198.19.2.1"}


@pytest.mark.parametrize(
    ("namespaces", "left"),
    [
        pytest.param([], False, id="none"),
        pytest.param(["cpsb.time", "docker"], False, id="the time source alone"),
        pytest.param(["cpsb.time", "cpsb-web"], True, id="a sandbox, whoever booted it"),
        pytest.param(["cpsb.it-container"], True, id="another room at the bridge"),
    ],
)
def test_the_bridge_is_needed_while_a_namespace_is_left(machine: Path, namespaces: list[str], *, left: bool) -> None:
    for name in namespaces:
        (machine / "namespaces" / name).touch()
    assert others.are_left() is left


def test_a_name_without_a_namespace_is_free(machine: Path) -> None:
    with running(machine / "theirs/root"):
        assert others.holder(NAME, machine / "ours/root") == ""


@pytest.mark.parametrize("arguments", [nspawn, qemu])
def test_a_running_sandbox_of_another_folder_is_named_with_its_process(
    machine: Path, arguments: Callable[[Path], list[str]]
) -> None:
    (machine / f"namespaces/cpsb-{NAME}").touch()
    with running(machine / "theirs/root", arguments) as pid:
        said = others.holder(NAME, machine / "ours/root")
        assert said == f"a sandbox {NAME} of another folder runs (pid {pid}, {machine}/theirs)"
        assert others.holder(NAME, machine / "theirs/root") == ""


def test_a_stopped_sandbox_of_another_folder_is_named_with_its_folder(machine: Path) -> None:
    (machine / f"namespaces/cpsb-{NAME}").touch()
    (machine / "mounts").write_text(f"overlay /home/b/sandboxes/{NAME}/root overlay rw 0 0\n")
    said = others.holder(NAME, machine / "ours/root")
    assert said == f"a sandbox {NAME} of another folder is stopped (/home/b/sandboxes/{NAME})"


def test_remains_without_a_folder_are_named_with_their_remedy(machine: Path) -> None:
    (machine / f"namespaces/cpsb-{NAME}").touch()
    assert f"ip netns delete cpsb-{NAME} removes it" in others.holder(NAME, machine / "ours/root")


def test_a_stopped_sandbox_of_this_home_is_not_foreign(machine: Path) -> None:
    (machine / f"namespaces/cpsb-{NAME}").touch()
    root = machine / "our cache/root"
    in_mounts = str(root).replace(" ", "\\040")
    (machine / "mounts").write_text(f"/dev/vda {in_mounts} ext4 rw 0 0\n")
    assert others.holder(NAME, root) == ""


def test_the_name_of_anothers_sandbox_is_refused_with_the_way_on(machine: Path) -> None:
    (machine / f"namespaces/cpsb-{NAME}").touch()
    with running(machine / "theirs/root") as pid:
        message = rf"^a sandbox {NAME} of another folder runs \(pid {pid}, .*/theirs\): choose another name$"
        with pytest.raises(SandboxError, match=message):
            sandbox.existing(NAME)
