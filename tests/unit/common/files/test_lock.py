"""A lock between runs: private, waited for, and refused where others could hold it."""

import threading
from pathlib import Path

import pytest

from provision.common.files.lock import locked


def test_the_file_is_private_and_stays(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
    with locked(tmp_path / "lock"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_second_run_waits_and_says_so(tmp_path: Path) -> None:
    waits, entered = threading.Event(), threading.Event()

    def second() -> None:
        with locked(tmp_path / "lock", waits.set):
            entered.set()

    with locked(tmp_path / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(60)
        assert not entered.is_set()
    thread.join(60)
    assert entered.is_set()


def test_the_wait_ends_with_an_exception_of_its_own(tmp_path: Path) -> None:
    def give_up() -> None:
        raise TimeoutError

    with locked(tmp_path / "lock"), pytest.raises(TimeoutError), locked(tmp_path / "lock", give_up):
        pytest.fail("it is locked twice")


def test_a_file_that_others_can_open_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "lock").chmod(0o644)
    with pytest.raises(PermissionError, match="others can open this lock file: remove it"), locked(tmp_path / "lock"):
        pytest.fail("it is locked")
