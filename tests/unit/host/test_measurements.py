"""The script that saves the measurements of chronyd, and gives them to the daemon that follows one that was killed."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.host import scripts

SETTLED = "7F000001,127.0.0.1,2,1700000000.1,0.000000011,0,0,0.002,0,2.3,0.000005,0.00002,64.2,Normal"
CHRONYC = """#!/bin/sh
case $* in
    *tracking) [ ! -e {run}/silent ] || exit 1; cat {run}/tracking ;;
    *dump)
        for source in $(cat {run}/sources); do echo "of $source" >{run}/$source.dat; done
        [ ! -e {run}/interrupted ] || exit 1
        echo "200 OK" ;;
esac
"""
"""chronyd's answers, and what it writes for each source that has measurements."""


class Host:
    """A folder in the place of /run/chrony, and the script of a host that names it."""

    def __init__(self, folder: Path) -> None:
        self.run = folder / "run"
        self.run.mkdir()
        (self.run / "tracking").write_text(SETTLED)
        (self.run / "sources").write_text("10.0.0.1 10.0.0.2")
        chronyc = folder / "chronyc"
        chronyc.write_text(CHRONYC.format(run=self.run))
        chronyc.chmod(0o755)
        text = scripts.text("measurements")
        for name, path in (("run", self.run), ("chronyc", chronyc)):
            head, _, rest = text.partition(f"\n{name}=")
            text = f"{head}\n{name}={path}\n{rest.partition(chr(10))[2]}"
        self.script = folder / "measurements"
        self.script.write_text(text)

    def add_program(self, name: str, text: str) -> None:
        """Put a program of the host before those of this machine."""
        program = self.script.parent / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        self.script.write_text(
            self.script.read_text().replace("set -eu\n", f"set -eu\nPATH={program.parent}:$PATH\n", 1)
        )

    def save(self) -> None:
        """Save the measurements, as the timer does."""
        subprocess.run(["dash", self.script, "save"], check=True, timeout=60)

    def restore(self, result: str = "signal") -> list[str]:
        """Put them back after a daemon has ended, and return the names of those that chronyd would load."""
        environment = {**os.environ, "SERVICE_RESULT": result}
        subprocess.run(["dash", self.script, "restore"], check=True, env=environment, timeout=60)
        return self.loaded

    def alter_clocks(self, change: Callable[[int, int], tuple[int, int]]) -> None:
        """Alter the times at which the measurements were saved, in hundredths of a second."""
        at, ahead = map(int, self.clocks.read_text().split())
        self.clocks.write_text("{} {}\n".format(*change(at, ahead)))

    @property
    def clocks(self) -> Path:
        return self.run / "saved/clocks"

    @property
    def loaded(self) -> list[str]:
        return sorted(path.name for path in self.run.glob("*.dat"))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


BOTH = ["10.0.0.1.dat", "10.0.0.2.dat"]


def test_a_daemon_that_was_killed_is_followed_by_one_with_its_measurements_again_and_again(host: Host) -> None:
    host.save()
    assert host.loaded == []
    for _ in range(2):
        assert host.restore() == BOTH
        # chronyd removes what it has loaded.
        for name in BOTH:
            (host.run / name).unlink()


def test_the_later_measurements_take_the_place_of_the_earlier_ones(host: Host) -> None:
    host.save()
    (host.run / "sources").write_text("10.0.0.3")
    host.save()
    assert host.restore() == ["10.0.0.3.dat"]


def test_a_daemon_that_ended_by_itself_has_saved_its_own(host: Host) -> None:
    host.save()
    assert host.restore("success") == []


INVALID = [
    pytest.param(lambda at, ahead: (at, ahead + 5), id="the clock was set back by 0.05 s"),
    pytest.param(lambda at, ahead: (at, ahead - 360_000), id="the clock was set forward by an hour"),
    pytest.param(lambda at, ahead: (at - 20_000, ahead), id="200 seconds old"),
    pytest.param(lambda at, ahead: (at + 100_000, ahead), id="of before a boot"),
]


@pytest.mark.parametrize("change", INVALID)
def test_measurements_that_are_not_of_this_clock_and_young_are_thrown_away(
    change: Callable[[int, int], tuple[int, int]], host: Host
) -> None:
    host.save()
    host.alter_clocks(change)
    assert (host.restore(), host.clocks.parent.exists()) == ([], False)


TRACKING = [
    pytest.param(SETTLED.replace("Normal", "Not synchronised"), id="not synchronised"),
    pytest.param(SETTLED.replace("0.000000011", "-0.012"), id="about to correct the clock by 12 ms"),
]


@pytest.mark.parametrize("tracking", TRACKING)
def test_a_clock_that_is_not_right_yet_is_not_saved_and_what_was_saved_before_is_thrown_away(
    tracking: str, host: Host
) -> None:
    host.save()
    (host.run / "tracking").write_text(tracking)
    host.save()
    assert (host.restore(), host.clocks.parent.exists()) == ([], False)


def test_while_no_daemon_answers_the_saved_measurements_stay(host: Host) -> None:
    host.save()
    (host.run / "silent").touch()
    host.save()
    assert host.restore() == BOTH


def test_a_server_that_has_measured_nothing_saves_nothing_without_an_error(host: Host) -> None:
    # With "local", its clock counts as synchronised.
    host.save()
    (host.run / "sources").write_text("")
    host.save()
    assert (host.restore(), host.clocks.parent.exists()) == ([], False)


def interrupt(host: Host) -> None:
    """Let a save end between the dump of the measurements and their move."""
    (host.run / "interrupted").touch()
    host.save()
    (host.run / "interrupted").unlink()
    assert host.loaded == BOTH


def test_what_an_interrupted_save_has_left_goes_when_the_clock_is_not_right_any_more(host: Host) -> None:
    interrupt(host)
    (host.run / "tracking").write_text(SETTLED.replace("0.000000011", "-0.012"))
    host.save()
    assert host.restore() == []


def test_what_a_daemon_that_ended_by_itself_has_saved_stays_for_the_next_one(host: Host) -> None:
    # The save asked the one that ended, and cannot ask it again.
    interrupt(host)
    assert host.restore("success") == BOTH


def test_what_an_interrupted_save_has_left_is_not_loaded_after_a_step_of_the_clock(host: Host) -> None:
    host.save()
    host.alter_clocks(lambda at, ahead: (at, ahead - 360_000))
    for name in BOTH:
        (host.run / name).write_text("left")
    assert host.restore() == []


def test_without_saved_measurements_nothing_is_loaded(host: Host) -> None:
    assert host.restore() == []


@pytest.mark.parametrize("content", ["", "x y\n", "1\n"])
def test_a_damaged_record_of_the_clocks_counts_as_none(content: str, host: Host) -> None:
    host.save()
    host.clocks.write_text(content)
    environment = {**os.environ, "SERVICE_RESULT": "signal"}
    subprocess.run(["dash", host.script, "restore"], check=False, env=environment, timeout=60)
    assert host.loaded == []


def test_nothing_is_saved_where_date_knows_no_nanoseconds(host: Host) -> None:
    host.save()
    assert host.clocks.exists()
    # As that of BusyBox prints it.
    host.add_program("date", "echo 1764364526%N")
    host.save()
    assert not host.clocks.exists()
    assert host.restore() == []
