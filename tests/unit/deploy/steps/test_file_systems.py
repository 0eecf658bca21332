"""What refuses a host before anything is installed on it: its file systems and their free space."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from provision.deploy.steps.file_systems import FileSystems
from provision.host import scripts
from tests.helpers.step_samples import ask

GOOD = {
    "builds": "rw,relatime,rw,errors=remount-ro",
    "work": "rw,relatime,rw",
    "units": "rw,rw",
    "free": "9000",
    "current": "generations/a",
}
BUILD, SWITCH = FileSystems("/opt/chrony/builds/x", 150), FileSystems("/opt/chrony/builds/x", 0, "b")


def lines(said: Mapping[str, str]) -> str:
    return "\n".join(f"{name} {value}" for name, value in said.items())


CASES = [
    pytest.param(BUILD, {}, None, id="all is well"),
    pytest.param(BUILD, {"builds": "rw,noexec,rw"}, "/opt/chrony/builds is on a file system that is mounted noexec"),
    pytest.param(BUILD, {"work": "rw,nosuid,noexec,rw"}, "/opt/chrony/work is on a file system that is mounted noexec"),
    pytest.param(BUILD, {"builds": "ro,relatime,rw"}, "/opt/chrony/builds is on a read-only file system"),
    pytest.param(BUILD, {"work": "rw,ro"}, "/opt/chrony/work is on a read-only file system", id="ro as a whole"),
    pytest.param(BUILD, {"free": "12"}, "no space left: /opt/chrony/work has 12 MB free, a build needs 150 MB"),
    pytest.param(BUILD, {"units": "ro,ro"}, None, id="who only builds needs no unit"),
    pytest.param(BUILD, {"builds": "ro", "free": "0", "built": "yes"}, None, id="what is built needs no place"),
    pytest.param(BUILD, {"builds": "", "work": "", "free": ""}, None, id="a host without proc"),
    pytest.param(SWITCH, {"units": "ro,relatime,rw"}, "/etc is read-only"),
    pytest.param(SWITCH, {"units": "ro", "built": "yes"}, "/etc is read-only"),
    pytest.param(SWITCH, {"units": "ro", "current": "generations/b", "built": "yes"}, None, id="nothing to switch"),
]


@pytest.mark.parametrize(("step", "change", "words"), CASES)
def test_a_file_in_the_way_is_named(step: FileSystems, change: dict[str, str], words: str | None) -> None:
    drift = step.drift(lines({**GOOD, **change}))
    assert drift is None if words is None else drift is not None and drift.startswith(words)


def mounted(at: str) -> str:
    """Return the options with which something is mounted on this machine, as proc(5) has them in mountinfo."""
    words = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [f"{line[5]},{line[-1]}" for line in words if line[4] == at][-1]


def test_a_host_says_how_its_folders_are_mounted(tmp_path: Path) -> None:
    look = scripts.load("look_file_systems", "/proc/no/chrony", str(tmp_path), "/no/such/folder")
    said = dict(line.split(" ", 1) for line in ask(look).splitlines() if " " in line)
    assert (said["builds"], said["work"], said["units"]) == (mounted("/proc"), mounted("/proc"), mounted("/"))
    assert said["free"].isdigit()
    (tmp_path / "receipt.json").touch()
    assert "built yes" in ask(look)
