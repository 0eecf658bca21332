"""What keeps time beside our chronyd, and what runs: looked at and stopped by sh, with a systemctl that is a table."""
# ruff: noqa: ARG005 -- fakes have the signature of what they stand for; a parameter of a case

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.common.errors import CommandFailed
from provision.deploy.steps.conflicting_services import ConflictsStopped
from provision.host import scripts
from tests.helpers.fake_systemctl import Systemctl, shows
from tests.helpers.samples import GENERATION
from tests.helpers.step_samples import ACTIVE, BARE, HOST, RUNS, ask, needs_root


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    return Systemctl.install(tmp_path / "systemd", monkeypatch)


@needs_root
def test_conflicting_services_are_stopped_and_their_state_is_kept(systemctl: Systemctl, tmp_path: Path) -> None:
    systemctl.add("chronyd.service", shows("chronyd.service", "loaded", "active", "enabled", "/etc/y"))
    systemctl.add("chrony.service", shows("chrony.service", "loaded", "active", "enabled", "/lib/x"))
    systemctl.add("ntp.service", shows("ntpsec.service", "loaded", "inactive", "disabled", "/lib/y"))
    systemctl.add("ntpsec.service", shows("ntpsec.service", "loaded", "inactive", "disabled", "/lib/y"))
    systemctl.add("openntpd.service", shows("openntpd.service", "loaded", "active", "enabled", "/etc/z"))
    masked = shows("systemd-timesyncd.service", "masked", "inactive", "masked", "/dev/null")
    systemctl.add("systemd-timesyncd.service", masked)
    assert ConflictsStopped().drift(ask(systemctl.here(ConflictsStopped().look()))) == (
        "chrony.service is active, enabled; ntpsec.service is inactive, disabled; openntpd.service is active, enabled"
    )
    systemctl.forget_calls()
    # As on a host, but for the folder.
    switch = systemctl.here(
        f"set -- --stop-conflicts\n{scripts.switch()}".replace("root=/opt/chrony", f"root={tmp_path}")
    )
    for _ in range(2):
        HOST.run("stopping", switch)
    assert (tmp_path / "before/services").read_text().splitlines() == [
        "chrony.service active enabled",
        "ntpsec.service inactive disabled",
        "openntpd.service active enabled",
    ]
    told = [line for line in systemctl.calls if not line.startswith("show")]
    held = ["-q mask chrony.service", "-q mask ntpsec.service", "-q disable openntpd.service"]
    stopped = ["stop chrony.service openntpd.service"]
    assert told == ["is-enabled chronyd.service", "is-active chronyd.service", *held, *stopped, *held, *stopped]


@needs_root
def test_what_triggers_a_service_that_cannot_be_masked_is_stopped_and_kept(
    systemctl: Systemctl, tmp_path: Path
) -> None:
    line = "/usr/sbin/ntpdate -b 198.19.0.2"
    shown = shows("tick.service", "loaded", "inactive", "static", "/etc/x", 0, line)
    systemctl.add("chronyd.service", shows("chronyd.service", "not-found", "inactive", "", ""))
    systemctl.add(
        "tick.service", shown.replace("TriggeredBy=", "TriggeredBy=tick.path tick.timer"), f"ExecStart={line}"
    )
    systemctl.add("tick.path", shows("tick.path", "loaded", "inactive", "disabled", "/etc/y"))
    systemctl.add("tick.timer", shows("tick.timer", "loaded", "active", "enabled", "/etc/z"))
    switch = systemctl.here(
        f"set -- --stop-conflicts\n{scripts.switch()}".replace("root=/opt/chrony", f"root={tmp_path}")
    )
    for _ in range(2):
        HOST.run("stopping", switch)
    assert (tmp_path / "before/services").read_text() == "tick.service inactive static\n"
    assert (tmp_path / "before/triggers").read_text() == "tick.timer active enabled\n"
    assert "-q disable --now tick.timer" in systemctl.calls
    assert not [line for line in systemctl.calls if line.endswith("tick.path") and not line.startswith("show")]


@needs_root
def test_a_service_that_is_enabled_later_is_recorded_as_enabled(systemctl: Systemctl, tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "before/services").write_text("chrony.service inactive enabled\n")
    for unit in ("chronyd.service", "chrony.service", "ntpsec.service"):
        systemctl.add(unit, shows(unit, "loaded", "inactive", "enabled", "/lib/x"))
    switch = systemctl.here(
        f"set -- --stop-conflicts\n{scripts.switch()}".replace("root=/opt/chrony", f"root={tmp_path}")
    )
    HOST.run("stopping", switch)
    assert (tmp_path / "before/services").read_text().splitlines() == [
        "chrony.service inactive enabled",
        "ntpsec.service later enabled",
    ]


def test_a_systemctl_that_fails_could_not_tell(systemctl: Systemctl) -> None:
    with pytest.raises(CommandFailed, match="query failed"):
        ask(systemctl.here(ConflictsStopped().look()))


def look_at(systemctl: Systemctl, folder: Path) -> str:
    look = scripts.load(
        "look_active",
        str(folder / "current"),
        str(folder / "chronyd.service"),
    )
    return ask(systemctl.here(look))


def test_what_runs_is_looked_at(systemctl: Systemctl, tmp_path: Path) -> None:
    unit = tmp_path / "chronyd.service"
    unit.write_text(GENERATION.unit)
    (tmp_path / "current").symlink_to(f"generations/{GENERATION.id}")
    systemctl.add("chronyd.service", shows("chronyd.service", "loaded", "active", "enabled", str(unit), os.getpid()))
    seen = look_at(systemctl, tmp_path).splitlines()
    wanted = RUNS.replace("MainPID=4413", f"MainPID={os.getpid()}").splitlines()[:6]
    assert set(wanted) < set(seen)
    assert seen[-2:] == ["running generation=", f"executable={Path('/proc/self/exe').resolve()}"]


def test_a_service_that_is_an_alias_of_another_unit_is_a_conflict(systemctl: Systemctl, tmp_path: Path) -> None:
    packaged = shows("chrony.service", "loaded", "active", "enabled", "/lib/systemd/system/chrony.service")
    for unit in ("chronyd.service", "chrony.service"):
        systemctl.add(unit, packaged)
    seen = look_at(systemctl, tmp_path)
    assert "ActiveState=active" in seen.splitlines()
    assert seen.count("chrony.service|loaded|active|enabled|") == 1
    assert ACTIVE.drift(seen) == ("nothing deployed; stops and masks chrony.service, which is active")


BARE_LOOKS = [
    pytest.param(lambda unit: None, "missing", id="no unit file"),
    pytest.param(lambda unit: unit.symlink_to("/lib/systemd/system/chrony.service"), "a symlink", id="a symlink"),
]


@pytest.mark.parametrize(("prepare", "words"), BARE_LOOKS)
def test_a_host_on_which_nothing_runs_is_looked_at(
    prepare: Callable[[Path], None], words: str, systemctl: Systemctl, tmp_path: Path
) -> None:
    prepare(tmp_path / "chronyd.service")
    systemctl.add("chronyd.service", shows("chronyd.service", "not-found", "inactive", "", ""))
    seen = look_at(systemctl, tmp_path)
    assert set(BARE.replace("=missing", f"={words}").splitlines()) < set(seen.splitlines())
    assert ACTIVE.drift(seen) == "nothing deployed"


def test_a_systemctl_that_cannot_list_units_is_an_unknown_state(systemctl: Systemctl, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="query failed"):
        look_at(systemctl, tmp_path)
