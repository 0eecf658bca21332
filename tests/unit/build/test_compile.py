"""The steps to a build: their scripts, run by sh in a folder of the test."""
# ruff: noqa: FBT001 -- fakes have the signature of what they stand for; a parameter of a case

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from provision.build.artifact import pack
from provision.build.compile import Unpacking, _judge_unit_tests
from provision.common.errors import BuildRefused, BuildUnfit, CommandFailed
from provision.deploy.steps.packages import Packages
from provision.deploy.steps.source import Fetched
from provision.host import scripts
from provision.host.host import Host
from provision.host.packages import MANAGERS
from provision.host.paths import ROOT
from provision.host.transport.local import LocalTransport
from tests.helpers.build_archives import FILES
from tests.helpers.build_archives import folder as tar_of
from tests.helpers.claimed_workspace import claimed
from tests.helpers.samples import RECIPE
from tests.helpers.step_samples import BUILT, HOST, ask, needs_root, tree

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


@pytest.mark.parametrize("program", ["bin/chronyc", "sbin/chronyd"])
def test_a_finished_build_whose_library_was_removed_needs_its_packages_again(program: str, tmp_path: Path) -> None:
    (tmp_path / "receipt.json").write_text("{}")
    place = tmp_path / program
    place.parent.mkdir()
    place.write_text("#!/bin/sh\n")
    place.chmod(0o755)
    step = Packages(replace(MANAGERS["apt-get"], query="[ $1 = libcap2 ]"), ("libcap2", "libedit2"), str(tmp_path))
    assert ask(step.look()) == "built"
    # As the loader of programs does.
    place.write_text("#!/bin/sh\nexit 127\n")
    assert ask(step.look()) == "libedit2"


def test_source_is_needed_only_for_a_build_to_come(tmp_path: Path) -> None:
    look = scripts.load("look_packages", str(tmp_path), "false", "build")
    assert ask(look) == "build"
    (tmp_path / "receipt.json").touch()
    assert ask(look) == "built"


def test_fetching_says_where_from_and_asks_the_host_nothing() -> None:
    said: list[str] = []
    host = Host(LocalTransport(), log=said.append, progress=said.append)
    Fetched(RECIPE, lambda _: False, lambda release: f"{release} from the moon").apply(host)
    assert [line for line in said if line.startswith("nettle")] == ["nettle 3.10.2 from the moon"] * 2
    assert host.trips == 0


PAGES = ("share/man/man1/chronyc.1", "share/man/man5/chrony.conf.5", "share/man/man8/chronyd.8")


def compiled(folder: Path) -> Path:
    """Make what a builder leaves, and more: files that nobody asked for, one of them setuid."""
    for name in ("sbin/chronyd", "bin/chronyc", *PAGES, "lib/evil.so", "bin/su"):
        (folder / "stage" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "stage" / name).write_text(name)
        (folder / "stage" / name).chmod(0o700)
    (folder / "stage/bin/su").chmod(0o4755)
    (folder / "configure.log").write_text("Features : +SECHASH\n")
    return folder / "stage"


def collect(folder: Path, candidate: Path, builder: int = 0) -> None:
    arguments = (str(candidate), str(folder / "stage"), str(folder / "configure.log"), str(builder))
    HOST.run("collecting", scripts.load("collect_build", *arguments))


def install(folder: Path, prefix: Path) -> None:
    candidate = folder / "candidate"
    compiled(folder)
    collect(folder, candidate, os.getuid())
    HOST.run("completing", scripts.load("finish_build", str(candidate), "libc.so.6 libc6", RECIPE.receipt))
    HOST.run("installing", scripts.load("place_build", str(candidate), str(prefix)))


def look_at(prefix: Path) -> str:
    """Return what the look sees of a build, as if it lay where it belongs."""
    seen = ask(scripts.load("look_build", str(prefix)))
    return seen.replace(str(prefix), RECIPE.prefix).replace(f"|{prefix.parent}\n", f"|{ROOT}/builds\n")


@needs_root
def test_a_build_is_installed_whole_and_seen_as_finished(tmp_path: Path) -> None:
    prefix = tmp_path / "builds" / "one"
    assert look_at(prefix) == "missing"
    install(tmp_path, prefix)
    assert BUILT.drift(look_at(prefix)) is None
    beside = ["configure.log", "libraries", "receipt.json"]
    assert sorted(tree(prefix)) == ["bin/chronyc", *beside, "sbin/chronyd", "sha256sums", *PAGES]
    assert (prefix / "sbin/chronyd").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in prefix.parent.iterdir()] == ["one"]


DAMAGES: list[Any] = [
    pytest.param(
        lambda prefix: (prefix / "sbin/chronyd").write_text("other"),
        "sbin/chronyd has another content",
        id="a binary is another",
    ),
    pytest.param(lambda prefix: (prefix / "bin/chronyc").unlink(), "bin/chronyc is missing", id="a binary is gone"),
    pytest.param(lambda prefix: (prefix / "sha256sums").unlink(), "sha256sums is missing", id="the digests are gone"),
    pytest.param(lambda prefix: (prefix / "receipt.json").unlink(), "no finished build", id="no receipt"),
    pytest.param(
        lambda prefix: (prefix / "receipt.json").write_text("{}\n"), "receipt.json has another", id="other receipt"
    ),
    pytest.param(
        lambda prefix: (prefix / "receipt.json").write_text(""), "receipt.json has another", id="empty receipt"
    ),
    pytest.param(lambda prefix: (prefix / "sbin/chronyd").chmod(0o4755), "chronyd has mode 4755", id="setuid"),
    pytest.param(lambda prefix: (prefix / "configure.log").chmod(0o666), "log has mode 0666", id="a writable file"),
    pytest.param(lambda prefix: (prefix / "bin").chmod(0o775), "bin has mode 0775, not 0755", id="a writable folder"),
    pytest.param(lambda prefix: os.chown(prefix / "libraries", 1, 1), "belongs to daemon:daemon", id="another owner"),
]


