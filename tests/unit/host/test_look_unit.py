"""The look at chronyd's unit, with a systemctl that the test answers for."""

import os
import subprocess
from pathlib import Path

from provision.host import scripts

SYSTEMCTL = """#!/bin/sh
case $* in *UnitPath*) echo "UnitPath=$FOLDER" ;; *) echo MainPID=0 ;; esac
"""


def test_a_socket_unit_without_a_last_newline_hides_no_drop_in(tmp_path: Path) -> None:
    program = tmp_path / "systemctl"
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    units = tmp_path / "units"
    (units / "chronyd.service.d").mkdir(parents=True)
    (units / "chronyd.socket").write_text("[Socket]\nListenDatagram=123")
    drop_in = units / "chronyd.service.d" / "x.conf"
    drop_in.write_text("[Service]\nNoNewPrivileges=no\n")
    script = scripts.load("look_unit", str(units / "chronyd.service"), str(tmp_path / "none"), "", "MainPID")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "FOLDER": str(units)}
    done = subprocess.run(["dash", "-c", script], check=True, capture_output=True, text=True, env=environment)
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("socket=")] == ["socket=[Socket]", "socket=ListenDatagram=123"]
    assert f"drop-in={drop_in}" in lines
