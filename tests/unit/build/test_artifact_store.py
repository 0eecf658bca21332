"""The store of artifacts: an artifact that is stored is found again, a damaged one is not used, and runs wait."""

import json
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from provision.build.artifact import Artifact, check, pack
from provision.build.artifact_store import ARCHIVE, NOTE, Artifacts
from provision.common.errors import BuildsDiffer, ParseError, StoreError
from tests.helpers.build_archives import ARTIFACT, FILES, folder
from tests.helpers.samples import RECIPE


@pytest.fixture
def store(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


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


def test_the_newest_compilation_of_the_same_releases_on_the_same_platform_is_known(store: Artifacts) -> None:
    assert store.last_compilation(RECIPE) is None
    store.keep(ARTIFACT)
    other = replace(RECIPE, nts=False)
    files = {**FILES, "receipt.json": f"{other.receipt}\n".encode()}
    store.keep(pack(other, folder(files), checked=False, host="root@ntp2", seconds=29.96))
    an_hour_ago = time.time() - 3600
    os.utime(store.folder / RECIPE.name / NOTE, (an_hour_ago, an_hour_ago))
    last = store.last_compilation(replace(RECIPE, readline=False))
    assert last is not None
    assert (last.host, last.seconds) == ("ntp2", 30.0)
    os.utime(store.folder / other.name / NOTE, (0, 0))
    last = store.last_compilation(other)
    assert last is not None
    assert (last.host, last.seconds) == ("ntp1", 41.2)
    for unlike in (replace(RECIPE, nettle=None), replace(RECIPE, platform="debian-13-x86_64-glibc-2.41")):
        assert store.last_compilation(unlike) is None


UNKNOWN = [
    pytest.param("", id="no JSON"),
    pytest.param("[]", id="a list"),
    pytest.param("{}", id="of an earlier version"),
    pytest.param('{"compilation": {"platform": "x"}}', id="a part"),
    pytest.param('{"compilation": {"platform": "x", "releases": 7, "host": "a", "seconds": 1}}', id="no releases"),
    pytest.param('{"compilation": 7}', id="a number"),
]


@pytest.mark.parametrize("note", UNKNOWN)
def test_a_note_that_does_not_tell_how_long_it_took_is_passed_over(store: Artifacts, note: str) -> None:
    store.keep(ARTIFACT)
    damaged = store.folder / "damaged"
    damaged.mkdir()
    (damaged / NOTE).write_text(note)
    last = store.last_compilation(RECIPE)
    assert last is not None
    assert last == ARTIFACT.compilation


def by(host: str, *, content: bytes = b"4.9") -> Artifact:
    """Return what a host built; with other content, its log differs."""
    return pack(RECIPE, folder({**FILES, "configure.log": content}), checked=False, host=host, seconds=41.2)


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


def test_hosts_that_build_different_bytes_are_named_and_nothing_is_lost(store: Artifacts) -> None:
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
