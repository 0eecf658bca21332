"""Boot a fresh sandbox, log in to it, and run ``inv`` as a user does."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from provision.host.sandbox import sandbox
from provision.host.sandbox.machine import changing
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.waiting import await_true

ROOT = Path(__file__).parents[2]


def need_root() -> None:
    """Skip where no host can be booted; in CI that is a failure, for there these tests are the point."""
    if os.geteuid() == 0 and shutil.which("apt-get") is not None:
        return
    reason = "boots hosts: needs root on Debian"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def booted(name: str, suite: str = "bookworm") -> Iterator[Sandbox]:
    """Boot a host that nobody has touched, and delete it afterwards; wait while other tests have one of that name.

    It is a virtual machine if this machine's processor cannot run the programs of the suite.
    """
    need_root()
    ahead = None if suite in sandbox.SUITES else timedelta()
    # Where two workers run tests of one file, one would delete the host that the other copies to a disk.
    with changing(f"tests/{name}"):
        if sandbox.find(name) is not None:
            sandbox.down(name)
        try:
            yield sandbox.up(name, suite, ahead=ahead, say=print)
        finally:
            if sandbox.find(name) is not None:
                sandbox.down(name)


def reboot(host: Sandbox) -> None:
    """Shut a host down and boot it again."""
    login(host, "systemctl poweroff --no-block")
    await_true(lambda: sandbox.pid_of(host) is None, "it does not shut down")
    assert sandbox.up(host.name, host.suite, say=print) == host


def login(host: Sandbox, script: str, *, timeout: float = 120) -> str:
    """Run a script on a host as root, as an admin would, and return what it printed."""
    words = ["ssh", *_ssh_options(host), f"root@{host.address}", script]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise AssertionError(f"{host.name}: exit status {done.returncode}: {script}\n{done.stdout}{done.stderr}")
    return done.stdout


def copy_to(host: Sandbox, file: Path, to: str) -> None:
    """Copy a file to a host as root."""
    words = ["scp", "-q", *_ssh_options(host), str(file), f"root@{host.address}:{to}"]
    subprocess.run(words, check=True, timeout=120)


def _ssh_options(host: Sandbox) -> list[str]:
    options = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
    return ["-i", str(host.key), *(word for option in options for word in ("-o", option))]


@contextmanager
def changed(path: Path, text: str) -> Iterator[None]:
    """Change a file of a host for a while; its owner and mode stay."""
    before = path.read_text()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(before)


def inv(
    *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run ``inv`` in the repository, as its user does; ``env`` is added to the environment of the tests.

    Give XDG_CONFIG_HOME and XDG_STATE_HOME, or it reads and writes the keys and the logs of whoever runs the tests.
    """
    return subprocess.run(
        [sys.executable, "-m", "invoke", *arguments],
        check=False,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def assert_nowhere(secret: str, *where: str | Path) -> None:
    """Assert that a secret stands in none of the texts, nor in any file below the paths."""
    for place in where:
        for text in _texts(place):
            # Not "assert secret not in text": pytest would print both.
            found = secret.lower() in text.lower()
            assert not found, f"the secret stands in {place if isinstance(place, Path) else 'a text'}"


def _texts(place: str | Path) -> Iterator[str]:
    if isinstance(place, str):
        yield place
        return
    files = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
    for file in files:
        yield file.read_text(errors="replace")
