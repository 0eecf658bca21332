"""The steps to a build: their scripts, run by sh in a folder of the test."""
# ruff: noqa: FBT001 -- fakes have the signature of what they stand for; a parameter of a case

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provision import remote
from provision.errors import BuildRefused, CommandFailed
from provision.host import Host
from provision.making import _judge_unit_tests
from provision.packages import MANAGERS, NO_OWNER
from provision.steps.fetched import Fetched
from provision.steps.packages import Packages
from provision.transport.local import LocalTransport
from tests.sample import RECIPE
from tests.stepping import BUILT, HOST, ask, needs_root, tree
from tests.working import claimed

PACKAGE_LOOKS = [
    pytest.param("[ $1 = gcc ]", False, "make\nm4", id="two are missing"),
    pytest.param("true", False, "", id="all are there"),
    pytest.param("false", True, "built", id="the build is there"),
]


@pytest.mark.parametrize(("query", "finished", "seen"), PACKAGE_LOOKS)
def test_packages_are_asked_for_until_the_build_is_there(query: str, finished: bool, seen: str, tmp_path: Path) -> None:
    if finished:
        (tmp_path / "receipt.json").write_text("{}")
    step = Packages(replace(MANAGERS["apt-get"], query=query), ("gcc", "make", "m4"), str(tmp_path))
    assert ask(step.look()) == seen


def test_source_is_wanted_only_for_a_build_that_is_to_come(tmp_path: Path) -> None:
    look = remote.load("look_packages", str(tmp_path), "false", "build")
    assert ask(look) == "build"
    (tmp_path / "receipt.json").touch()
    assert ask(look) == "built"


def test_fetching_says_where_from_and_asks_the_host_nothing() -> None:
    said: list[str] = []
    host = Host(LocalTransport(), log=said.append, progress=said.append)
    Fetched(RECIPE, lambda _: False, lambda release: f"{release} from the moon").apply(host)
    assert [line for line in said if line.startswith("nettle")] == ["nettle 3.10.2 from the moon"] * 2
    assert host.trips == 0


def staged_build(folder: Path) -> Path:
    for name in ("sbin/chronyd", "bin/chronyc"):
        (folder / "stage" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "stage" / name).write_text(name)
        (folder / "stage" / name).chmod(0o700)
    (folder / "configure.log").write_text("Features : +SECHASH\n")
    return folder / "stage"


def install(folder: Path, prefix: Path) -> None:
    log = str(folder / "configure.log")
    arguments = (str(prefix), str(staged_build(folder)), log, NO_OWNER, RECIPE.receipt)
    HOST.run("installing", remote.load("install_build", *arguments, library="libraries"))


def test_a_build_is_installed_whole_and_seen_as_finished(tmp_path: Path) -> None:
    prefix = tmp_path / "builds" / "one"
    look = remote.load("look_build", str(prefix))
    assert ask(look) == "missing"
    install(tmp_path, prefix)
    assert BUILT.drift(ask(look)) is None
    beside = ["configure.log", "libraries", "receipt.json"]
    assert sorted(tree(prefix)) == ["bin/chronyc", *beside, "sbin/chronyd", "sha256sums"]
    assert (prefix / "sbin/chronyd").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in prefix.parent.iterdir()] == ["one"]


