"""Artifacts: the same build is the same bytes, and only what is whole is used."""

import gzip
import io
import json
import stat
import tarfile
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.build.artifacts import ARCHIVE, NOTE, Artifact, Artifacts, check, pack
from provision.common.errors import BuildsDiffer, ParseError, StoreError
from tests.helpers.build_archives import ARTIFACT, CHRONYC, FILES, entries, folder, packed_as
from tests.helpers.samples import RECIPE, SYSTEM_NETTLE


@pytest.fixture
def store(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


def test_the_same_files_are_the_same_bytes() -> None:
    other = folder(dict(reversed(FILES.items())), mtime=1795413647, uid=61184)
    assert pack(RECIPE, other, checked=False, host="ntp1").archive == ARTIFACT.archive


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


GOOD = entries(FILES)
PACKED_OTHERWISE = [
    pytest.param(packed_as(*GOOD, ("lib/evil.so", b"evil", 0o644)), "this has 'lib/evil.so'", id="a file too many"),
    pytest.param(packed_as(*GOOD, ("sbin/chronyd", b"evil", 0o755)), "this has 'sbin/chronyd'", id="a file twice"),
    pytest.param(packed_as(*GOOD, ("./sbin//chronyd", b"", 0o755)), "this has", id="a file by two names"),
    pytest.param(packed_as(("bin/chronyc", CHRONYC, 0o4755)), "this has 'bin/chronyc'", id="setuid"),
    pytest.param(packed_as(("bin/chronyc", CHRONYC, 0o2755)), "this has 'bin/chronyc'", id="setgid"),
    pytest.param(packed_as(*((name, data, 0o777) for name, data, _ in GOOD)), "is not packed", id="other modes"),
    pytest.param(packed_as(*reversed(GOOD)), "is not packed as builds are", id="another order"),
    pytest.param(packed_as(*GOOD) + packed_as(("etc/x", b"", 0o644)), "is not packed", id="a second archive behind"),
    pytest.param(packed_as(*GOOD, format_=tarfile.GNU_FORMAT), "is not packed", id="another format"),
]


@pytest.mark.parametrize(("content", "words"), PACKED_OTHERWISE)
def test_an_artifact_has_only_the_files_of_a_build_packed_in_the_one_way(content: bytes, words: str) -> None:
    check(replace(ARTIFACT, archive=gzip.compress(packed_as(*GOOD))), RECIPE)
    with pytest.raises(ParseError, match=words):
        check(replace(ARTIFACT, archive=gzip.compress(content)), RECIPE)


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
        pack(RECIPE, made, checked=False, host="ntp1")


def test_an_artifact_is_checked_against_its_recipe() -> None:
    check(ARTIFACT, RECIPE)
    with pytest.raises(ParseError, match="another recipe"):
        check(ARTIFACT, SYSTEM_NETTLE)


def test_what_is_kept_is_found(store: Artifacts) -> None:
    assert store.find(RECIPE.name, print) is None
    store.keep(ARTIFACT)
    assert store.find(RECIPE.name, print) == ARTIFACT
    assert [path.name for path in store.folder.iterdir() if path.is_dir()] == [RECIPE.name]


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
    damaged = replace(ARTIFACT, archive=bytes(data))
    try:
        check(damaged, RECIPE)
    except ParseError as error:
        assert "\n" not in str(error)
    else:
        assert damaged.content == ARTIFACT.content, "a header of gzip says what nobody reads"


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provision.build.artifacts.MOST_BYTES", 100)
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
        "builders": ["ntp1"],
        "packages": ["libc6", "libcap2"],
        "unowned": [],
    }


def by(host: str, *, content: bytes = b"4.9") -> Artifact:
    """Return what a host built; with other content, its log differs."""
    return pack(RECIPE, folder({**FILES, "configure.log": content}), checked=False, host=host)


def test_hosts_that_build_the_same_confirm_each_other(store: Artifacts) -> None:
    first = store.keep(by("root@ntp1"), confirm=2)
    assert first.builders == ("ntp1",)
    assert (first.may_go_to("admin@ntp1", confirm=2), first.may_go_to("ntp2", confirm=2)) == (True, False)
    assert first.may_go_to("ntp2", confirm=1)
    again = store.keep(by("admin@ntp1"), confirm=2)
    assert not again.is_confirmed(2)
    store.keep(by("ntp2"), confirm=2)
    found = store.find(RECIPE.name, print)
    assert found is not None
    assert found.builders == ("ntp1", "ntp2")
    assert found.may_go_to("ntp3", confirm=2)
    assert not found.is_confirmed(3)


def test_that_hosts_build_different_bytes_is_told_with_their_names_and_nothing_is_lost(store: Artifacts) -> None:
    store.keep(by("ntp1"), confirm=2)
    with pytest.raises(BuildsDiffer, match=r"ntp2 and ntp1 built different bytes: configure.log; .* compare") as told:
        store.keep(by("ntp2", content=b"evil"), confirm=2)
    assert store.find(RECIPE.name, print) == by("ntp1")
    second = store.folder / f".other-{RECIPE.name}"
    assert str(second) in str(told.value)
    assert (second / ARCHIVE).read_bytes() == by("ntp2", content=b"evil").archive
    assert store.names() == (RECIPE.name,)


def test_one_builder_is_enough_unless_the_site_says_otherwise(store: Artifacts) -> None:
    store.keep(by("ntp1"))
    assert store.keep(by("ntp2", content=b"other")).builders == ("ntp2",)


def test_a_note_without_builders_confirms_nothing(store: Artifacts) -> None:
    store.keep(ARTIFACT)
    note = {key: value for key, value in json.loads(ARTIFACT.note).items() if key != "builders"}
    (store.folder / RECIPE.name / NOTE).write_text(json.dumps(note))
    found = store.find(RECIPE.name, print)
    assert found is not None
    assert not found.may_go_to("ntp1", confirm=2)
    assert found.may_go_to("ntp1", confirm=1)


def keep_often(place: Path, host: str) -> None:
    for _ in range(15):
        Artifacts(place).keep(by(host))


def test_many_may_keep_the_same_at_once(store: Artifacts) -> None:
    with ProcessPoolExecutor(4) as pool:
        kept = [pool.submit(keep_often, store.folder, f"ntp{number}") for number in range(8)]
        for one in kept:
            one.result()
    found = store.find(RECIPE.name, print)
    assert found is not None
    assert found.builders == tuple(f"ntp{number}" for number in range(8))
    assert [path.name for path in store.folder.iterdir() if path.is_dir()] == [RECIPE.name]
