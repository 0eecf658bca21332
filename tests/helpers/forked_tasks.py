"""Run tasks, each in a fork of this process, so that Python starts, and imports the product, once for many of them.

    python forked_tasks.py JOBS
    python forked_tasks.py -

JOBS is a JSON file with jobs by their names. The status of each goes to NAME.status beside it, and standard output and
standard error of a job to NAME.1 and NAME.2, as far as its ``captured`` names them; the other streams stay as the
caller of this script made them. With a hyphen, standard input has the name of a file of jobs in each line, and "done"
is printed behind each of them. tests/helpers/prestarted.py writes the jobs.
"""

import atexit
import encodings.idna
import encodings.unicode_escape
import encodings.utf_8_sig  # noqa: F401 -- they are imported when they are used, and another account may not read them
import gc
import hashlib
import importlib
import json
import os
import pkgutil
import signal
import sys
import threading
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import filelock  # noqa: F401 -- imported when it is used
from invoke import __file__ as invoke_file
from invoke.main import program

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
    """Change the folder, the environment, the streams and the account of this process."""
    os.environ.clear()
    os.environ.update(surroundings["environment"])
    if folder := surroundings.get("folder"):
        os.chdir(folder)
        if surroundings.get("folder_is_gone"):
            Path(folder).rmdir()
    for stream, path in surroundings.get("streams", {}).items():
        redirect(int(stream), path)
    if account := surroundings.get("account"):
        os.setgroups([])
        os.setgid(account)
        os.setuid(account)


def redirect(stream: int, path: str) -> None:
    """Read a stream from a file, or write it there; without a path, to a pipe that nobody reads."""
    if path:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    else:
        reader, descriptor = os.pipe()
        os.close(reader)
    os.dup2(descriptor, stream)
    os.close(descriptor)


def start(job: dict[str, Any]) -> None:
    """Run ``inv``, or the installed command."""
    if job.get("is_inv"):
        sys.argv = [str(Path(invoke_file).with_name("__main__.py")), *job["words"]]
        program.run()
    else:
        sys.argv = [NAME, *job["words"]]
        CommandLine(name=NAME, binary=NAME, version="1", namespace=tasks.collection()).run()


def run(file: Path, job: dict[str, Any]) -> None:
    """Run a job in this process, and end it as Python would, without the time that it takes to tidy up."""
    for stream in job["captured"]:
        redirect(int(stream), f"{file}.{stream}")
    enter(job)
    signal.alarm(SECONDS)
    status = 0
    try:
        start(job)
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 -- as Python does
        traceback.print_exc()
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        for open_stream in filter(None, (sys.stdout, sys.stderr)):
            open_stream.flush()
    except OSError:
        status = UNFLUSHED
    os._exit(status)


def run_all(jobs: Path) -> None:
    """Run the jobs of a file, one after the other."""
    for name, job in json.loads(jobs.read_text()).items():
        file = jobs.with_name(name)
        pid = os.fork()
        if pid == 0:
            run(file, job)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        Path(f"{file}.status").write_text(str(status))


def main() -> None:
    """Run one file of jobs, or those whose names are read."""
    import_all()
    # 50 ms for each job that has keys; that the digest of keys is slow is no part of what is tested this way.
    hashlib.scrypt = partial(quick_scrypt, hashlib.scrypt)
    gc.freeze()
    if sys.argv[1] != "-":
        run_all(Path(sys.argv[1]))
        return
    for line in sys.stdin:
        run_all(Path(line.rstrip("\n")))
        sys.stdout.write("done\n")
        sys.stdout.flush()
    # Without what a measurement of this process would save when nobody expects it any more.
    os._exit(0)


def quick_scrypt(scrypt: Any, text: bytes, **parameters: Any) -> bytes:
    """Call scrypt with the least work."""
    digest: bytes = scrypt(text, **{**parameters, "n": 2})
    return digest


if __name__ == "__main__":
    main()