DAMAGES: list[Any] = [
    pytest.param(lambda prefix: (prefix / "sbin/chronyd").write_text("other"), "installed", id="a binary is another"),
    pytest.param(lambda prefix: (prefix / "bin/chronyc").unlink(), "installed", id="a binary is gone"),
    pytest.param(lambda prefix: (prefix / "sha256sums").unlink(), "installed", id="the digests are gone"),
    pytest.param(lambda prefix: (prefix / "receipt.json").unlink(), "no finished build", id="no receipt"),
    pytest.param(lambda prefix: (prefix / "receipt.json").write_text("{}\n"), "another recipe", id="other receipt"),
    pytest.param(lambda prefix: (prefix / "receipt.json").write_text(""), "another recipe", id="empty receipt"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGES)
def test_a_build_that_was_touched_is_made_anew(damage: Callable[[Path], object], words: str, tmp_path: Path) -> None:
    prefix = tmp_path / "builds" / "one"
    install(tmp_path, prefix)
    damage(prefix)
    look = remote.load("look_build", str(prefix))
    assert words in str(BUILT.drift(ask(look)))
    install(tmp_path, prefix)
    assert BUILT.drift(ask(look)) is None
    assert [path.name for path in prefix.parent.iterdir()] == ["one"]


@needs_root
def test_a_build_is_made_by_an_id_that_belongs_to_nobody(tmp_path: Path) -> None:
    with claimed(tmp_path) as host:
        folder, builder = host.my_workplace.build, host.my_workplace.builder
        line = remote.load("as_builder", folder, str(builder), 'id -u; pwd; echo "$HOME"; touch file; umask')
        assert host.run("building", line) == f"{builder}\n{folder}\n{folder}\n0022\n"
        assert (Path(folder) / "file").stat().st_uid == builder


@needs_root
def test_a_build_sees_nothing_of_the_environment_of_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CFLAGS", "CC", "MAKEFLAGS", "CPATH", "SOURCE_DATE_EPOCH", "TZ", "LANG"):
        monkeypatch.setenv(name, "of the login")
    with claimed(tmp_path) as host:
        folder, builder = host.my_workplace.build, host.my_workplace.builder
        for account in (str(builder), str(os.getuid())):
            said = host.run("building", remote.load("as_builder", folder, account, "env"))
            names = {line.partition("=")[0] for line in said.splitlines()}
            # The shell sets the last two by itself.
            assert names - {"PWD", "OLDPWD", "_", "SHLVL"} == {"HOME", "PATH", "LC_ALL"}


def test_a_build_begins_in_an_empty_folder_and_a_full_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "of an earlier build").mkdir()
    HOST.run("room", remote.load("need_room", str(tmp_path), "1"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CommandFailed, match=r"no space left: .* has \d+ MB free, a build needs 99999999 MB"):
        HOST.run("room", remote.load("need_room", str(tmp_path), "99999999"))


PASSED = "Testing hash                          PASS\nTesting cmac                     PASS\n"
UNIT_TESTS = [
    pytest.param(PASSED, None, id="all passed"),
    pytest.param(f"{PASSED}Testing siv  SKIP\n", None, id="a feature that is left out"),
    pytest.param(f"{PASSED}Testing keys  FAIL\n", "3 ran, not passed: keys", id="one failed"),
    pytest.param("Testing cmac  SKIP\n", "1 ran, not passed: cmac, which did not run", id="no CMAC"),
    pytest.param("", "0 ran, not passed: cmac, which did not run", id="none ran"),
    pytest.param("Testing keys\nTesting cmac  PASS\n", None, id="a line that was cut"),
]


@pytest.mark.parametrize(("said", "words"), UNIT_TESTS)
def test_chronys_own_tests_are_counted(said: str, words: str | None) -> None:
    if words is None:
        _judge_unit_tests(said)
        return
    with pytest.raises(BuildRefused, match=f"^chrony's unit tests: {words}$"):
        _judge_unit_tests(said)


@pytest.mark.skipif(os.geteuid() != 0, reason="what is placed becomes root's")
def test_a_build_that_is_placed_has_our_modes_whatever_the_archive_says(tmp_path: Path) -> None:
    new, prefix = tmp_path / "new", tmp_path / "builds" / "chrony"
    (new / "sbin").mkdir(parents=True)
    (new / "sbin/chronyd").write_bytes(b"")
    (new / "receipt.json").write_bytes(b"")
    for path, mode in (
        (new, 0o777),
        (new / "sbin", 0o777),
        (new / "sbin/chronyd", 0o6777),
        (new / "receipt.json", 0o666),
    ):
        path.chmod(mode)
        os.chown(path, 1234, 1234)
    prefix.mkdir(parents=True)
    (prefix / "damaged").touch()
    subprocess.run(["sh", "-c", remote.load("place_build", str(new), str(prefix))], check=True)
    assert not new.exists()
    seen = {str(path.relative_to(prefix)): path.stat() for path in (prefix, *prefix.rglob("*"))}
    assert {name: oct(stat.st_mode & 0o7777) for name, stat in seen.items()} == {
        ".": "0o755",
        "sbin": "0o755",
        "sbin/chronyd": "0o755",
        "receipt.json": "0o644",
    }
    assert {stat.st_uid for stat in seen.values()} == {0}
