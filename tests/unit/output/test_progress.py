"""What the operator sees: plain lines into a pipe, a live line on a terminal."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from provision.common.results import Finding, Outcome, Status
from provision.host.target import parse_target
from provision.output.progress.board import Board
from provision.output.progress.lines import Lines
from provision.output.report import Report
from tests.helpers.booted_hosts import ROOT

CHANGED = Outcome(id="build", title="chrony 4.9 built", status=Status.CHANGED, reason="missing")
PENDING = Outcome(
    id="switch-script",
    title="/opt/chrony/switch",
    status=Status.PENDING,
    reason="missing",
    diff="--- a\n+++ b\n+#!/bin/sh",
)


def test_without_a_terminal_there_are_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines() as progress:
        progress.say("ntp1")
        progress.begin("chrony 4.9 built")
        progress.line("gcc -O2 -c main.c")
        progress.outcome(CHANGED)
        progress.outcome(PENDING)
        progress.outcome(Outcome(id="account", title="account _chrony", status=Status.UNCHANGED))
    assert (
        capsys.readouterr().out
        == """\
ntp1
  begun        chrony 4.9 built
  changed      chrony 4.9 built  (missing)  0.0 s
  pending      /opt/chrony/switch  (missing)
  unchanged    account _chrony
"""
    )


def test_of_a_plan_nothing_is_printed_before_it_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    host = parse_target("ntp1")
    finding = Finding(id="clock.synchronised", claim="the clock is synchronised", holds=False, seen="")
    with Lines(shows_steps=False) as lines, Board([host], dict, shows_steps=False) as board:
        for progress in (lines, board.row(host)):
            progress.opening("ntp1")
            progress.detail("  role  server")
            progress.begin("chrony 4.9 built")
            progress.outcome(PENDING)
            progress.finding(finding)
            progress.ending(Report(host=host))
    assert capsys.readouterr().out == ""


ON_A_TERMINAL = """
import time
from provision.common.results import Outcome, Status
from provision.output.progress.lines import Lines
with Lines() as progress:
    progress.say("ntp1")
    progress.begin("chrony 4.9 built")
    progress.line("cc -o x [/usr/lib/libc.a] [bold]" + "y" * 300)
    time.sleep(0.4)
    progress.outcome(Outcome(id="build", title="chrony 4.9 built", status=Status.CHANGED, reason="missing"))
    progress.say("the end")
"""


def on_a_terminal(script: str, folder: Path, term: str = "xterm") -> str:
    """Run Python with a terminal for its output, 120 columns wide, and return what it wrote there."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": term, "COLUMNS": "120", "LINES": "24"}
    (folder / "script.py").write_text(script)
    process = subprocess.Popen(
        [sys.executable, folder / "script.py"], stdout=follower, cwd=ROOT, env={**environment, "PYTHONPATH": str(ROOT)}
    )
    os.close(follower)
    written = b""
    while chunk := _read(leader):
        written += chunk
    os.close(leader)
    assert process.wait(timeout=60) == 0
    return written.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux ends a terminal that nobody has open with EIO
        return b""


def test_on_a_terminal_the_step_is_live_and_output_is_no_markup(tmp_path: Path) -> None:
    written = on_a_terminal(ON_A_TERMINAL, tmp_path)
    # Where much else is going on, it takes more than no time.
    assert re.search(r"chrony 4\.9 built · \d+ s · cc -o x \[/usr/lib/libc\.a\] \[bold\]yyy", written)
    assert "y" * 100 not in written
    plain = [line.rpartition("\x1b[2K")[2].strip("\r") for line in written.split("\n")]
    assert "ntp1" in plain[0]
    assert any(re.fullmatch(r"  changed      chrony 4\.9 built  \(missing\)  \d+\.\d s", line) for line in plain)
    assert plain[-2].endswith("the end")


def test_a_run_without_live_output_does_not_import_rich() -> None:
    script = (
        "import sys; from provision.output.progress.lines import Lines; Lines().say('x'); print('rich' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "x\nFalse\n"
