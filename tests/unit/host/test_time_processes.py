"""Processes that keep time or have the NTP port, and that no service stands for."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provision.host import scripts
from provision.verify.time_services import Process, TimeServices
from tests.helpers.fake_proc import MAY_NOT, MAY_SET, ROOT, Proc
from tests.helpers.fake_systemctl import Systemctl
from tests.helpers.found_services import found, running
from tests.helpers.step_samples import ask

FOREIGN = [
    pytest.param({"capabilities": MAY_SET}, ("clock",), id="it may set the clock"),
    pytest.param({"sockets": [77]}, ("port",), id="it has the port"),
    pytest.param({"sockets": [77], "unit": "ssh.service"}, ("port",), id="in a session that is in sshd's unit"),
    pytest.param({"sockets": [77], "capabilities": MAY_SET, "uid": 103}, ("clock", "port"), id="both"),
]


@pytest.mark.parametrize(("how", "reasons"), FOREIGN)
def test_a_daemon_that_no_service_ends_is_named(
    how: dict[str, Any], reasons: tuple[str, ...], systemctl: Systemctl, proc: Proc, tmp_path: Path
) -> None:
    proc.add(4711, "/usr/sbin/chronyd", **how)
    proc.listen(77)
    systemctl.add("ssh.service", running("ssh.service", "/usr/sbin/sshd -D", 301))
    unit = str(how.get("unit", "session-3.scope"))
    seen = found(systemctl, proc, tmp_path)
    assert seen.processes == (Process(pid=4711, program="/usr/sbin/chronyd", unit=unit, reasons=reasons),)


def test_the_process_on_the_port_is_named(systemctl: Systemctl, proc: Proc, tmp_path: Path) -> None:
    proc.add(4711, "/usr/bin/docker-proxy", unit="docker.service", sockets=[5, 78])
    proc.listen(78, file="udp6")
    (one,) = found(systemctl, proc, tmp_path).processes
    assert str(one) == "/usr/bin/docker-proxy (pid 4711, in docker.service) has UDP port 123"


def test_a_transient_unit_is_not_stopped_since_it_could_not_be_started_again(
    systemctl: Systemctl, proc: Proc, tmp_path: Path
) -> None:
    line = "/usr/sbin/chronyd -n"
    proc.add(4711, "/usr/sbin/chronyd", unit="run-u1.service", capabilities=MAY_SET)
    systemctl.add("run-u1.service", running("run-u1.service", line, 4711, file="/run/systemd/transient/run-u1.service"))
    seen = found(systemctl, proc, tmp_path)
    assert seen.services == ()
    assert [process.unit for process in seen.processes] == ["run-u1.service"]


HARMLESS = [
    pytest.param({"capabilities": MAY_NOT}, id="in a container that may set no clock"),
    pytest.param({"capabilities": ROOT, "container": True}, id="in a user namespace of its own"),
    pytest.param({"capabilities": ROOT, "line": ["chronyd", "-x"]}, id="chronyd -x"),
]


@pytest.mark.parametrize("how", HARMLESS)
def test_a_daemon_that_can_do_no_harm_is_left_alone(
    how: dict[str, Any], systemctl: Systemctl, proc: Proc, tmp_path: Path
) -> None:
    proc.add(4711, "/usr/sbin/chronyd", **how)
    assert found(systemctl, proc, tmp_path) == TimeServices()


def test_this_machine_can_be_looked_at(tmp_path: Path) -> None:
    """With its real /proc, whatever else runs here: each line is one of ours."""
    program = tmp_path / "phc2sys"
    shutil.copy("/bin/sleep", program)
    library = scripts.functions("look_active")
    with subprocess.Popen([program, "60"]) as process:
        seen = ask(f"set -eu\nroot=/opt/chrony\n{library}\ntime_processes\nport_holders 0\n").splitlines()
        process.kill()
    assert [line.split("|")[1:3] for line in seen if str(program) in line] == [[str(process.pid), str(program)]]
    assert all(re.fullmatch(r"process\|[0-9]+\|[^|]*\|[^|]*\|[a-z ]*\|[^|]*", line) for line in seen)
