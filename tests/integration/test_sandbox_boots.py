"""Hosts that are really booted. Others may run beside them: what is shared is judged with that in mind."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ntplib
import pytest

from provision.common.errors import SandboxError
from provision.host.sandbox import sandbox
from provision.host.sandbox.machine import changing_machine, folder
from provision.host.sandbox.room import lowest_free
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import ROOT, booted
from tests.helpers.waiting import await_true

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("apt-get") is None, reason="needs root on Debian"),
]


def ssh(host: Sandbox, command: str) -> str:
    """Run a command on a host with the line that sandbox.up prints, without a terminal."""
    line = [*shlex.split(host.login), command]
    done = subprocess.run(
        line, check=True, stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True, text=True, timeout=120
    )
    return done.stdout


@contextmanager
def cache_home(path: Path) -> Iterator[None]:
    """Be an account that has its sandboxes in another cache folder."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(path))
        yield


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A second cache folder. Base images are shared, because it takes a minute to make one."""
    cache = tmp_path / "chrony-provision"
    cache.mkdir()
    (cache / "bases").symlink_to(folder("bases"))
    # Hosts of other tests may have no interface for a moment, and need their addresses again.
    asleep = {host.address for host in sandbox.listed() if host.name != "selftest-lone"}
    monkeypatch.setattr(sandbox, "lowest_free", lambda taken: lowest_free({*taken, *asleep}))
    yield tmp_path
    with cache_home(tmp_path):
        for host in sandbox.listed():
            sandbox.down(host.name)


def local(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Sandbox, Sandbox]]:
    with booted("selftest-a") as first, booted("selftest-b") as second:
        yield first, second


@pytest.fixture
def lone() -> Iterator[Sandbox]:
    with booted("selftest-lone") as host:
        yield host


def test_the_network_and_the_time_source_go_with_the_last_host(lone: Sandbox) -> None:
    # First in this file, before other tests boot hosts that stay.
    def shared() -> set[bool]:
        return {
            "chrony_sandbox" in local("nft", "list", "tables"),
            "cpsb0" in local("ip", "-br", "link"),
            "cpsb.time" in local("ip", "netns", "list"),
            "chrony-provision/time" in Path("/proc/self/mounts").read_text(),
        }

    assert shared() == {True}
    sandbox.down(lone.name)
    namespaces = {path.name for path in Path("/run/netns").glob("cpsb*")} - {"cpsb.time"}
    assert shared() == {bool(namespaces)}


def test_a_host_is_a_whole_debian(pair: tuple[Sandbox, Sandbox]) -> None:
    for host in pair:
        assert ssh(host, "systemctl is-system-running --wait").strip() == "running"
        assert ssh(host, "hostname").strip() == host.name
        assert "VERSION_CODENAME=bookworm" in ssh(host, "cat /etc/os-release")


def test_hosts_are_not_twins(pair: tuple[Sandbox, Sandbox]) -> None:
    first, second = pair
    assert first.address != second.address
    assert first.host_key != second.host_key
    assert ssh(first, "cat /etc/machine-id") != ssh(second, "cat /etc/machine-id")


def test_hosts_reach_each_other(pair: tuple[Sandbox, Sandbox]) -> None:
    first, second = pair
    assert second.host_key in ssh(first, f"ssh-keyscan -t ed25519 {second.address}")


def test_apt_works_inside(pair: tuple[Sandbox, Sandbox]) -> None:
    assert "Reading package lists" in ssh(pair[0], "apt-get update --error-on=any")


def test_the_time_source_answers(pair: tuple[Sandbox, Sandbox]) -> None:
    address = sandbox.time_source(say=pytest.fail)
    answer = ntplib.NTPClient().request(address, version=4, timeout=20)
    assert (answer.mode, answer.stratum, answer.leap) == (4, 1, 0)
    assert abs(answer.offset) <= answer.delay / 2 + 0.001, "all share one clock"
    assert address not in {host.address for host in pair}


def test_the_time_source_is_not_this_machines_business(pair: tuple[Sandbox, Sandbox]) -> None:
    sandbox.time_source(say=pytest.fail)
    chronyds = local("ip", "netns", "pids", "cpsb.time").split()
    assert {Path(f"/proc/{pid}/comm").read_text().strip() for pid in chronyds} == {"chronyd"}, f"beside {pair}"
    # This machine may run a chronyd of its own.
    outside = set(re.findall(r"\bpid=(\d+)", local("ss", "-Hlnup")))
    assert outside & set(chronyds) == set(), "the time source listens outside its namespace"


def test_a_running_host_is_returned_as_it_is(pair: tuple[Sandbox, Sandbox]) -> None:
    before = sandbox.pid_of(pair[0])
    assert sandbox.up(pair[0].name, say=pytest.fail) == pair[0]
    assert before is not None
    assert sandbox.pid_of(pair[0]) == before
    assert sandbox.find(pair[0].name) in sandbox.listed()


def test_a_host_that_was_shut_down_boots_again_with_its_files(lone: Sandbox) -> None:
    ssh(lone, "echo kept > /root/note; systemctl poweroff --no-block")
    await_true(lambda: sandbox.pid_of(lone) is None, "it does not shut down")
    assert sandbox.up(lone.name, say=print) == lone
    assert ssh(lone, "cat /root/note").strip() == "kept"


def test_a_host_that_is_taken_down_leaves_nothing(lone: Sandbox) -> None:
    pid = sandbox.pid_of(lone)
    sandbox.down(lone.name)
    assert sandbox.find(lone.name) is None
    assert not lone.root.parent.exists()
    assert not Path(f"/proc/{pid}/exe").exists()
    assert str(lone.root) not in Path("/proc/self/mounts").read_text()
    assert "cpsb-selftest-lone" not in local("ip", "netns", "list")
    assert lone.name not in local("ps", "-eo", "args"), "a process of the host lives on"


def test_an_unknown_host_cannot_be_taken_down() -> None:
    with pytest.raises(SandboxError, match="there is no sandbox 'selftest-none'"):
        sandbox.down("selftest-none")


def test_folders_have_names_and_addresses_of_their_own(lone: Sandbox, elsewhere: Path) -> None:
    pid = sandbox.pid_of(lone)
    with cache_home(elsewhere):
        with pytest.raises(SandboxError) as refused:
            sandbox.up(lone.name, say=pytest.fail)
        assert str(refused.value) == (
            f"a sandbox {lone.name} of another folder runs (pid {pid}, {lone.root.parent}): choose another name"
        )
        theirs = sandbox.up("selftest-theirs", say=print)
        assert theirs.address != lone.address
        assert ssh(theirs, "hostname").strip() == theirs.name
        sandbox.down(theirs.name)
    assert sandbox.pid_of(lone) == pid
    assert ssh(lone, "hostname").strip() == lone.name
    answer = ntplib.NTPClient().request(sandbox.time_source(say=pytest.fail), version=4, timeout=20)
    assert answer.stratum == 1


def test_a_stopped_host_of_another_folder_keeps_its_name(lone: Sandbox, elsewhere: Path) -> None:
    ssh(lone, "systemctl poweroff --no-block")
    await_true(lambda: sandbox.pid_of(lone) is None, "it does not shut down")
    with cache_home(elsewhere), pytest.raises(SandboxError, match=f"another folder is stopped .{lone.root.parent}.: "):
        sandbox.up(lone.name, say=pytest.fail)
    assert sandbox.up(lone.name, say=print) == lone


def test_after_a_reboot_the_first_sandbox_to_boot_gets_its_name_and_address(
    lone: Sandbox, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with changing_machine("sandboxes"):
        sandbox._room(lone).close(sandbox.pid_of(lone))
    with cache_home(elsewhere), monkeypatch.context() as next_number:
        next_number.setattr(sandbox, "lowest_free", lambda _: lone.address)
        theirs = sandbox.up("selftest-theirs", say=print)
    with pytest.raises(SandboxError, match=f"another folder has its address {lone.address} now"):
        sandbox.up(lone.name, say=print)
    with cache_home(elsewhere):
        namesake = sandbox.up(lone.name, say=print)
    with pytest.raises(SandboxError, match=f"a sandbox {lone.name} of another folder runs"):
        sandbox.up(lone.name, say=pytest.fail)
    sandbox.down(lone.name)
    for host in (theirs, namesake):
        assert ssh(host, "hostname").strip() == host.name


ANOTHER_MACHINE = """
set -eu
folders=$1 python=$2
mount -t tmpfs tmpfs /run
mkdir /run/netns
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
inv() { # FOLDER WORD…
    XDG_CACHE_HOME=$folders/$1 && export XDG_CACHE_HOME
    shift
    "$python" -m invoke "$@" >&2
}
is_shared() {
    ls /sys/class/net /run/netns | grep -xE 'cpsb0|cpsb2|cpsb.time' | LC_ALL=C sort | tr '\\n' ' '
    grep -c " $folders/.*/time/root " /proc/self/mounts || :
}
trap 'inv a sandbox.down --all; inv b sandbox.down --all' EXIT
inv a sandbox.up --name selftest-first
inv b sandbox.up --name selftest-second
inv a sandbox.down --name selftest-first
is_shared
inv b sandbox.down --name selftest-second
is_shared
"""
"""Of its own are the network and what runs; processes, and the files of this checkout, are those of this machine."""


def test_the_last_host_of_one_folder_leaves_the_others_the_network_and_the_time_source(
    pair: tuple[Sandbox, Sandbox], tmp_path: Path
) -> None:
    for name in ("a", "b"):
        cache = tmp_path / name / "chrony-provision"
        (cache / "time").mkdir(parents=True)
        (cache / "bases").symlink_to(folder("bases"))
        # That machine has no network from which to install chrony.
        subprocess.run(["cp", "-a", folder("time") / "upper", cache / "time/upper"], check=True)
        (cache / "time/installed").touch()
    words = ["unshare", "--net", "--mount", "sh", "-c", ANOTHER_MACHINE, "sh", str(tmp_path), sys.executable]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done
    assert done.stdout.splitlines() == ["cpsb.time cpsb0 cpsb2 1", "0"], f"beside {pair}"
