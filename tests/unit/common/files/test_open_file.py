"""Paths that lead to an open file of this process."""

import os
from pathlib import Path

import pytest

from provision.common.files.open_file import descriptor_at


@pytest.mark.parametrize(("path", "number"), [("/dev/stdout", 1), ("/dev/fd/2", 2), ("/proc/self/fd/0", 0)])
def test_a_path_to_an_open_file_is_known(path: str, number: int) -> None:
    assert descriptor_at(Path(path)) == number


def test_a_link_to_an_open_file_is_known_and_other_files_are_none(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "1").touch()
    assert descriptor_at(tmp_path / "link") == 1
    assert [descriptor_at(tmp_path / name) for name in ("1", "none", "loop")] == [None, None, None]
    assert descriptor_at(Path(f"/proc/{os.getpid()}/fd/none")) is None
