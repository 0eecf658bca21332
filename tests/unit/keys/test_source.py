"""A key file, which is changed as a whole, and by several at once."""

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.common.files import private
from provision.fleet.rotation import begin
from provision.keys.ledger import Addition
from provision.keys.reader import KeyReader
from provision.keys.source import KeyFile, lint
from provision.site.key_users import add, retire
from tests.helpers.key_sources import NOTE, TWO, read_keys
from tests.helpers.samples import KEYS


def test_a_file_that_is_not_there_has_no_keys_yet(file: KeyFile) -> None:
    assert read_keys(file) is None
    file.create(KEYS)
    assert read_keys(file) == KEYS
    with pytest.raises(SiteError, match="it was not overwritten"):
        file.create(TWO)
    assert read_keys(file) == KEYS


def test_the_first_key_makes_the_file(file: KeyFile) -> None:
    added = add(KeyReader(), file, Addition(note=NOTE, first=7, type="SHA3-256"))
    assert file.path.read_text() == f"# added 2026-11-23: doors\n{added[0].line}\n"
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "# ours\n", "# ours"])
def test_a_file_of_comments_is_one_to_which_keys_may_be_added(file: KeyFile, text: str) -> None:
    file.create(KEYS)
    file.path.write_text(text)
    assert [key.id for key in add(KeyReader(), file, Addition(note=NOTE))] == [1]
    assert file.path.read_text().startswith("# ours\n# added" if text else "# added")


def test_what_cannot_be_added_leaves_the_file_as_it_is(file: KeyFile) -> None:
    file.create(TWO)
    before = file.path.stat()
    with pytest.raises(SiteError, match="there is a key 2 already"):
        add(KeyReader(), file, Addition(note=NOTE, first=2))
    file.path.write_text(f"{TWO.text}x\n")
    with pytest.raises(SiteError, match=r"line 3: expected ID TYPE KEY"):
        add(KeyReader(), file, Addition(note=NOTE))
    assert file.path.stat().st_ino == before.st_ino


def test_a_rotation_that_begins_between_two_reads_is_no_fault(file: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.create(TWO)
    read = private.read

    def read_and_be_overtaken(path: Path) -> bytes | None:
        data = read(path)
        monkeypatch.setattr(private, "read", read)
        begin(KeyReader(), file, 1, 3, type_=None, today=NOTE.added)
        return data

    monkeypatch.setattr(private, "read", read_and_be_overtaken)
    keys = read_keys(file)
    assert keys is not None
    assert keys.ids == (1, 2, 3)
    assert file.state().rotation is not None


def test_two_who_add_at_once_lose_no_key(file: KeyFile) -> None:
    threads = [threading.Thread(target=add, args=(KeyReader(), file, Addition(note=NOTE, count=20))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = read_keys(file)
    assert keys is not None
    assert keys.ids == tuple(range(1, 161))


def test_comments_of_any_bytes_and_order_stay(file: KeyFile) -> None:
    file.create(KEYS)
    file.path.write_bytes(b"# Schl\xfcssel\r\n9 SHA1 correct-horse\r\n\r\n" + KEYS.text.encode())
    (added,) = add(KeyReader(), file, Addition(note=NOTE))
    retire(KeyReader(), file, [1], {})
    assert file.path.read_bytes() == (
        b"# Schl\xfcssel\r\n9 SHA1 correct-horse\r\n\r\n# added 2026-11-23: doors\n" + f"{added.line}\n".encode()
    )


UNWRITABLE: list[Callable[[KeyFile], object]] = [
    lambda file: add(KeyReader(), file, Addition(note=NOTE, count=1)),
    lambda file: retire(KeyReader(), file, [2], {}),
    lambda file: begin(KeyReader(), file, 1, 3, type_=None, today=NOTE.added),
    lambda file: file.change_state(lambda state: state),
]


@pytest.mark.parametrize("change", UNWRITABLE, ids=["add", "retire", "rotate", "state"])
def test_a_folder_that_cannot_be_written_is_refused_with_what_to_do(
    change: Callable[[KeyFile], object], file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.create(TWO)
    # Root may write everywhere.
    monkeypatch.setattr("provision.common.files.private.os.access", lambda _, mode: mode == os.F_OK)
    with pytest.raises(SiteError) as caught:
        change(file)
    assert str(caught.value) == (
        f"{file.path}: cannot be written: no right to write in {file.path.parent}; make the folder writable, or name "
        "another file in the site"
    )
    assert [path.name for path in file.path.parent.iterdir()] == ["chrony.keys"]


def test_lint_tells_the_mode_too(file: KeyFile) -> None:
    file.create(KEYS)
    assert lint(file.path) == (KEYS.text, [])
    file.path.chmod(0o644)
    assert [str(problem) for problem in lint(file.path)[1]] == [
        f"others than its owner may use it (mode 0644): chmod 600 {file.path}"
    ]
    with pytest.raises(SiteError, match="gone: no such file"):
        lint(Path("gone"))
