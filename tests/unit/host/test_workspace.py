"""A run's place on a host: the guard, really run by sh, in a folder of the test."""

import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path
from shlex import quote

import pytest

from provision.common.errors import CommandFailed, HostUnreachable, ProvisionError
from provision.host.transport.local import LocalTransport
from provision.host.workspace import take
from tests.helpers.claimed_workspace import claimed, guard
from tests.helpers.waiting import await_true


def await_gone(path: Path) -> None:
    await_true(lambda: not path.exists(), f"{path} is still there")


def test_a_workspace_is_private_and_goes_with_us(tmp_path: Path) -> None:
    with claimed(tmp_path) as host:
        folder = Path(host.my_workspace.folder)
        assert folder.parent == tmp_path / "work"
        modes = {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())}
        assert modes == {folder.name: 0o711, "uploads": 0o700, "build": 0o700}
        assert (tmp_path / "locks/host").read_text().startswith("alice@laptop since 2")
        host.upload(b"x", host.new_path())
        host.upload(b"y", host.new_path())
        assert len(list((folder / "uploads").iterdir())) == 2
    assert list((tmp_path / "work").iterdir()) == []
    assert (tmp_path / "locks/host").read_text() == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder to another id")
def test_root_has_a_builder_without_an_account(tmp_path: Path) -> None:
    with claimed(tmp_path) as host:
        place = host.my_workspace
        assert 61184 <= place.builder <= 65519
        assert Path(place.build).stat().st_uid == place.builder


def test_another_account_is_named_and_its_folder_is_left_alone(tmp_path: Path) -> None:
    said: list[str] = []
    with claimed(tmp_path), pytest.raises(HostUnreachable) as caught:
        take("ntp1", guard(tmp_path, who="bob@desk"), said.append)
    assert [line.split(" since ")[0] for line in said] == ["ntp1: locked by alice@laptop"]
    assert str(caught.value).startswith("ntp1: locked by alice@laptop since 2")
    assert str(caught.value).endswith(" UTC; wait with --lock-timeout SECONDS, or try again later")


def test_who_waits_comes_next(tmp_path: Path) -> None:
    first = take("ntp1", guard(tmp_path), print)
    waiting = guard(tmp_path, who="bob@desk", lock_timeout=30)
    assert waiting.read_line().startswith("busy alice@laptop since ")
    first.close()
    second = take("ntp1", waiting, print)
    assert Path(second.folder).is_dir()
    assert (tmp_path / "locks/host").read_text().startswith("bob@desk since ")
    second.close()


def test_the_copy_of_a_key_that_a_killed_rehearsal_has_left_is_removed(tmp_path: Path) -> None:
    left, other = tmp_path / "run/chrony-rehearsal-1", tmp_path / "run/chrony"
    other.mkdir(parents=True)

    def leave() -> None:
        left.mkdir()
        (left / "nts.key").write_text("a key")

    leave()
    place = take("ntp1", guard(tmp_path), print)
    # Of an earlier run, whose guard was killed, too.
    assert not left.exists()
    leave()
    place.close()
    assert (left.exists(), other.exists()) == (False, True)


def sleeper(folder: Path) -> subprocess.Popen[bytes]:
    """Start what a build leaves: a process that works in the folder, has a child, and does not care for TERM."""
    return subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 60; sleep 60"], cwd=folder)


def test_what_still_works_in_the_folder_is_ended_when_we_go(tmp_path: Path) -> None:
    place = take("ntp1", guard(tmp_path), print)
    process = sleeper(Path(place.build))
    bystander = subprocess.Popen(["sleep", "60"], cwd=tmp_path)
    place.close()
    assert process.wait(timeout=60) in {-signal.SIGTERM, -signal.SIGKILL}
    assert not Path(place.folder).exists()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


