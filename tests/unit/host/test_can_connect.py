"""Whether a process may connect to a Unix socket: Samba's, for chronyd."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from provision.host import scripts
from provision.host.transport.local import LocalTransport
from tests.helpers.step_samples import needs_root

NOBODY = 65534
pytestmark = needs_root


@pytest.fixture
def pid() -> Iterator[int]:
    """Run a process of another account, with a supplementary group."""
    with subprocess.Popen(["sleep", "60"], user=NOBODY, group=NOBODY, extra_groups=[4711]) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for parent in (tmp_path, *tmp_path.parents):
        if parent.is_relative_to("/tmp/pytest-of-root"):  # noqa: S108 -- where pytest makes its folders
            parent.chmod(0o755)
    made = tmp_path / "ntp_signd"
    made.mkdir(mode=0o750)
    return made


def told(pid: int, path: Path) -> str:
    output = LocalTransport().execute(
        f"{scripts.functions('can_connect')}{scripts.text('can_connect')}can_connect {pid} {path}\n"
    )
    assert output.status == 0
    return output.stdout.strip()


def listening(path: Path) -> socket.socket:
    """Return a socket as Samba makes it: its folder alone restricts who may connect."""
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    path.chmod(0o777)
    made.listen()
    return made


def test_the_groups_of_the_process_decide(pid: int, folder: Path) -> None:
    with closing(listening(folder / "socket")):
        assert told(pid, folder / "socket") == "denied"
        os.chown(folder, 0, 4711)
        assert told(pid, folder / "socket") == "there"
        # The same socket by another name.
        (folder.parent / "link").symlink_to(folder)
        assert told(pid, folder.parent / "link/socket") == "there"


def test_a_socket_that_is_missing_or_has_no_listener(pid: int, folder: Path) -> None:
    os.chown(folder, 0, 4711)
    assert told(pid, folder / "socket") == "missing"
    listening(folder / "socket").close()
    assert told(pid, folder / "socket") == "silent"


def test_a_process_that_has_ended(folder: Path) -> None:
    with closing(listening(folder / "socket")):
        assert told(2**22, folder / "socket") == "unknown"