@needs_root
@pytest.mark.parametrize(("damage", "words"), DAMAGES)
def test_a_build_that_was_touched_is_made_anew(damage: Callable[[Path], object], words: str, tmp_path: Path) -> None:
    prefix = tmp_path / "builds" / "one"
    install(tmp_path, prefix)
    damage(prefix)
    assert words in str(BUILT.drift(look_at(prefix)))
    install(tmp_path, prefix)
    assert BUILT.drift(look_at(prefix)) is None
    assert [path.name for path in prefix.parent.iterdir()] == ["one"]


@needs_root
def test_no_file_is_taken_that_the_builder_may_not_read(public_path: Path) -> None:
    builder, folder = 61999, public_path / "build"
    compiled(folder)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, builder, builder)
    (folder / "stage/sbin/chronyd").unlink()
    (folder / "stage/sbin/chronyd").symlink_to("/etc/shadow")
    with pytest.raises(CommandFailed, match="Permission denied"):
        collect(folder, public_path / "candidate", builder)


EVIL = """#!/bin/sh
echo "I was $(id -u), my libraries are in ${{LD_LIBRARY_PATH:-no other place}}" >{folder}/seen
: >{folder}/owned
echo "chronyd (chrony) version 4.9 (+CMDMON +SECHASH)"
"""
"""A program that says what it should, and does more."""


@needs_root
def test_an_artifact_gets_no_rights_from_being_tried(public_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/of/the/login")
    open_folder = public_path / "open"
    open_folder.mkdir()
    open_folder.chmod(0o1777)
    (open_folder / "owned").touch()
    before = (open_folder / "owned").stat().st_mtime_ns
    program = EVIL.format(folder=open_folder).encode()
    sums = "".join(f"{sha256(program).hexdigest()}  {name}\n" for name in ("sbin/chronyd", "bin/chronyc"))
    files = {**FILES, "sbin/chronyd": program, "bin/chronyc": program, "sha256sums": sums.encode()}
    artifact = pack(RECIPE, tar_of(files), checked=False, host="evil", seconds=1.0)
    with claimed(public_path) as host:
        with pytest.raises(BuildUnfit, match=r"the artifact of .* does not work on this host"):
            Unpacking(artifact).make(host, RECIPE)
        assert not Path(RECIPE.prefix).exists()
    seen = (open_folder / "seen").read_text()
    assert "I was 6" in seen
    assert "my libraries are in no other place" in seen
    assert (open_folder / "owned").stat().st_mtime_ns == before
    assert (open_folder / "seen").stat().st_uid not in {0, os.getuid()}


@needs_root
def test_a_build_is_made_by_an_id_without_an_account(tmp_path: Path) -> None:
    with claimed(tmp_path) as host:
        folder, builder = host.my_workspace.build, host.my_workspace.builder
        line = scripts.load("as_builder", folder, str(builder), 'id -u; pwd; echo "$HOME"; touch file; umask')
        assert host.run("building", line) == f"{builder}\n{folder}\n{folder}\n0022\n"
        assert (Path(folder) / "file").stat().st_uid == builder


@needs_root
def test_a_build_sees_nothing_of_the_environment_of_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CFLAGS", "CC", "MAKEFLAGS", "CPATH", "SOURCE_DATE_EPOCH", "TZ", "LANG"):
        monkeypatch.setenv(name, "of the login")
    with claimed(tmp_path) as host:
        folder, builder = host.my_workspace.build, host.my_workspace.builder
        for account in (str(builder), str(os.getuid())):
            said = host.run("building", scripts.load("as_builder", folder, account, "env"))
            names = {line.partition("=")[0] for line in said.splitlines()}
            # The shell sets the last two by itself.
            assert names - {"PWD", "OLDPWD", "_", "SHLVL"} == {"HOME", "PATH", "LC_ALL"}


TARBALL_SCRIPTS = [
    pytest.param("build_nettle", ("1", "chrony.tar.gz"), id="Nettle"),
    pytest.param("configure_chrony", ("system", "", ""), id="chrony"),
]


@pytest.mark.parametrize(("script", "arguments"), TARBALL_SCRIPTS)
def test_a_tarball_that_is_not_the_pinned_one_is_not_unpacked(
    script: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"another one")
    pinned = sha256(b"the pinned one").hexdigest()
    text = scripts.load(script, "x.tar.gz", pinned, *arguments)
    done = subprocess.run(["sh", "-c", text], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "x.tar.gz is not the tarball that was sent\n")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar.gz"]


def test_a_build_begins_in_an_empty_folder_and_a_full_disk_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "of an earlier build").mkdir()
    HOST.run("room", scripts.load("reserve_folder", str(tmp_path), "1"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CommandFailed, match=r"no space left: .* has \d+ MB free, a build needs 99999999 MB"):
        HOST.run("room", scripts.load("reserve_folder", str(tmp_path), "99999999"))


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
def test_a_placed_build_has_fixed_modes_for_any_archive(tmp_path: Path) -> None:
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
    subprocess.run(["sh", "-c", scripts.load("place_build", str(new), str(prefix))], check=True)
    assert not new.exists()
    seen = {str(path.relative_to(prefix)): path.stat() for path in (prefix, *prefix.rglob("*"))}
    assert {name: oct(stat.st_mode & 0o7777) for name, stat in seen.items()} == {
        ".": "0o755",
        "sbin": "0o755",
        "sbin/chronyd": "0o755",
        "receipt.json": "0o644",
    }
    assert {stat.st_uid for stat in seen.values()} == {0}
