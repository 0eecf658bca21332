"""The functions that keep the ports of chronyd open, with a systemctl that the test answers for."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from provision.host import scripts

OURS = "# Managed by chrony-provision\n"
SYSTEMCTL = """#!/bin/sh
echo "$*" >>calls
case $* in *is-active*) [ -e active ] ;; esac
"""


@dataclass
class Host:
    """A folder with a generation, a unit of the socket, and its record."""

    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "current").mkdir()
        (self.folder / "bin").mkdir()
        self.program("systemctl", SYSTEMCTL)
        for name in ("current/chronyd.socket", "chronyd.socket", "active"):
            (self.folder / name).write_text(OURS)

    def program(self, name: str, text: str) -> None:
        file = self.folder / "bin" / name
        file.write_text(text)
        file.chmod(0o755)

    def run(self, function: str) -> int:
        values = "root=$PWD socket=$PWD/chronyd.socket open_socket=$PWD/started"
        script = f"{values}\n{scripts.text('stop_units')}{scripts.text('keep_ports')}\n{function}"
        environment = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(["dash", "-c", script], cwd=self.folder, check=False, env=environment, timeout=30)
        return done.returncode

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return [line for line in file.read_text().splitlines() if "is-active" not in line] if file.exists() else []


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_an_open_socket_of_the_same_unit_stays_open(host: Host) -> None:
    assert host.run("record_socket && open_ports") == 0
    assert host.calls == ["reset-failed chronyd.socket"]


def test_a_socket_of_another_unit_is_opened_anew(host: Host) -> None:
    assert host.run("record_socket") == 0
    (host.folder / "chronyd.socket").write_text(f"{OURS}# another\n")
    assert host.run("open_ports") == 0
    assert host.calls[1:] == ["stop chronyd.socket chronyd.service", "start chronyd.socket"]
    assert (host.folder / "started").read_text() == f"{OURS}# another\n"


def test_a_record_that_cannot_be_written_stops_no_switch(host: Host) -> None:
    host.program("cp", '#!/bin/sh\n: >"$2"; exit 1\n')
    assert host.run("record_socket && open_ports") == 0
    assert host.calls[1:] == ["stop chronyd.socket chronyd.service", "start chronyd.socket"]
    assert not list(host.folder.glob("started*"))


def test_a_socket_of_the_administrator_is_not_closed(host: Host) -> None:
    (host.folder / "current" / "chronyd.socket").unlink()
    (host.folder / "chronyd.socket").write_text("[Socket]\n")
    assert host.run("open_ports") == 0
    assert host.calls == []
    assert (host.folder / "chronyd.socket").exists()


def test_a_socket_that_is_not_wanted_any_more_is_removed_and_its_failure_forgotten(host: Host) -> None:
    assert host.run("record_socket") == 0
    (host.folder / "current" / "chronyd.socket").unlink()
    assert host.run("open_ports") == 0
    assert host.calls == ["stop chronyd.socket chronyd.service", "reset-failed chronyd.socket", "daemon-reload"]
    assert not (host.folder / "chronyd.socket").exists()
    assert not (host.folder / "started").exists()
