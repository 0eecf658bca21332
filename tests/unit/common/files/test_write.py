"""A file is written whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from provision.common.files.write import write_whole


def test_a_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"one", mode=0o600)
    write_whole(tmp_path / "file", b"two", mode=0o600)
    assert (tmp_path / "file").read_bytes() == b"two"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_exact_mode_holds_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_whole(tmp_path / "file", b"one", mode=0o644, exact_mode=True)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_without_replace_a_file_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"one")
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", b"two", replace=False)
    assert (tmp_path / "file").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_link_still_leads_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    write_whole(tmp_path / "file", b"one")
    write_whole(tmp_path / "link", b"two")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"two"


def test_a_path_that_is_no_file_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match="not a regular file"):
            write_whole(tmp_path / name, b"one")
        assert (tmp_path / name).is_fifo()


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_hard_links_takes_a_new_file(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    write_whole(tmp_path / "file", b"one", mode=0o600, replace=False)
    assert (tmp_path / "file").read_bytes() == b"one"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", b"two", replace=False)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_without_hard_links_a_full_disk_leaves_no_part_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        # Writing the file in its place fails, too.
        monkeypatch.setattr(os, "fsync", fail)
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OSError, match="No space left on device"):
        write_whole(tmp_path / "file", b"one", replace=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may give files away")
def test_the_owner_stays(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.chown(tmp_path / "file", 12, 34)
    write_whole(tmp_path / "file", b"two")
    status = (tmp_path / "file").stat()
    assert (status.st_uid, status.st_gid) == (12, 34)
