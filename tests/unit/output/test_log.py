"""The log of a run: whole, private, and without secrets."""

import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.keys import Key, Keys
from provision.output.log import NAME, Log
from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.samples import KEYS, SECRET


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log("admin@ntp1:2222", tmp_path / "log")
    yield log
    log.close()


def test_a_run_that_logs_nothing_leaves_no_file(log: Log, tmp_path: Path) -> None:
    assert log.path is None
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_lines_are_there_at_once(log: Log) -> None:
    log.write("one")
    log.write("zwölf")
    assert log.path is not None
    assert Path(log.path).read_text() == "one\nzwölf\n"


def test_only_its_owner_may_read_it(log: Log) -> None:
    before = os.umask(0)
    try:
        log.write("one")
    finally:
        os.umask(before)
    assert log.path is not None
    assert stat.S_IMODE(Path(log.path).stat().st_mode) == 0o600


def test_old_logs_are_removed_and_other_files_stay(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    names = {
        "ntp1-20260101T000000Z-1.log": 31,
        "ntp2-20260102T000000Z-2.log": 29,
        "notes.log": 400,
        "ntp1-20260101T000000Z-1.txt": 400,
    }
    for name, days in names.items():
        (folder / name).touch()
        then = time.time() - days * 24 * 3600
        os.utime(folder / name, (then, then))
    log = Log("ntp3", folder)
    log.write("one")
    assert log.path is not None
    kept = {"ntp2-20260102T000000Z-2.log", "notes.log", "ntp1-20260101T000000Z-1.txt"}
    assert {path.name for path in folder.iterdir()} == {*kept, Path(log.path).name}


def test_the_name_of_each_log_is_one_that_is_removed_when_it_is_old(tmp_path: Path) -> None:
    log = Log("admin@[fe80::1%eth0]:2222 ü", tmp_path)
    log.write("one")
    assert log.path is not None
    assert NAME.fullmatch(Path(log.path).name)


NAMES = [
    pytest.param("ntp1", "ntp1", id="a name"),
    pytest.param("admin@ntp1:2222", "admin@ntp1_2222", id="user and port"),
    pytest.param("[2001:db8::1]:22", "_2001_db8__1__22", id="IPv6"),
    pytest.param("sandbox:../../etc", "sandbox_.._.._etc", id="no way out of the folder"),
    pytest.param("n" * 300, "n" * 100, id="longer than a file's name may be"),
]


@pytest.mark.parametrize(("host", "name"), NAMES)
def test_a_host_has_a_file_of_its_own(host: str, name: str, tmp_path: Path) -> None:
    log = Log(host, tmp_path)
    log.write("one")
    log.close()
    (file,) = tmp_path.iterdir()
    assert re.fullmatch(rf"{re.escape(name)}-\d{{8}}T\d{{6}}Z-{os.getpid()}\.log", file.name)
    assert log.path == str(file)


def test_secrets_are_left_out_however_they_are_written(log: Log, tmp_path: Path) -> None:
    log.hide(KEYS.secrets)
    log.write(f"1 AES128 HEX:{SECRET}")
    log.write(f"{SECRET.lower()}{SECRET}.")
    assert log.path is not None
    assert Path(log.path).read_text() == "1 AES128 HEX:(hidden)\n(hidden)(hidden).\n"
    assert_nowhere(SECRET, tmp_path)


def test_a_secret_within_another_leaves_nothing_of_either(log: Log) -> None:
    log.hide([SECRET, SECRET[4:20], "correct-horse"])
    log.write(f"{SECRET} {SECRET[4:20]} {SECRET[:20]} correct-horsecorrect-horse")
    assert log.path is not None
    assert Path(log.path).read_text() == f"(hidden) (hidden) {SECRET[:4]}(hidden) (hidden)(hidden)\n"


@pytest.mark.slow
def test_the_keys_of_a_fleet_do_not_slow_a_log_down(log: Log) -> None:
    fleet = Keys(tuple(Key(n, "AES128", n.to_bytes(16, "big")) for n in range(1, 50_001)))
    log.hide(fleet.secrets)
    begun = time.process_time()
    for _ in range(1000):
        log.write("gcc -O2 -c refclock.c " * 6)
    assert time.process_time() - begun < 2


def test_the_users_state_folder_is_where_logs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    log = Log("ntp1")
    log.write("one")
    log.close()
    assert len(list(tmp_path.glob("chrony-provision/log/ntp1-*.log"))) == 1


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = r"cannot write the log: Not a directory; let XDG_STATE_HOME name another folder$"
    with pytest.raises(SiteError, match=words):
        Log("ntp1", tmp_path / "file" / "log").write("one")


def test_secrets_that_are_added_later_are_hidden_too(log: Log) -> None:
    log.hide(["first secret"])
    log.hide(["another"])
    assert log.without_secrets("first secret, another one") == "(hidden), (hidden) one"
