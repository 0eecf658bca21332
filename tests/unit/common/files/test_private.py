"""Files that only their owner may read: refused where others may, and written whole or not at all."""

import fcntl
import os
import resource
import stat
import threading
from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.common.files import private


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "chrony.keys"


def write(path: Path, data: bytes = b"one") -> None:
    private.write(path, data, replace=False)


def test_a_written_file_is_private_and_read_back(path: Path) -> None:
    before = os.umask(0)
    try:
        write(path)
    finally:
        os.umask(before)
    assert private.read(path) == b"one"
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert [file.name for file in path.parent.iterdir()] == ["chrony.keys"]


def test_an_existing_file_is_not_overwritten_unless_it_is_asked_for(path: Path) -> None:
    write(path)
    with pytest.raises(SiteError, match="there is a file by now, and it was not overwritten"):
        write(path, b"two")
    assert private.read(path) == b"one"
    private.write(path, b"three", replace=True)
    assert private.read(path) == b"three"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["chrony.keys"]


def test_a_folder_that_cannot_be_made_is_an_error(path: Path) -> None:
    path.parent.write_text("a file")
    with pytest.raises(SiteError, match=r"chrony\.keys: cannot be written: "):
        write(path)


def test_a_write_that_fails_half_way_leaves_the_old_file(path: Path) -> None:
    write(path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Files may grow no further than this, as on a disk that is full.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(SiteError, match=r"chrony\.keys: cannot be written: File too large"):
            private.write(path, b"x" * 1000, replace=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert private.read(path) == b"one"
    assert [file.name for file in path.parent.iterdir()] == ["chrony.keys"]


def test_no_file_is_no_error(path: Path) -> None:
    assert private.read(path) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601])
def test_a_file_that_others_may_use_is_refused_with_the_way_out(path: Path, mode: int) -> None:
    write(path)
    path.chmod(mode)
    with pytest.raises(SiteError, match=f"others than its owner may use it .mode {mode:04o}.: chmod 600 {path}"):
        private.read(path)


def test_a_symlink_is_followed_also_when_it_is_replaced(path: Path) -> None:
    write(path)
    link = path.with_name("link")
    link.symlink_to(path)
    private.write(link, b"two", replace=True)
    assert link.is_symlink()
    assert private.read(path) == private.read(link) == b"two"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can")
def test_root_leaves_a_file_to_its_owner(path: Path) -> None:
    write(path)
    os.chown(path, 12345, 12346)
    private.write(path, b"two", replace=True)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="cannot be read: Is a directory"):
        private.read(tmp_path)


def test_a_pipe_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(SiteError, match=r"not a regular file$"):
        private.read(tmp_path / "pipe")


def test_a_file_that_is_too_large_is_refused(path: Path) -> None:
    write(path)
    os.truncate(path, private.MOST_BYTES + 1)
    with pytest.raises(SiteError, match=f"{private.MOST_BYTES + 1} bytes are too many$"):
        private.read(path)


def test_a_path_below_a_file_is_an_error(path: Path) -> None:
    write(path)
    with pytest.raises(SiteError, match="cannot be read: Not a directory"):
        private.read(path / "more")


def test_the_folder_of_the_file_behind_a_link_decides(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path)
    folder = path.parent.with_name("links")
    folder.mkdir()
    link = folder / "link"
    link.symlink_to(path)
    # For root, every folder is writable.
    monkeypatch.setattr(os, "access", lambda place, mode: mode == os.F_OK or Path(place) != folder)
    private.refuse_unwritable(link)
    with pytest.raises(SiteError, match="no right to write in"):
        private.refuse_unwritable(folder / "other")


def test_who_comes_second_waits(path: Path) -> None:
    order = []

    def second() -> None:
        with private.locked(path):
            order.append("second")

    with private.locked(path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(timeout=0.2)
        assert thread.is_alive()
        order.append("first")
    thread.join(timeout=60)
    assert order == ["first", "second"]
    assert [file.name for file in path.parent.iterdir()] == [f".{path.name}.lock"]


def test_a_folder_of_another_account_is_no_hindrance(path: Path) -> None:
    """Who can read a folder can hold its lock; in a site's folder that may be anybody."""
    path.parent.mkdir()
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with private.locked(path):
            (lock,) = path.parent.iterdir()
            assert lock.stat().st_mode & 0o777 == 0o600
    finally:
        os.close(descriptor)


def test_a_lock_is_not_made_through_a_link(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.parent.joinpath(f".{path.name}.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SiteError, match="cannot be written"), private.locked(path):
        pytest.fail("it is locked")
    assert not (tmp_path / "elsewhere").exists()
