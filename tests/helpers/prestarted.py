"""Commands in forks of a process that has imported the product, for tests that need no start of Python.

A command has its own process, environment, folder and streams, and ends with its own status; what Python does between
its start and its first line is left out. It takes 20 ms of processor time in place of 400.
"""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.helpers.booted_hosts import ROOT

DRIVER = ROOT / "tests/helpers/forked_tasks.py"
PATHS = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
Job = Mapping[str, Any]
"""What tests/helpers/forked_tasks.py is told: ``words``, ``environment``, ``folder`` and more."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a job ended; a stream that was not captured is empty."""

    name: str
    status: int
    output: str
    errors: str


def inv(*arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run ``inv`` in the repository; ``env`` is added to the environment of the tests."""
    job = {"words": arguments, "is_inv": True, "folder": str(ROOT), "environment": {**os.environ, **(env or {})}}
    return _one(job)


def installed(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the installed command in a folder."""
    return _one({"words": arguments, "folder": str(folder), "environment": dict(os.environ)})


def run_jobs(folder: Path | None, jobs: Mapping[str, Job]) -> list[Ran]:
    """Run jobs one after the other; the ``folder`` is one that their accounts may enter."""
    with _written(folder, jobs) as file:
        process = _process()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{file}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n", "the process that forks has ended"
        return _results(file, jobs)


def run_jobs_anew(folder: Path, jobs: Mapping[str, Job], redirections: str = "", **environment: str) -> list[Ran]:
    """Run jobs in forks of a new process, whose streams a shell redirects."""
    with _written(folder, jobs) as file:
        shell = ["bash", "-c", f'exec "$@" {redirections}', "-"]
        done = subprocess.run(
            [*shell, sys.executable, str(DRIVER), str(file)],
            check=False,
            cwd=folder,
            env={**PATHS, **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done
        return _results(file, jobs)


@contextmanager
def _written(folder: Path | None, jobs: Mapping[str, Job]) -> Iterator[Path]:
    """Write a file of jobs in a new folder; what is not redirected is captured, unless a job says what is."""
    with TemporaryDirectory(dir=folder) as name:
        file = Path(name) / "jobs"
        usual = {"captured": "12", "folder": str(folder)}
        file.write_text(json.dumps({job: {**usual, **rest} for job, rest in jobs.items()}))
        yield file


def _results(file: Path, jobs: Mapping[str, Job]) -> list[Ran]:
    return [Ran(job, int(_text(file, job, "status")), _text(file, job, "1"), _text(file, job, "2")) for job in jobs]


def _text(file: Path, job: str, what: str) -> str:
    path = file.with_name(f"{job}.{what}")
    return path.read_text(errors="backslashreplace") if path.exists() else ""


def _one(job: Job) -> "subprocess.CompletedProcess[str]":
    (ran,) = run_jobs(None, {"job": {"streams": {"0": os.devnull}, **job}})
    return subprocess.CompletedProcess(job["words"], ran.status, ran.output, ran.errors)


@cache
def _process() -> "subprocess.Popen[str]":
    """Start the process that forks; it ends with this one."""
    process = subprocess.Popen(
        [sys.executable, DRIVER, "-"], cwd=ROOT, env=PATHS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(_end, process)
    return process


def _end(process: "subprocess.Popen[str]") -> None:
    process.communicate(timeout=60)
