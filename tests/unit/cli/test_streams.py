"""Standard streams that are closed or full, that nobody reads, or that lack a character."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.booted_hosts import ROOT
from tests.helpers.prestarted import PATHS, run_jobs


def in_shell(line: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash in which ``inv`` is the command; it ends with the status of the first command that fails."""
    script = f'set -o pipefail; inv() {{ "{sys.executable}" -m invoke "$@"; }}; {line}'
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment}
    return subprocess.run(["bash", "-c", script], check=False, cwd=ROOT, env=env, capture_output=True, text=True)


def own_folders(folder: Path) -> dict[str, str]:
    """Return the environment of an account whose folders are in this one."""
    return {f"XDG_{name}_HOME": str(folder / name) for name in ("CACHE", "CONFIG", "STATE")}


@pytest.mark.parametrize("line", ["inv --help=deploy | head -1", "inv releases --offline | true"])
def test_a_reader_that_ends_early_costs_no_line(line: str) -> None:
    done = in_shell(line)
    assert done.stderr == ""
    assert done.returncode in {0, 141}


@pytest.mark.parametrize("line", ["inv --list >/dev/full", "inv releases --offline >/dev/full"])
def test_a_full_disk_below_standard_output_is_one_line(line: str) -> None:
    done = in_shell(line)
    assert (done.returncode, done.stderr) == (1, "error: standard output: No space left on device\n")


@pytest.mark.parametrize("hosts", [1, 2])
@pytest.mark.parametrize(
    ("stream", "status", "error"),
    [
        pytest.param("/dev/full", 1, "standard output: No space left on device", id="full"),
        pytest.param("", 141, "nobody reads the output", id="not read"),
    ],
)
@pytest.mark.parametrize("task", ["deploy", "plan", "verify"])
def test_lost_output_ends_no_work_and_is_reported_at_the_end(
    task: str, stream: str, status: int, error: str, hosts: int, tmp_path: Path
) -> None:
    site = tmp_path / "site.toml"
    report = tmp_path / "report.json"
    site.write_text(f"[keys]\nfile = '{tmp_path}/keys'\n")
    if task != "verify":
        keys = tmp_path / "keys"
        keys.touch(0o600)
        keys.write_text(f"1 AES128 HEX:{1:032}\n")
    names = [f"--host=nowhere{number}.invalid" for number in range(hosts)]
    job = {
        "words": [task, f"--site={site}", *names, f"--json={report}"],
        "is_inv": True,
        "folder": str(ROOT),
        "environment": {**PATHS, "HOME": "/nonexistent", **own_folders(tmp_path)},
        "streams": {"1": stream},
        "captured": "2",
    }
    (done,) = run_jobs(tmp_path, {"lost": job})
    document = json.loads(report.read_text())
    assert [host["error"].split(": ")[1] for host in document["hosts"]] == [
        f"cannot resolve nowhere{number}.invalid" for number in range(hosts)
    ]
    assert (done.status, document["exit_status"], document["error"]) == (status, status, error)
    assert done.errors == ("" if status == 141 else f"error: {error}\n")


PRINTING = """
import sys
from provision.cli import streams
from provision.common.errors import NotRecorded
streams.prepare()
print("begun", flush=True)
sys.stdin.readline()
print("lost", flush=True)
print("the work goes on", file=sys.stderr)
try:
    streams.check()
except NotRecorded as error:
    print(error, file=sys.stderr)
"""


def test_a_terminal_that_is_lost_ends_no_work() -> None:
    master, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PRINTING],
        stdin=subprocess.PIPE,
        stdout=terminal,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),  # noqa: PLW1509 -- no threads here
    ) as process:
        os.close(terminal)
        assert os.read(master, 100).startswith(b"begun")
        os.close(master)
        _, errors = process.communicate("\n", timeout=60)
    assert errors.splitlines() == ["the work goes on", "standard output: Input/output error"]


def test_a_pipe_that_the_caller_has_made_non_blocking_loses_nothing() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    script = "from provision.cli import streams; streams.prepare(); print('x' * 300_000, flush=True); streams.check()"
    with subprocess.Popen([sys.executable, "-c", script], stdout=writing, cwd=ROOT) as process:
        os.close(writing)
        with os.fdopen(reading, "rb") as output:
            assert len(output.read()) == 300_001
    assert process.returncode == 0


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", "2> >(exec true)"])
def test_an_error_without_a_reader_ends_with_its_exit_status(redirection: str) -> None:
    done = in_shell(f"inv deploy --hots ntp1 {redirection}")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_a_closed_standard_output_is_no_error() -> None:
    done = in_shell("inv releases --offline >&-")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_character_that_the_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[hosts]\n"größe" = {}\n')
    done = in_shell(f"inv site --site {site}", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert "Traceback" not in done.stderr
    assert "gr\\xf6\\xdfe" in done.stdout + done.stderr
