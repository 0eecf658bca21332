"""Files, accounts, links and services: the scripts of their steps, run by sh in a folder of the test."""
# ruff: noqa: ARG001, ARG005 -- fakes have the signature of what they stand for; a parameter of a case

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from provision import remote
from provision.errors import CommandFailed
from provision.steps.file import File
from provision.steps.links import LINKS
from provision.steps.others import OthersStopped
from provision.steps.user import ServiceUser
from tests.sample import GENERATION
from tests.stepping import ACTIVE, BARE, HOST, NOT_FOUND, RUNS, UNITS, ask, needs_root, tree
from tests.working import claimed


@needs_root
def test_a_symlink_to_the_very_same_content_is_no_file_of_ours(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("one\n")
    (tmp_path / "target").chmod(0o644)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    step = File(str(tmp_path / "link"), "one\n")
    assert step.drift(ask(step.look())) == "a symlink is in its place"


@needs_root
def test_a_file_is_looked_at_and_written(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("not ours\n")
    place = tmp_path / "it's ours"
    step = File(str(place), "one\ntwo", mode="0640")
    for there in ("missing", "symlink", "other"):
        place.unlink(missing_ok=True)
        if there == "symlink":
            place.symlink_to(target)
        elif there == "other":
            place.write_text("three\n")
        assert step.drift(ask(step.look())) is not None
        with claimed(tmp_path / "opt") as host:
            step.apply(host)
        assert step.drift(ask(step.look())) is None
        assert place.read_text() == "one\ntwo"
        assert not place.is_symlink()
    assert target.read_text() == "not ours\n"


def test_a_folder_in_a_files_place_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="could not look"):
        ask(File(str(tmp_path), "x").look())


USERS = [pytest.param("root", "there", id="there"), pytest.param("no-such-account", "missing", id="missing")]


@pytest.mark.parametrize(("name", "seen"), USERS)
def test_an_account_is_looked_for(name: str, seen: str) -> None:
    assert ask(ServiceUser(name).look()) == seen


def links(folder: Path) -> tuple[str, ...]:
    root = str(folder / "opt")
    return (
        root,
        str(folder / "bin" / "chronyc"),
        f"{root}/current/chronyc",
        str(folder / "etc/conf"),
        f"{root}/current/conf",
    )


def test_links_are_made_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    assert ask(remote.load("look_links", *links(tmp_path), library="can_write")).split("\n") == list(
        links(tmp_path)[1::2]
    )
    HOST.run("making links", remote.load("make_links", *links(tmp_path), library="can_write"))
    assert ask(remote.load("look_links", *links(tmp_path), library="can_write")) == ""
    assert tree(tmp_path) == {
        "opt/made": f"folder {tmp_path}/bin\nfolder {tmp_path}/etc\n",
        "bin/chronyc": f"-> {tmp_path}/opt/current/chronyc",
        "etc/conf": f"-> {tmp_path}/opt/current/conf",
    }


def test_a_link_of_ours_that_leads_elsewhere_is_moved_and_others_files_stay(tmp_path: Path) -> None:
    for folder in ("bin", "etc"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin/chronyc").symlink_to(tmp_path / "opt/old/chronyc")
    (tmp_path / "etc/conf").write_text("the package's")
    assert ask(remote.load("look_links", *links(tmp_path), library="can_write")) == str(tmp_path / "bin/chronyc")
    HOST.run("making links", remote.load("make_links", *links(tmp_path), library="can_write"))
    assert ask(remote.load("look_links", *links(tmp_path), library="can_write")) == ""
    assert tree(tmp_path) == {"bin/chronyc": f"-> {tmp_path}/opt/current/chronyc", "etc/conf": "the package's"}


def test_a_link_of_somebody_elses_stays_even_if_it_leads_nowhere(tmp_path: Path) -> None:
    for name in ("bin/chronyc", "etc/conf"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).symlink_to("/nowhere")
    HOST.run("making links", remote.load("make_links", *links(tmp_path), library="can_write"))
    assert ask(remote.load("look_links", *links(tmp_path), library="can_write")) == ""
    assert set(tree(tmp_path).values()) == {"-> /nowhere"}


def test_links_come_in_pairs() -> None:
    assert len(LINKS) % 2 == 0
    assert all(link.startswith(("/usr/local/", "/etc/chrony/")) for link in LINKS[::2])
    assert all(target.startswith("/opt/chrony/current/") for target in LINKS[1::2])


SYSTEMCTL = """\
#!/bin/sh
# systemctl show -p NAME ... UNIT...: an empty line stands between units.
echo "$@" >>"$FOLDER/calls"
[ "$1" = show ] || exit 0
shift
wanted=
while [ "$1" = -p ]; do wanted="$wanted $2"; shift 2; done
first=$1
for unit; do
    [ "$unit" = "$first" ] || echo
    for name in $wanted; do grep "^$name=" "$FOLDER/$unit" || exit 1; done
done
"""


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that shows what lies in files, and writes down what it is told."""
    folder = tmp_path / "systemd"
    folder.mkdir()
    (folder / "systemctl").write_text(SYSTEMCTL)
    (folder / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("FOLDER", str(folder))
    return folder


def shows(id_: str, load: str, active: str, enabled: str, path: str, pid: int = 0) -> str:
    values = {"Id": id_, "LoadState": load, "ActiveState": active, "UnitFileState": enabled, "FragmentPath": path}
    values |= {"NeedDaemonReload": "no", "MainPID": str(pid)}
    return "".join(f"{name}={value}\n" for name, value in values.items())


def has_no_rivals(systemctl: Path) -> None:
    for unit in UNITS:
        (systemctl / unit).write_text(shows(unit, "not-found", "inactive", "", ""))


@needs_root
def test_rivals_are_stopped_and_what_they_were_is_kept(systemctl: Path, tmp_path: Path) -> None:
    (systemctl / "chronyd.service").write_text(shows("chronyd.service", "loaded", "active", "enabled", "/etc/y"))
    (systemctl / "chrony.service").write_text(shows("chrony.service", "loaded", "active", "enabled", "/lib/x"))
    (systemctl / "ntp.service").write_text(shows("ntpsec.service", "loaded", "inactive", "disabled", "/lib/y"))
    (systemctl / "ntpsec.service").write_text(shows("ntpsec.service", "loaded", "inactive", "disabled", "/lib/y"))
    (systemctl / "ntpd.service").write_text(shows("ntpd.service", "not-found", "inactive", "", ""))
    (systemctl / "openntpd.service").write_text(shows("openntpd.service", "loaded", "active", "enabled", "/etc/z"))
    (systemctl / "systemd-timesyncd.service").write_text(
        shows("systemd-timesyncd.service", "masked", "inactive", "masked", "/dev/null")
    )
    assert OthersStopped().drift(ask(OthersStopped().look())) == (
        "chrony.service is active, enabled; ntpsec.service is inactive, disabled; openntpd.service is active, enabled"
    )
    (systemctl / "calls").unlink()
    # As on a host, but for the folder.
    switch = f"set -- --stop-others\n{remote.switch()}".replace("root=/opt/chrony", f"root={tmp_path}")
    for _ in range(2):
        HOST.run("stopping", switch)
    assert (tmp_path / "before/services").read_text().splitlines() == [
        "chrony.service active enabled",
        "ntpsec.service inactive disabled",
        "openntpd.service active enabled",
    ]
    told = [line for line in (systemctl / "calls").read_text().splitlines() if not line.startswith("show")]
    held = ["-q mask chrony.service", "-q mask ntpsec.service", "-q disable openntpd.service"]
    stopped = ["stop chrony.service openntpd.service"]
    assert told == ["is-enabled chronyd.service", "is-active chronyd.service", *held, *stopped, *held, *stopped]


def test_a_systemctl_that_fails_could_not_tell(systemctl: Path) -> None:
    has_no_rivals(systemctl)
    with pytest.raises(CommandFailed, match="could not look"):
        ask(OthersStopped().look())


def look_at(folder: Path) -> str:
    return remote.load("look_active", str(folder / "current"), str(folder / "chronyd.service"), library="others")


def test_what_runs_is_looked_at(systemctl: Path, tmp_path: Path) -> None:
    has_no_rivals(systemctl)
    unit = tmp_path / "chronyd.service"
    unit.write_text(GENERATION.unit)
    (tmp_path / "current").symlink_to(f"generations/{GENERATION.id}")
    state = shows("chronyd.service", "loaded", "active", "enabled", str(unit), os.getpid())
    (systemctl / "chronyd.service").write_text(state)
    seen = ask(look_at(tmp_path)).splitlines()
    wanted = RUNS.replace("MainPID=4413", f"MainPID={os.getpid()}").splitlines()[:6]
    assert set(wanted) < set(seen)
    process = ["running generation=", f"executable={Path('/proc/self/exe').resolve()}"]
    assert seen[-len(UNITS) - 2 :] == [*process, *NOT_FOUND.splitlines()]


def test_a_service_that_is_another_units_alias_is_ours_to_look_at_and_a_rival(systemctl: Path, tmp_path: Path) -> None:
    has_no_rivals(systemctl)
    packaged = shows("chrony.service", "loaded", "active", "enabled", "/lib/systemd/system/chrony.service")
    for unit in ("chronyd.service", "chrony.service"):
        (systemctl / unit).write_text(packaged)
    seen = ask(look_at(tmp_path))
    assert "ActiveState=active" in seen.splitlines()
    assert seen.count("chrony.service|loaded|active|enabled|") == 1
    assert ACTIVE.drift(seen) == (
        f"current is nothing, not generations/{GENERATION.id}; stops and masks chrony.service, which is active"
    )


BARE_LOOKS = [
    pytest.param(lambda unit: None, "missing", id="no unit file"),
    pytest.param(lambda unit: unit.symlink_to("/lib/systemd/system/chrony.service"), "a symlink", id="a symlink"),
]


@pytest.mark.parametrize(("prepare", "words"), BARE_LOOKS)
def test_a_host_on_which_nothing_runs_is_looked_at(
    prepare: Callable[[Path], None], words: str, systemctl: Path, tmp_path: Path
) -> None:
    prepare(tmp_path / "chronyd.service")
    has_no_rivals(systemctl)
    (systemctl / "chronyd.service").write_text(shows("chronyd.service", "not-found", "inactive", "", ""))
    seen = ask(look_at(tmp_path))
    assert set(BARE.replace("=missing", f"={words}").splitlines()) < set(seen.splitlines())
    assert ACTIVE.drift(seen) == f"current is nothing, not generations/{GENERATION.id}"


def test_a_systemctl_that_cannot_say_what_runs_could_not_tell(systemctl: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="could not look"):
        ask(look_at(tmp_path))
