"""Run tasks in the surroundings of this process, each in a fork of it, so that Python starts once for all of them.

    python forked_tasks.py JOBS CAPTURED

JOBS is a JSON file: the jobs by their names. CAPTURED names the streams, of ``12``, that go to files beside it, NAME.1
and NAME.2; the other streams stay as the caller of this script made them. NAME.status has the exit status.
"""

import encodings.idna
import encodings.utf_8_sig  # noqa: F401 -- both are imported when they are used, and another account may not read them
import gc
import importlib
import json
import os
import pkgutil
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import provision
from provision.cli import tasks
from provision.cli.program import CommandLine

SECONDS = 60
"""After which a job that hangs is killed by SIGALRM."""
LEFT_OUT = ("provision.__main__", "provision.fleet.cluster")
"""The program itself, and the slow import of Dask."""
NAME = "chrony-provision"
UNFLUSHED = 120
"""Python's exit status if standard output or standard error cannot be flushed at its end."""


def import_all() -> None:
    """Import what tasks import when they run, so that no fork has to."""
    for module in pkgutil.walk_packages(provision.__path__, "provision."):
        if module.name not in LEFT_OUT:
            importlib.import_module(module.name)


def enter(surroundings: dict[str, Any]) -> None:
    """Change the folder, the environment and the account of this process; a variable that is null is removed."""
    for name, value in surroundings.get("environment", {}).items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    if folder := surroundings.get("folder"):
        os.chdir(folder)
        if surroundings.get("folder_is_gone"):
            Path(folder).rmdir()
    if account := surroundings.get("account"):
        os.setgroups([])
        os.setgid(account)
        os.setuid(account)


def run(file: Path, job: dict[str, Any], captured: str) -> None:
    """Run a job in this process, and end it as Python would, without the time that it takes to tidy up."""
    for stream in captured:
        descriptor = os.open(f"{file}.{stream}", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(descriptor, int(stream))
        os.close(descriptor)
    enter(job)
    signal.alarm(SECONDS)
    sys.argv = [NAME, *job["words"]]
    status = 0
    try:
        CommandLine(name=NAME, binary=NAME, version="1", namespace=tasks.collection()).run()
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 -- as Python does
        traceback.print_exc()
        status = 1
    try:
        for open_stream in filter(None, (sys.stdout, sys.stderr)):
            open_stream.flush()
    except OSError:
        status = UNFLUSHED
    os._exit(status)


def main() -> None:
    """Run all jobs, one after the other."""
    jobs, captured = Path(sys.argv[1]), sys.argv[2]
    import_all()
    gc.freeze()
    for name, job in json.loads(jobs.read_text()).items():
        file = jobs.with_name(name)
        pid = os.fork()
        if pid == 0:
            run(file, job, captured)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        Path(f"{file}.status").write_text(str(status))


if __name__ == "__main__":
    main()
