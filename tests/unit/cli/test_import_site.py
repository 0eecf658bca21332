"""The task ``import``, as its user runs it, with files of this machine."""

import json
import stat
from pathlib import Path

import pytest

from tests.helpers.prestarted import installed

SECRET = "00112233445566778899AABBCCDDEEFF"  # noqa: S105 -- a key of no use
CONF = """\
server ntp1.example.net iburst key 12
allow 10.0.0.0/8
keyfile /etc/chrony.keys
driftfile /var/lib/ntp/drift
makestep 1 3
rtcsync
"""
SITE = """\
# Imported from what the hosts had; inv plan shows what a deployment would change.

[[time.servers]]
address = "ntp1.example.net"
key = 12

[serve]
allow = ["10.0.0.0/8"]

[keys]
file = "chrony.keys"
"""
LIST = """\
etc/chrony.conf: chrony, key 12
  carried  etc/chrony.conf:1: server ntp1.example.net iburst key 12
  carried  etc/chrony.conf:2: allow 10.0.0.0/8
  carried  etc/chrony.conf:3: keyfile /etc/chrony.keys  (its keys are in the file of keys.file)
  changed  etc/chrony.conf:4: driftfile /var/lib/ntp/drift  (/var/lib/chrony/chrony.drift: the service writes only \
below its own folders)
  carried  etc/chrony.conf:5: makestep 1 3
  carried  etc/chrony.conf:6: rtcsync
new/chrony.keys: key 12; who can read it has the keys
new/site.toml: next, see what a deployment would change: inv plan --site new/site.toml --host NAME
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/chrony.conf").write_text(CONF)
    (tmp_path / "etc/chrony.keys").write_text(f"12 AES128 HEX:{SECRET}\n")
    return tmp_path


def run(folder: Path, *words: str, status: int = 0) -> str:
    """Return the output of ``import``, or its error if nothing else is printed."""
    done = installed("import", *words, folder=folder)
    assert done.returncode == status, done
    assert SECRET not in done.stdout + done.stderr
    return done.stdout or done.stderr


def test_a_file_becomes_a_site_and_its_keys(folder: Path) -> None:
    assert run(folder, "--file=etc/chrony.conf", "--to=new", "--json=report.json") == LIST
    assert (folder / "new/site.toml").read_text() == SITE
    keys = folder / "new/chrony.keys"
    assert keys.read_text() == f"12 AES128 HEX:{SECRET}\n"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    report = json.loads((folder / "report.json").read_text())
    (host,) = report["hosts"]
    assert (report["command"], report["exit_status"], host["host"]) == ("import", 0, "etc/chrony.conf")
    assert host["imported"][3] == {
        "fate": "changed",
        "place": "etc/chrony.conf:4",
        "line": "driftfile /var/lib/ntp/drift",
        "why": "/var/lib/chrony/chrony.drift: the service writes only below its own folders",
    }
    assert SECRET not in json.dumps(report)


def test_the_site_is_one_that_the_other_tasks_take(folder: Path) -> None:
    run(folder, "--file=etc/chrony.conf")
    done = installed("site", folder=folder)
    assert done.returncode == 0, done


@pytest.mark.parametrize("name", ["site.toml", "chrony.keys"])
def test_files_are_never_overwritten(name: str, folder: Path) -> None:
    (folder / name).write_text("mine")
    words = f"error: {name} is there already, and is never overwritten: say --to with another folder\n"
    assert run(folder, "--file=etc/chrony.conf", status=2) == words
    assert (folder / name).read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == sorted(["etc", name])


@pytest.mark.parametrize("name", ["site.toml", "chrony.keys"])
def test_a_link_to_nowhere_is_there_and_no_secret_is_written(name: str, folder: Path) -> None:
    (folder / name).symlink_to("/nowhere/file")
    assert "is there already" in run(folder, "--file=etc/chrony.conf", status=2)
    assert sorted(path.name for path in folder.iterdir()) == sorted(["etc", name])


@pytest.mark.parametrize("words", [[], ["--host=a", "--file=etc/chrony.conf"]], ids=["nothing", "both"])
def test_what_to_import_is_said_in_one_way(words: list[str], folder: Path) -> None:
    said = "error: say what to import: --host NAME, which may be given several times, or --file PATH\n"
    assert run(folder, *words, status=2) == said


def test_a_program_that_cannot_be_imported_leaves_no_file(folder: Path) -> None:
    (folder / "etc/ntpd.conf").write_text("servers pool.example.org\n")
    assert run(folder, "--file=etc/ntpd.conf", status=1) == (
        "error: etc/ntpd.conf: OpenNTPD keeps the time, and its configuration cannot be imported: write its servers "
        "into time.servers of a site file by hand (docs/site.md)\n"
    )
    assert [path.name for path in folder.iterdir()] == ["etc"]


def test_lines_that_no_site_can_have_leave_no_file(folder: Path) -> None:
    (folder / "etc/chrony.conf").write_text("server a noselect\nrtcsync\n")
    assert "no site file can have these lines" in run(folder, "--file=etc/chrony.conf", status=2)
    assert [path.name for path in folder.iterdir()] == ["etc"]


def test_a_host_that_cannot_be_found_leaves_no_file(folder: Path) -> None:
    run(folder, "--host=nosuchhost.invalid", status=2)
    assert [path.name for path in folder.iterdir()] == ["etc"]


def test_one_host_by_two_names_is_refused(folder: Path) -> None:
    said = "error: --host ntp1 and --host admin@NTP1 are one host: say it once\n"
    assert run(folder, "--host=ntp1", "--host=ntp1", "--host=admin@NTP1", status=2) == said


def test_a_file_is_no_folder(folder: Path) -> None:
    said = run(folder, "--file=etc/chrony.conf", "--to=etc/chrony.keys", status=2)
    assert said == "error: --to etc/chrony.keys: is no folder\n"


def test_a_long_line_is_shown_in_part(folder: Path) -> None:
    (folder / "etc/chrony.conf").write_text(f"server ntp1 {'x' * 5000}\n")
    assert len(run(folder, "--file=etc/chrony.conf", "--to=new").splitlines()[1]) < 500


def test_a_release_that_no_site_can_have_leaves_no_file(folder: Path) -> None:
    assert "chrony 3.5" in run(folder, "--file=etc/chrony.conf", "--to=new", "--chrony=3.5", status=2)
    assert not (folder / "new").exists()


def test_the_program_may_be_named(folder: Path) -> None:
    (folder / "x").write_text("server a iburst\n")
    assert "say --kind, one of chrony" in run(folder, "--file=x", status=2)
    assert run(folder, "--file=x", "--kind=ntpd", "--to=new").startswith("x: ntpd\n")
    assert run(folder, "--file=x", "--kind=nonsense", status=2).startswith(
        "error: --kind 'nonsense': there are chrony, "
    )
