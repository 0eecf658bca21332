"""The bytes of an archive depend on its files alone."""

import io
import tarfile

from provision.common.files.tar import tar_of


def test_the_order_of_the_files_does_not_matter() -> None:
    assert tar_of({"a": b"1", "b": b"2"}) == tar_of({"b": b"2", "a": b"1"})


def test_entries_have_no_date_and_no_owner() -> None:
    data = tar_of({"program": b"x", "text": b"yy"}, mode=0o600, executables=["program"])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        entries = [(entry.name, entry.size, entry.mode, entry.mtime, entry.uid, entry.gid) for entry in tar]
    assert entries == [("program", 1, 0o755, 0, 0, 0), ("text", 2, 0o600, 0, 0, 0)]
