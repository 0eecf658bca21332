"""The removal of our units: in which order they are stopped, which files stay, and when it is a failure."""

import subprocess
from pathlib import Path

import pytest

from provision.host import scripts

OURS = "# Managed by chrony-provision\n"
SYSTEMCTL = """
systemctl() {
    echo "$*" >>"$calls"
    case "$*" in
        "stop $stubborn") return 1 ;;
        "-q is-active $stubborn") [ -n "$still_runs" ] ;;
    esac
}
"""


class Host:
    """A folder with two of our units, a script, and their data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.files = [folder / name for name in ("a.service", "a.timer", "script")]
        for file in self.files:
            file.write_text(OURS)
        self.data = folder / "data"
        self.data.mkdir()
        (self.data / "counts").touch()

    def remove(self, *, units: str = "a.service a.timer", stubborn: str = "", runs: bool = False) -> int:
        """Remove all; systemctl fails to stop ``stubborn``, which then ``runs``. Return the exit status."""
        values = f"calls='{self.calls}'\nstubborn='{stubborn}'\nstill_runs='{'yes' if runs else ''}'\n"
        script = scripts.load("remove_units", units, str(self.data), *map(str, self.files))
        return subprocess.run(["sh", "-c", f"{values}{SYSTEMCTL}{script}"], check=False, timeout=20).returncode

    @property
    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path != self.calls)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.mark.parametrize("units", ["a.service a.timer", "a.timer a.service"])
def test_a_timer_is_stopped_before_the_service_that_it_starts(host: Host, units: str) -> None:
    assert (host.remove(units=units), host.left) == (0, [])
    stopped = [call for call in host.calls.read_text().splitlines() if call.startswith("stop ")]
    assert stopped == ["stop a.timer", "stop a.service"]


def test_systemd_forgets_a_service_that_failed_because_it_was_stopped(host: Host) -> None:
    assert host.remove() == 0
    calls = host.calls.read_text().splitlines()
    assert calls[calls.index("stop a.service") :] == ["stop a.service", "reset-failed a.service", "daemon-reload"]


def test_what_is_not_ours_stays(host: Host) -> None:
    service, timer, _ = host.files
    service.write_text("[Service]\n")
    timer.unlink()
    timer.symlink_to(host.files[2])
    assert (host.remove(), host.left) == (0, ["a.service", "a.timer"])


def test_a_unit_that_is_not_there_is_no_failure(host: Host) -> None:
    assert host.remove(stubborn="a.timer") == 0


def test_a_unit_that_still_runs_is_a_failure_and_the_files_go(host: Host) -> None:
    assert (host.remove(stubborn="a.timer", runs=True), host.left) == (1, [])
    assert "stop a.service" in host.calls.read_text().splitlines()
