"""A job of a pipeline: an account without a name, a home folder and a terminal, which may write to one folder only."""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.helpers.booted_hosts import ROOT
from tests.helpers.pipeline_page import PREPARE

NAMELESS = "54321"
"""An account that is not in passwd, and has neither a name nor a home folder."""
NOBODY = "65534"
"""An account with a name, and with a home folder that does not exist."""
PRODUCT = ("provision", "templates", "tasks.py", "pyproject.toml")
SURROUNDINGS = """\
set -e
lab=$1 prefix=$2 packages=$3 account=$4 folder=$5 script=$6
mount --bind "$prefix" "$lab/python"
mount --bind "$packages" "$lab/packages"
mount --bind "$lab/job" "$lab/job"
for place in / /tmp /var/tmp /dev/shm /run /run/lock; do
    if mountpoint -q "$place"; then mount -o remount,bind,ro "$place"; fi
done
cd "$folder"
exec setpriv --reuid "$account" --regid "$account" --clear-groups --no-new-privs sh -e -c "$script"
"""
"""Run a script as an account, in a mount namespace where only the folder of the job can be written, as in a container
whose file system is read-only. The interpreter and its packages may be in the home folder of root, which others may not
enter: they are mounted elsewhere."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a script ended."""

    status: int
    output: str
    errors: str


@dataclass(slots=True)
class Job:
    """The folders of a job below one that everybody may enter, and its variables; all that it printed is collected."""

    lab: Path
    variables: dict[str, str]
    account: str = NAMELESS
    printed: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Return the folder that the job may write to."""
        return self.lab / "job"

    @property
    def tool(self) -> Path:
        """Return the checkout of the tool."""
        return self.lab / "tool"

    def checkout(self, name: str, site: str) -> Path:
        """Make a checkout with a site file, and return its folder."""
        folder = self.lab / name
        folder.mkdir()
        (folder / "site.toml").write_text(site)
        (folder / "prepare.sh").write_text(PREPARE)
        _protect(folder)
        return folder

    def run(self, script: str, folder: Path) -> Ran:
        """Run a script in a folder."""
        python = (sys.base_prefix, sysconfig.get_path("purelib"))
        words = (SURROUNDINGS, "-", self.lab, *python, self.account, folder, script)
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", *map(str, words)],
            check=False,
            env={"PATH": f"{self.lab}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "JOB": str(self.folder), **self.variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            # Without a controlling terminal.
            start_new_session=True,
            timeout=600,
        )
        self.printed.extend((done.stdout, done.stderr))
        return Ran(done.returncode, done.stdout, done.stderr)

    def give_to(self, account: str) -> None:
        """Let an account run the scripts from now on, and give it the folder of the job."""
        self.account = account
        subprocess.run(["chown", "-R", f"{account}:{account}", self.folder], check=True)

    def checkouts(self) -> Mapping[Path, tuple[int, str]]:
        """Return mode and digest of every file outside the job's own folder."""
        return {
            path: (path.lstat().st_mode, sha256(path.read_bytes()).hexdigest())
            for path in self.lab.rglob("*")
            if path.is_file() and not path.is_relative_to(self.folder)
        }


@contextmanager
def pipeline_job(variables: Mapping[str, str]) -> Iterator[Job]:
    """Make the folders of a job, and the commands ``chrony-provision`` and ``inv``."""
    with TemporaryDirectory(prefix="pipeline-") as name:
        lab = Path(name)
        lab.chmod(0o755)
        for folder in ("bin", "python", "packages", "tool"):
            (lab / folder).mkdir()
        job = Job(lab, dict(variables))
        job.folder.mkdir(mode=0o700)
        job.give_to(NAMELESS)
        for part in PRODUCT:
            _copy(ROOT / part, job.tool / part)
        _protect(job.tool)
        _add_command(lab / "bin/chrony-provision", lab, "provision")
        _add_command(lab / "bin/inv", lab, "invoke")
        _refuse_unusable(job)
        yield job


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _protect(folder: Path) -> None:
    """Let everybody read a folder, and nobody write to it."""
    subprocess.run(["chmod", "-R", "a+rX,a-w", folder], check=True)


def _add_command(file: Path, lab: Path, module: str) -> None:
    python = f"{lab}/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    file.write_text(
        # The interpreter may have a library of its own, whose path it knows by its first place alone.
        f"#!/bin/sh\nexport LD_LIBRARY_PATH={lab}/python/lib\n"
        f'PYTHONPATH={lab}/tool:{lab}/packages exec {python} -m {module} "$@"\n'
    )
    file.chmod(0o755)


def _refuse_unusable(job: Job) -> None:
    """Fail if the account cannot run the tool at all: then nothing that follows would tell of the product."""
    ran = job.run("chrony-provision --version; inv --version", job.tool)
    if ran.status != 0:
        pytest.fail(
            f"account {job.account} cannot run the tool with the interpreter of {sys.base_prefix}: {ran.errors}"
        )
