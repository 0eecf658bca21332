"""Standard streams that are closed or full, that nobody reads, or that lack a character."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.booted_hosts import ROOT


def in_shell(line: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash in which ``inv`` is the command; it ends with the status of the first command that fails."""
    script = f'set -o pipefail; inv() {{ "{sys.executable}" -m invoke "$@"; }}; {line}'
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment}
    return subprocess.run(["bash", "-c", script], check=False, cwd=ROOT, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("line", ["inv --help=deploy | head -1", "inv releases --offline | true"])
def test_a_reader_that_ends_early_costs_no_line(line: str) -> None:
    done = in_shell(line)
    assert done.stderr == ""
    assert done.returncode in {0, 141}


@pytest.mark.parametrize("line", ["inv --list >/dev/full", "inv releases --offline >/dev/full"])
def test_a_full_disk_below_standard_output_is_one_line(line: str) -> None:
    done = in_shell(line)
    assert (done.returncode, done.stderr) == (1, "error: standard output: No space left on device\n")


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", "2> >(exec true)"])
def test_an_error_that_nobody_can_see_ends_with_its_exit_status(redirection: str) -> None:
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
