"""``python -m provision`` is the command ``chrony-provision``."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from provision.cli.tasks import collection
from tests.helpers.booted_hosts import ROOT


def module(*arguments: str, folder: Path) -> str:
    """Return what ``python -m provision`` prints, run in a folder that is not the checkout."""
    command = [sys.executable, "-m", "provision", *arguments]
    env = {"PYTHONPATH": str(ROOT), "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True).stdout


def test_the_module_lists_the_tasks_of_the_product(tmp_path: Path) -> None:
    listed = re.findall(r"^  (\S+)", module("--list", folder=tmp_path), re.MULTILINE)
    assert set(listed) == set(collection().task_names)


def test_the_module_says_the_name_and_version_of_the_command(tmp_path: Path) -> None:
    assert module("--version", folder=tmp_path) == f"chrony-provision {version('chrony-provision')}\n"
