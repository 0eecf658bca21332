"""The suite itself: it does not depend on who starts it, and no folder of it is left out."""

import subprocess
import sys
from fnmatch import fnmatch

import pytest

from tests.helpers.booted_hosts import ROOT
from tests.helpers.schedule import INTEGRATION, LONGEST, rank, shared
from tests.integration.test_lowest import TESTS

CHILD = """
import subprocess, tests.conftest
print(subprocess.run(["grep", "SigIgn", "/proc/self/status"], capture_output=True, text=True, check=True).stdout)
"""
INT_HUP_QUIT = 0b111
"""Signals 1, 2 and 3, as /proc/PID/status shows them."""


def test_what_a_test_starts_can_be_interrupted_also_when_pytest_runs_in_the_background() -> None:
    script = 'trap "" INT HUP QUIT; exec "$@"'
    command = ["sh", "-c", script, "sh", sys.executable, "-c", CHILD]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert int(done.stdout.split()[1], 16) & INT_HUP_QUIT == 0


def test_no_folder_with_tests_is_left_out(request: pytest.FixtureRequest) -> None:
    left_out = request.config.getini("norecursedirs")
    folders = {part for file in (ROOT / "tests").rglob("test_*.py") for part in file.relative_to(ROOT).parts[:-1]}
    assert [folder for folder in folders if any(fnmatch(folder, pattern) for pattern in left_out)] == []


def test_each_file_that_runs_with_the_oldest_libraries_exists() -> None:
    assert [name for name in TESTS if not (ROOT / f"tests/{name}.py").is_file()] == []


def test_each_file_that_begins_first_exists() -> None:
    assert [name for name in LONGEST if not (ROOT / INTEGRATION / name).exists()] == []


def test_files_that_share_booted_hosts_are_run_by_one_process_and_before_those_that_boot_none() -> None:
    one, other = (f"{INTEGRATION}/fleet/test_{name}.py::test_a" for name in ("builds", "outputs"))
    assert shared(one) == shared(other) == f"{INTEGRATION}/fleet"
    alone = f"{INTEGRATION}/test_nts.py"
    unit = "tests/unit/keys/test_source.py"
    assert [shared(f"{file}::test_a[x::y]") for file in (alone, unit)] == [alone, unit]
    assert rank(shared(one)) < rank(alone) < rank(unit)
