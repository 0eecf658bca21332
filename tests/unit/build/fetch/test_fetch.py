"""Tarballs: from the first place that has them, verified, into the store."""

import hashlib
from pathlib import Path

import pytest

from provision.build.fetch.fetch import fetch
from provision.build.fetch.places import Folder
from provision.build.fetch.store import Store
from provision.chrony.releases import Release
from provision.common.errors import FetchError
from tests.helpers.tarball_places import DATA, FLIPPED, RELEASE, SIGNATURES, SIGNER, WRONG_SIGNATURE, Shelf


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_tarball_comes_from_the_first_place_that_has_it(store: Store) -> None:
    empty, full, spare = Shelf("empty", data=None), Shelf("full"), Shelf("spare")
    tarball = fetch(RELEASE, store=store, places=[empty, full, spare])
    assert (tarball.origin, tarball.path.read_bytes(), tarball.path.name) == ("full", DATA, "chrony-9.9.tar.gz")
    assert (empty.asked, spare.asked) == ([RELEASE], [])


@pytest.mark.parametrize("name", ["chrony-9.9.tar.gz", "chrony_9.9.orig.tar.gz"])
def test_the_folder_of_the_operator_comes_before_other_places(name: str, store: Store, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(DATA)
    untouched = Shelf()
    tarball = fetch(RELEASE, store=store, sources=tmp_path, places=[untouched])
    assert (tarball.origin, tarball.signature) == (f"--sources {tmp_path}", f"none to be had from --sources {tmp_path}")
    assert untouched.asked == []


def test_what_the_folder_lacks_comes_from_elsewhere(store: Store, tmp_path: Path) -> None:
    assert fetch(RELEASE, store=store, sources=tmp_path, places=[Shelf()]).origin == "shelf"


@pytest.mark.parametrize(
    "name",
    ["chrony-9.9-tar-gz-asc.txt", "chrony-9.9.tar.gz.asc", "chrony-9.9.tar.gz.sig", "chrony_9.9.orig.tar.gz.asc"],
)
def test_a_signature_in_the_folder_is_seen_under_every_name(name: str, store: Store, tmp_path: Path) -> None:
    (tmp_path / RELEASE.filename).write_bytes(DATA)
    (tmp_path / name).write_bytes(WRONG_SIGNATURE)
    with pytest.raises(FetchError, match=f"not by the pinned {SIGNER}"):
        fetch(RELEASE, store=store, sources=tmp_path, places=[])


def test_one_flipped_byte_in_the_folder_stops_everything(store: Store, tmp_path: Path) -> None:
    (tmp_path / RELEASE.filename).write_bytes(FLIPPED)
    untouched = Shelf()
    with pytest.raises(FetchError) as caught:
        fetch(RELEASE, store=store, sources=tmp_path, places=[untouched])
    assert str(caught.value) == (
        f"chrony 9.9: --sources {tmp_path}: sha256 is {hashlib.sha256(FLIPPED).hexdigest()}, "
        f"expected {RELEASE.sha256}; replace the file, or remove it"
    )
    assert untouched.asked == []
    assert not store.folder.exists()


def test_a_folder_that_is_not_there_is_said(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"^--sources .*/nowhere: there is no such folder$"):
        fetch(RELEASE, store=store, sources=tmp_path / "nowhere", places=[Shelf()])


def test_a_file_of_the_folder_that_cannot_be_read_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / RELEASE.filename).mkdir()
    with pytest.raises(FetchError, match=r"^cannot read chrony-9\.9\.tar\.gz: Is a directory$"):
        Folder(tmp_path).tarball(RELEASE)


def test_one_flipped_byte_elsewhere_is_said_and_the_next_place_is_asked(store: Store) -> None:
    said: list[str] = []
    tarball = fetch(RELEASE, store=store, places=[Shelf("bad", data=FLIPPED), Shelf("good")], say=said.append)
    assert tarball.origin == "good"
    assert said[1].startswith("chrony 9.9: bad: sha256 is ")


def test_when_no_place_has_it_each_one_has_its_reason_in_one_line(store: Store) -> None:
    with pytest.raises(FetchError) as caught:
        fetch(RELEASE, store=store, places=[Shelf("empty", data=None), Shelf("bad", data=FLIPPED)])
    assert str(caught.value) == (
        f"chrony 9.9: not to be had: empty: it is empty; bad: sha256 is {hashlib.sha256(FLIPPED).hexdigest()}, "
        f"expected {RELEASE.sha256}; put chrony-9.9.tar.gz into a folder and give it with --sources"
    )


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        pytest.param(WRONG_SIGNATURE, f"not by the pinned {SIGNER}", id="by another key"),
        pytest.param(
            (SIGNATURES / "chrony_4.3.orig.tar.gz.asc").read_bytes(), "does not fit the file", id="of another file"
        ),
        pytest.param(b"<html>Welcome</html>", "no OpenPGP signature", id="no signature at all"),
    ],
)
def test_a_wrong_signature_stops_everything(signature: bytes, reason: str, store: Store) -> None:
    untouched = Shelf()
    with pytest.raises(FetchError, match=rf"^chrony 9\.9: shelf: .*{reason}; nothing was kept, do not use this place$"):
        fetch(RELEASE, store=store, places=[Shelf(beside=signature), untouched])
    assert untouched.asked == []
    assert not store.folder.exists()


@pytest.mark.parametrize(
    ("signer", "words"),
    [
        pytest.param(None, "not looked for, because no signer is pinned", id="no signer"),
        pytest.param("F" * 40, f"not verified, because there is no copy of key {'F' * 40} here", id="no key"),
    ],
)
def test_where_nothing_can_be_verified_nothing_is_claimed(signer: str | None, words: str, store: Store) -> None:
    release = Release(name="chrony", version="9.9", sha256=RELEASE.sha256, signer=signer)
    assert fetch(release, store=store, places=[Shelf(beside=WRONG_SIGNATURE)]).signature == words
