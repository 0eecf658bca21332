"""The sandbox of one build: removed in any case, and told apart from one that a killed run has left."""

import errno
from pathlib import Path

import pytest

from provision.common.errors import SandboxError
from provision.common.files.lock import locked
from provision.host.sandbox import sandbox, throwaway


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of sandboxes that are folders alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    where = tmp_path / "chrony-provision/sandboxes"

    def up(name: str, suite: str, *, say: object, serves_time: bool) -> str:
        assert (suite, serves_time) == ("bookworm", False)
        assert callable(say)
        (where / name).mkdir()
        return name

    monkeypatch.setattr(throwaway, "check_rights", lambda: None)
    monkeypatch.setattr(sandbox, "up", up)
    return where


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def left(folder: Path, name: str) -> None:
    """Leave what a killed build leaves."""
    (folder / name).mkdir(parents=True)
    (folder / f"{name}.lock").touch(mode=0o600)


def test_a_sandbox_has_a_name_of_its_own_and_is_removed(folder: Path) -> None:
    with (
        throwaway.throwaway("bookworm", say=pytest.fail) as one,
        throwaway.throwaway("bookworm", say=pytest.fail) as two,
    ):
        assert one != two
        assert {str(one), str(two)} < names(folder)
        assert throwaway.state_of(str(one)) == "builds"
    assert names(folder) == set()


def test_it_is_removed_after_an_error_and_after_ctrl_c(folder: Path) -> None:
    for error in (SandboxError("no space"), KeyboardInterrupt()):
        with pytest.raises(type(error)), throwaway.throwaway("bookworm", say=pytest.fail):
            raise error
        assert names(folder) == set()


def test_one_that_a_killed_run_left_is_named_and_removed_by_the_next_build(folder: Path) -> None:
    left(folder, "build-trixie-00")
    (folder / "build-by-hand").mkdir()
    assert throwaway.state_of("build-trixie-00").startswith("left by a build that was killed")
    assert throwaway.state_of("build-by-hand") == ""
    said: list[str] = []
    with throwaway.throwaway("bookworm", say=said.append):
        assert not names(folder) & {"build-trixie-00", "build-trixie-00.lock"}
    assert said == ["removing the sandbox build-trixie-00, which a build has left"]
    assert names(folder) == {"build-by-hand"}


def test_the_sandbox_of_another_build_is_left_alone(folder: Path) -> None:
    left(folder, "build-trixie-00")
    with locked(folder / "build-trixie-00.lock"), throwaway.throwaway("bookworm", say=pytest.fail):
        assert "build-trixie-00" in names(folder)


def test_one_that_cannot_be_removed_is_named_and_changes_no_result(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: str) -> None:
        raise SandboxError("it is busy")

    monkeypatch.setattr(sandbox, "find", lambda name: name)
    monkeypatch.setattr(sandbox, "down", down)
    said: list[str] = []
    with throwaway.throwaway("bookworm", say=said.append) as one:
        pass
    assert said == [f"it is busy; inv sandbox.down --name {one} removes it"]
    assert folder.exists()


def test_a_full_disk_is_an_error_in_words_and_changes_no_result_at_the_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/cache")

    said: list[str] = []
    with throwaway.throwaway("bookworm", say=said.append) as one, monkeypatch.context() as patch:
        patch.setattr(throwaway, "rmtree", full)
        patch.setattr(sandbox, "up", full)
        with (
            pytest.raises(SandboxError, match="No space left on device"),
            throwaway.throwaway("bookworm", say=said.append),
        ):
            pytest.fail("booted")
    (line,) = said
    assert "No space left on device" in line
    assert str(one) not in line
    assert names(folder) == set()
