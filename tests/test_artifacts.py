"""Artifacts: the same build is the same bytes, and only what is whole is used."""

import io
import json
import stat
import tarfile
import threading
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.artifacts import ARCHIVE, NOTE, Artifacts, check, pack
from provision.errors import ParseError, StoreError
from tests.sample import RECIPE, SYSTEM_NETTLE

CHRONYD, CHRONYC = b"\x7fELF chronyd", b"\x7fELF chronyc"
FILES = {
    "receipt.json": f"{RECIPE.receipt}\n".encode(),
    "sbin/chronyd": CHRONYD,
    "bin/chronyc": CHRONYC,
    "sha256sums": "".join(
        f"{sha256(data).hexdigest()}  {name}\n" for name, data in (("sbin/chronyd", CHRONYD), ("bin/chronyc", CHRONYC))
    ).encode(),
    "libraries": b"libcap.so.2 libcap2\nlibc.so.6 libc6\n",
    "share/man/man8/chronyd.8": b".TH chronyd 8\n",
}


def folder(files: dict[str, bytes] = FILES, *, mtime: int = 0, uid: int = 0, prefix: str = "./") -> bytes:
    """Return what a host's tar makes of a folder."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo(prefix)
        entry.type = tarfile.DIRTYPE
        tar.addfile(entry)
        for name, data in files.items():
            entry = tarfile.TarInfo(f"{prefix}{name}")
            entry.size, entry.mtime, entry.uid = len(data), mtime, uid
            entry.mode = 0o755 if "bin/" in name else 0o644
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


ARTIFACT = pack(RECIPE, folder(), checked=False)


@pytest.fixture
def store(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


def test_the_same_files_are_the_same_bytes() -> None:
    other = folder(dict(reversed(FILES.items())), mtime=1795413647, uid=61184)
    assert pack(RECIPE, other, checked=False).archive == ARTIFACT.archive


def test_what_is_packed_are_files_that_anybody_may_read_and_programs_that_anybody_may_run() -> None:
    with tarfile.open(fileobj=io.BytesIO(ARTIFACT.archive)) as tar:
        assert {entry.name: stat.filemode(entry.mode)[1:] for entry in tar} == {
            name: "rwxr-xr-x" if "bin/" in name else "rw-r--r--" for name in FILES
        }


def link(name: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/shadow"
        tar.addfile(entry)
    return made.getvalue()


OTHER = [
    pytest.param(folder({**FILES, "receipt.json": b"{}"}), "holds the build of another recipe", id="another receipt"),
    pytest.param(folder({"sbin/chronyd": b""}), "is no build: it has no file libraries", id="no libraries"),
    pytest.param(folder({**FILES, "receipt.json": b""}), "holds the build of another recipe", id="no receipt"),
    pytest.param(folder({**FILES, "sbin/chronyd": b"evil"}), "has other programs than those", id="another program"),
    pytest.param(folder({**FILES, "sha256sums": b"\xff\n"}), "has other programs than those", id="no digests"),
    pytest.param(folder({"x": b""}, prefix="../"), "this has '../", id="a way out"),
    pytest.param(folder({"x": b""}, prefix="/etc/"), "this has '/etc/", id="an absolute path"),
    pytest.param(link("x"), "this has 'x'", id="a link"),
    pytest.param(b"no archive", "no archive of a build", id="no archive"),
    pytest.param(folder()[:1900], "no archive of a build", id="cut off"),
]


@pytest.mark.parametrize(("made", "words"), OTHER)
def test_what_is_not_this_build_is_refused(made: bytes, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        pack(RECIPE, made, checked=False)


def test_an_artifact_is_checked_against_its_recipe() -> None:
    check(ARTIFACT, RECIPE)
    with pytest.raises(ParseError, match="another recipe"):
        check(ARTIFACT, SYSTEM_NETTLE)


def test_what_is_kept_is_found(store: Artifacts) -> None:
    assert store.find(RECIPE.name, print) is None
    store.keep(ARTIFACT)
    assert store.find(RECIPE.name, print) == ARTIFACT
    assert [path.name for path in store.folder.iterdir()] == [RECIPE.name]


def test_a_new_one_takes_the_place_of_the_old_one(store: Artifacts) -> None:
    store.keep(ARTIFACT)
    other = replace(ARTIFACT, checked=True)
    store.keep(other)
    assert store.find(RECIPE.name, print) == other
    store.drop(RECIPE.name)
    assert store.find(RECIPE.name, print) is None


def test_who_wants_unit_tests_to_have_passed_gets_no_other(store: Artifacts) -> None:
    store.keep(ARTIFACT)
    assert store.find(RECIPE.name, print, checked=True) is None
    store.keep(replace(ARTIFACT, checked=True))
    assert store.find(RECIPE.name, print, checked=True) is not None


def truncate(place: Path) -> None:
    (place / ARCHIVE).write_bytes(ARTIFACT.archive[:-1])


def alter(place: Path) -> None:
    (place / ARCHIVE).write_bytes(ARTIFACT.archive[:-9] + b"x" + ARTIFACT.archive[-8:])


def rename(place: Path) -> None:
    (place / NOTE).write_text(json.dumps({**json.loads(ARTIFACT.note), "name": "another"}))


def empty_note(place: Path) -> None:
    (place / NOTE).write_text("")


def poor_note(place: Path) -> None:
    (place / NOTE).write_text(f'{{"name": "{RECIPE.name}"}}')


def list_note(place: Path) -> None:
    (place / NOTE).write_text("[]")


@pytest.mark.parametrize("damage", [truncate, alter, rename, empty_note, poor_note, list_note])
def test_a_damaged_one_is_refused_and_can_be_replaced(damage: object, store: Artifacts) -> None:
    store.keep(ARTIFACT)
    assert callable(damage)
    damage(store.folder / RECIPE.name)
    said: list[str] = []
    assert store.find(RECIPE.name, said.append) is None
    assert said == [f"the artifact {RECIPE.name} is damaged, and is not used"]
    store.keep(ARTIFACT)
    assert store.find(RECIPE.name, print) == ARTIFACT


STRANGE_NOTES = [
    pytest.param({"packages": ["-oDPkg::Pre-Invoke::=sh"]}, id="an option in place of a package"),
    pytest.param({"packages": ["libc6; reboot"]}, id="a command in place of a package"),
    pytest.param({"packages": "libc6 libcap2"}, id="packages that are no list"),
    pytest.param({"sha256": "0" * 64}, id="another digest"),
]


@pytest.mark.parametrize("change", STRANGE_NOTES)
def test_a_note_is_not_believed(change: dict[str, object], store: Artifacts) -> None:
    store.keep(ARTIFACT)
    (store.folder / RECIPE.name / NOTE).write_text(json.dumps({**json.loads(ARTIFACT.note), **change}))
    found = store.find(RECIPE.name, print)
    # What reads as names of packages has to be those in the archive.
    if found is not None:
        with pytest.raises(ParseError, match="needs other libraries than its note says"):
            check(found, RECIPE)


def test_that_unit_tests_passed_is_said_by_true_alone(store: Artifacts) -> None:
    store.keep(ARTIFACT)
    (store.folder / RECIPE.name / NOTE).write_text(json.dumps({**json.loads(ARTIFACT.note), "checked": "no"}))
    assert store.find(RECIPE.name, print, checked=True) is None


@given(st.integers(0, len(ARTIFACT.archive) - 1), st.integers(1, 255))
def test_no_damage_is_more_than_a_line(at: int, flip: int) -> None:
    data = bytearray(ARTIFACT.archive)
    data[at] ^= flip
    with suppress(ParseError):
        check(replace(ARTIFACT, archive=bytes(data)), RECIPE)


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provision.artifacts.MOST_BYTES", 100)
    with pytest.raises(ParseError, match="more than 100 bytes"):
        check(ARTIFACT, RECIPE)


def test_a_missing_half_is_as_if_there_were_none(store: Artifacts) -> None:
    store.keep(ARTIFACT)
    (store.folder / RECIPE.name / ARCHIVE).unlink()
    assert store.find(RECIPE.name, print) is None


def test_a_store_that_cannot_be_used_is_one_line(store: Artifacts) -> None:
    store.folder.write_text("a file")
    with pytest.raises(StoreError, match=r"Not a directory|File exists"):
        store.keep(ARTIFACT)
    with pytest.raises(StoreError, match="Not a directory"):
        store.find(RECIPE.name, print)
    with pytest.raises(StoreError, match="File exists"), store.building(RECIPE.name, print):
        pass


def test_who_builds_the_same_waits(store: Artifacts) -> None:
    said: list[str] = []
    order: list[str] = []

    def second() -> None:
        with store.building("x", said.append):
            order.append("second")

    with store.building("x", print):
        thread = threading.Thread(target=second)
        thread.start()
        while not said:
            assert thread.is_alive()
        with store.building("y", print):
            order.append("first")
    thread.join()
    assert said == ["another run builds it; waiting for its artifact"]
    assert order == ["first", "second"]


def test_a_note_holds_what_a_reader_needs() -> None:
    assert json.loads(ARTIFACT.note) == {
        "name": RECIPE.name,
        "sha256": ARTIFACT.sha256,
        "checked": False,
        "packages": ["libc6", "libcap2"],
        "unowned": [],
    }