CONTAINER = """
mount --bind "$1" "$2" || exit 1
mkdir -p "$2/inside"
cd "$2/inside"
echo ready
exec sleep 60
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a mount namespace")
def test_what_works_in_a_containers_own_folder_is_left_alone(tmp_path: Path) -> None:
    work, its_own = tmp_path / "opt/work", tmp_path / "container"
    for folder in (work, its_own):
        folder.mkdir(parents=True)
    line = ["unshare", "--mount", "sh", "-c", CONTAINER, "sh", str(its_own), str(work)]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        pytest.skip("no mount namespace can be made here")
    try:
        # What the guard sees is a path in its own folder.
        assert Path(f"/proc/{process.pid}/cwd").readlink() == work / "inside"
        take("ntp1", guard(tmp_path / "opt"), print).close()
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a mount namespace")
def test_processes_in_the_work_folder_are_ended_in_any_namespace(tmp_path: Path) -> None:
    """pam_namespace(8) gives each login a mount namespace of its own."""
    place = take("ntp1", guard(tmp_path), print)
    line = ["unshare", "--mount", "sh", "-c", "echo ready; exec sleep 60"]
    process = subprocess.Popen(line, cwd=place.build, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        pytest.skip("no mount namespace can be made here")
    place.close()
    process.communicate(timeout=60)
    assert process.returncode in {-signal.SIGTERM, -signal.SIGKILL}


def test_the_locks_are_in_a_folder_of_their_own(tmp_path: Path) -> None:
    """flock(2) asks for no right to write: others must not be able to open them, nor matter if they hold an old one."""
    for name in ("lock", "switch.lock"):
        (tmp_path / name).touch(mode=0o644)
    with (tmp_path / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        take("ntp1", guard(tmp_path), print).close()
    assert (tmp_path / "locks").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "locks/host").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "lock").exists()
    assert not (tmp_path / "switch.lock").exists()


def test_a_control_machine_that_died_leaves_nothing(tmp_path: Path) -> None:
    held = guard(tmp_path)
    folder = Path(held.read_line().split()[0])
    assert folder.is_dir()
    held._process.stdin.close()  # type: ignore[attr-defined]  # what its death does
    await_gone(folder)
    take("ntp1", guard(tmp_path), print).close()


@pytest.mark.slow
def test_a_control_machine_without_a_sign_of_life_is_given_up(tmp_path: Path) -> None:
    held = guard(tmp_path, silence=3)
    folder = Path(held.read_line().split()[0])
    for _ in range(3):
        time.sleep(1.2)
        held.send(b".")
    assert folder.is_dir(), "it was alive all the time"
    await_gone(folder)
    assert held.close().status == 0


def test_who_was_given_up_changes_nothing_any_more(tmp_path: Path) -> None:
    with claimed(tmp_path / "opt") as host:
        Path(host.my_workspace.build).rmdir()
        Path(host.my_workspace.folder, "uploads").rmdir()
        Path(host.my_workspace.folder).rmdir()
        with pytest.raises(
            CommandFailed, match=r"writing failed .exit status 75.: the connection was lost for too long"
        ):
            host.run("writing", f"touch {tmp_path}/file")
        assert not (tmp_path / "file").exists()


def test_the_next_run_tidies_up_behind_a_guard_that_was_killed(tmp_path: Path) -> None:
    held = guard(tmp_path)
    folder = Path(held.read_line().split()[0])
    process = sleeper(folder / "build")
    os.killpg(held._process.pid, signal.SIGKILL)  # type: ignore[attr-defined]  # nobody is asked
    held.close()
    assert folder.is_dir()
    take("ntp1", guard(tmp_path), print).close()
    assert process.wait(timeout=60) in {-signal.SIGTERM, -signal.SIGKILL}
    assert list((tmp_path / "work").iterdir()) == []


def test_a_guard_that_cannot_begin_says_why(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("in the way")
    with pytest.raises(
        CommandFailed, match=r"^ntp1: cannot create the workspace .exit status 1.: mkdir: .*File exists"
    ):
        take("ntp1", guard(tmp_path), print)


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        pytest.param("busy " + "\x1b[2J" * 1000, r"ntp1: locked by (\\x1b\[2J)+.{3,12}; wait with", id="an owner"),
        pytest.param("\x1b[2J" * 1000, r"ntp1: cannot create .*: (\\x1b\[2J)+.{3,12}$", id="no path"),
    ],
)
def test_the_words_of_a_guard_are_escaped_and_have_a_limit(printed: str, words: str) -> None:
    held = LocalTransport().hold(f"printf '%s\\n' {quote(printed)}; exit 1")
    with pytest.raises(ProvisionError, match=words) as caught:
        take("ntp1", held, lambda _: None)
    assert len(str(caught.value)) < 400


def test_a_process_ends_with_its_output() -> None:
    held = LocalTransport().hold('read -r line; echo "<$line>"; cat; echo no >&2; exit 3')
    held.send(b"one\ntwo\n")
    assert held.read_line() == "<one>"
    output = held.close()
    assert (output.status, output.stdout, output.stderr) == (3, "two\n", "no\n")


def test_a_process_that_has_ended_has_no_line() -> None:
    held = LocalTransport().hold("true")
    assert held.read_line() == ""
    held.close()
