"""The store of tarballs: what is in it is verified again, and a damaged file is replaced."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provision.build.fetch.fetch import fetch
from provision.build.fetch.store import Store
from provision.common.errors import FetchError
from tests.helpers.tarball_places import DATA, FLIPPED, RELEASE, SIGNER, Shelf


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_file_that_is_replaced_after_it_was_verified_is_not_used(store: Store) -> None:
    fetch(RELEASE, store=store, places=[Shelf()])
    tarball = fetch(RELEASE, store=store, places=[])
    tarball.path.write_bytes(b"another one")
    assert tarball.data == DATA


def test_a_second_run_makes_no_request_and_has_the_same_result(store: Store) -> None:
    first, untouched = fetch(RELEASE, store=store, places=[Shelf()]), Shelf()
    second = fetch(RELEASE, store=store, places=[untouched])
    assert (second.path, second.origin, second.signature) == (first.path, "the store", "none to be had from shelf")
    assert untouched.asked == []


def test_a_damaged_file_in_the_store_is_replaced_and_that_is_said(store: Store) -> None:
    path = fetch(RELEASE, store=store, places=[Shelf()]).path
    path.write_bytes(FLIPPED)
    said: list[str] = []
    again = fetch(RELEASE, store=store, places=[Shelf("spare")], say=said.append)
    assert (again.origin, path.read_bytes()) == ("spare", DATA)
    assert any("the store: sha256 is" in line for line in said)


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="another shape"),
        pytest.param(b"\xff{", id="no text"),
        pytest.param(
            json.dumps({"sha256": RELEASE.sha256, "signer": "F" * 40, "signature": "good"}).encode(),
            id="another signer",
        ),
        pytest.param(
            json.dumps({"sha256": "0" * 64, "signer": SIGNER, "signature": "good"}).encode(), id="another file"
        ),
    ],
)
def test_a_note_that_does_not_fit_proves_nothing(note: bytes, store: Store) -> None:
    path = fetch(RELEASE, store=store, places=[Shelf()]).path
    path.with_name(f"{path.name}.note.json").write_bytes(note)
    assert fetch(RELEASE, store=store, places=[]).signature == "not known: the store has no note of it"


def test_many_runs_at_once_do_not_disturb_each_other(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool_of_runs:
        runs = [pool_of_runs.submit(fetch, RELEASE, store=store, places=[Shelf()]) for _ in range(32)]
        assert {run.result().path.read_bytes() for run in runs} == {DATA}
    assert sorted(path.name for path in store.folder.iterdir()) == ["chrony-9.9.tar.gz", "chrony-9.9.tar.gz.note.json"]


def test_a_store_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FetchError, match=r"^cannot (read|write) .*/file/chrony-9\.9\.tar\.gz: Not a directory; .*$"):
        fetch(RELEASE, store=Store(tmp_path / "file"), places=[Shelf()])
