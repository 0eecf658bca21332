"""Tarballs: from the first place that has them, verified, into the store."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
from pysequoia import SignatureMode, Tsk, sign

from provision.build.fetch.fetch import fetch
from provision.build.fetch.newest import Newest, newest
from provision.build.fetch.places import Folder, Place, Web, mirrors, parse_mirrors
from provision.build.fetch.signature import check
from provision.build.fetch.store import Store
from provision.chrony.releases import Release, find, pins, pool
from provision.common.errors import FetchError

SIGNATURES = Path(__file__).parents[3] / "cases" / "signatures"
"""As they lie beside the tarballs in a Debian archive."""

DATA = b"the tarball"
FLIPPED = b"the tarbalm"
SIGNER = "8F375C7E8D0EE125A3D3BD51537E2B76F7680DAC"
RELEASE = Release(name="chrony", version="9.9", sha256=hashlib.sha256(DATA).hexdigest(), signer=SIGNER)
WRONG_SIGNATURE = bytes(sign(Tsk.generate("Mallory").signer(), DATA, mode=SignatureMode.DETACHED))


@dataclass(frozen=True)
class Shelf:
    """A place in memory."""

    name: str = "shelf"
    data: bytes | None = DATA
    beside: bytes | None = None
    asked: list[Release] = field(default_factory=list)
    own: ClassVar[bool] = False

    def tarball(self, release: Release) -> bytes:
        self.asked.append(release)
        if self.data is None:
            raise FetchError("it is empty")
        return self.data

    def signature(self, release: Release) -> bytes | None:
        assert release in self.asked
        return self.beside


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_tarball_comes_from_the_first_place_that_has_it(store: Store) -> None:
    empty, full, spare = Shelf("empty", data=None), Shelf("full"), Shelf("spare")
    tarball = fetch(RELEASE, store=store, places=[empty, full, spare])
    assert (tarball.origin, tarball.path.read_bytes(), tarball.path.name) == ("full", DATA, "chrony-9.9.tar.gz")
    assert (empty.asked, spare.asked) == ([RELEASE], [])


def test_a_file_that_is_replaced_after_it_was_verified_is_not_used(store: Store) -> None:
    fetch(RELEASE, store=store, places=[Shelf()])
    tarball = fetch(RELEASE, store=store, places=[])
    tarball.path.write_bytes(b"another one")
    assert tarball.data == DATA


def test_a_second_run_asks_nobody_and_knows_the_same(store: Store) -> None:
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


@contextmanager
def mirror(folder: Path) -> Iterator[str]:
    """Serve a folder as a web server does; give the URL."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name that the base class gives it
            pass

    with (
        pytest.MonkeyPatch.context() as patch,
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as web,
    ):
        patch.setenv("NO_PROXY", "127.0.0.1")
        Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://user:secret@127.0.0.1:{web.server_port}/debian"
        web.shutdown()


def put(folder: Path, name: str, data: bytes) -> None:
    path = folder / "debian/pool/main/c/chrony" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_a_debian_mirror_gives_the_tarball_and_its_password_stays_secret(store: Store, tmp_path: Path) -> None:
    put(tmp_path, "chrony_9.9.orig.tar.gz", DATA)
    with mirror(tmp_path) as url:
        tarball = fetch(RELEASE, store=store, places=[Web(pool(url, "chrony"))])
    assert (tarball.origin, tarball.signature) == ("127.0.0.1", "none to be had from 127.0.0.1")


def test_a_debian_mirror_gives_the_signature_too(store: Store, tmp_path: Path) -> None:
    put(tmp_path, "chrony_9.9.orig.tar.gz", DATA)
    put(tmp_path, "chrony_9.9.orig.tar.gz.asc", WRONG_SIGNATURE)
    with (
        mirror(tmp_path) as url,
        pytest.raises(FetchError, match=r"^chrony 9\.9: 127\.0\.0\.1: the signature is by key"),
    ):
        fetch(RELEASE, store=store, places=[Web(pool(url, "chrony"))])


def test_the_newest_version_is_what_the_first_place_that_answers_lists(tmp_path: Path) -> None:
    for version in ("4.3", "4.10", "4.9"):
        put(tmp_path, f"chrony_{version}.orig.tar.gz", b"")
    with mirror(tmp_path) as url:
        places = [Web(pool(f"{url}/nowhere", "chrony")), Web(pool(url, "chrony"))]
        assert newest("chrony", places=places) == Newest("4.10", "127.0.0.1")
        assert newest("chrony", places=places[:1]) is None


def test_the_mirrors_are_what_apt_names_each_once() -> None:
    said = "http://a.example/debian/\nhttps://b.example/debian\nhttp://a.example/debian/\ncdrom:[Debian]/\nfile:/srv/debian/\n"
    assert parse_mirrors(said) == ("http://a.example/debian", "https://b.example/debian")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def apt_places(name: str) -> list[Place]:
    return [Web(pool(each, name)) for each in mirrors()]


CHRONY, NETTLE = (
    f"good, by {pins(name)[-1].signer} {owner}"
    for name, owner in (("chrony", "Miroslav Lichvar"), ("nettle", "Niels Möller"))
)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "version", "words"),
    [
        (
            "chrony",
            "4.0",
            "not verified, because there is no copy of key 8B1F4A9ADA73D401E3085A0B5FF06F29BA1E013B here",
        ),
        ("chrony", "4.3", CHRONY),
        ("chrony", "4.6.1", CHRONY),
        ("chrony", "4.9", None),
        ("nettle", "3.7.3", None),
        ("nettle", "3.8.1", NETTLE),
        ("nettle", "3.10.1", None),
        ("nettle", "3.10.2", f"{NETTLE} (our copy of the key expired on 2025-01-15)"),
    ],
)
def test_the_mirrors_of_apt_have_the_tarballs_of_debian(
    name: str, version: str, words: str | None, kept: Store
) -> None:
    tarball = fetch(find(name, version), store=kept, places=apt_places(name))
    assert tarball.signature == words or (words is None and tarball.signature.startswith("none to be had from "))


@pytest.mark.integration
@pytest.mark.parametrize("case", ["chrony_4.3", "chrony_4.6.1", "nettle_3.8.1", "nettle_3.10.2"])
def test_upstreams_signatures_fit_the_tarballs_and_no_others(case: str, kept: Store) -> None:
    name, version = case.split("_")
    release = find(name, version)
    data = fetch(release, store=kept, places=apt_places(name)).path.read_bytes()
    signature = (SIGNATURES / f"{case}.orig.tar.gz.asc").read_bytes()
    assert release.signer is not None
    assert check(data, signature, release.signer).startswith(f"good, by {release.signer}")
    with pytest.raises(FetchError, match="does not fit the file"):
        check(data[:-1] + bytes([data[-1] ^ 1]), signature, release.signer)
