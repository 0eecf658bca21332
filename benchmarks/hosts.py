"""A fresh host for one contender, and the ways of this bench to it: none of them is measured."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from provision.host.sandbox import sandbox
from provision.host.sandbox.sandbox import Sandbox

SUITE = "bookworm"


class BenchError(Exception):
    """A command ended otherwise than it must; a table without it would say nothing."""


def environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables of what is run: Python may keep what it compiled, as everywhere, or each start is slower."""
    given = {**os.environ, **(env or {})}
    return {name: value for name, value in given.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process took, on this machine."""

    seconds: float
    cpu: float
    """Seconds, its children's among them."""
    megabytes: float
    """The most memory that it, or a child, had at once."""


def measured(
    *command: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    watch: Callable[[int], None] = lambda _: None,
) -> Spent:
    """Run a command and return its time and memory; ``watch`` is called with its process id. Raises BenchError.

    The error has the last lines of its output, which is in the file ``output``.
    """
    with (cwd / "output").open("w+") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=environment(env), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            watch(process.pid)
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        seconds = time.perf_counter() - begun
        # Popen is not to wait for it once more.
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        _check(command[0], process.returncode, output.read())
    return Spent(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)


def _check(program: str | Path, status: int, output: str) -> None:
    if status != 0:
        last = "\n".join(output.splitlines()[-20:])
        raise BenchError(f"{Path(program).name} ended with exit status {status}:\n{last}")


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """Run a command and return what it printed. Raises BenchError with its last lines."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(env),
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    _check(command[0], done.returncode, done.stdout)
    return done.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A booted host, bare but for what its contender's ``prepare`` put there."""

    sandbox: Sandbox
    folder: Path
    """On this machine; it goes with the host."""
    time_source: str
    """The address of an NTP server."""

    @property
    def address(self) -> str:
        """Return its IP address."""
        return self.sandbox.address

    @property
    def known_hosts(self) -> Path:
        """Return a file in the format of known_hosts that has this host alone."""
        return self.folder / "known_hosts"

    def ssh(self, *command: str, stdin: str = "") -> str:
        """Run a command as root and return what it printed."""
        return run("ssh", *self._options, f"root@{self.address}", *command, cwd=self.folder, stdin=stdin)

    def copy(self, *files: Path, to: str) -> None:
        """Copy files of this machine into a folder of the host."""
        self.ssh("mkdir", "-p", to)
        run("scp", *self._options, *files, f"root@{self.address}:{to}", cwd=self.folder)

    @property
    def _options(self) -> tuple[str, ...]:
        return ("-i", str(self.sandbox.key), "-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "BatchMode=yes")


@contextmanager
def fresh_host(name: str) -> Iterator[Host]:
    """Boot a host, wait until it is at rest, and delete it afterwards, whatever happened."""
    _down(name)  # what a bench that was killed left
    try:
        booted = sandbox.up(name, SUITE, say=_discard)
        with TemporaryDirectory(prefix="chrony-bench-") as folder:
            host = Host(sandbox=booted, folder=Path(folder), time_source=sandbox.time_source(say=_discard))
            host.known_hosts.write_text(f"{host.address} {booted.host_key}\n")
            # Exit status 1 is a host on which some unit failed: such as one that wants hardware.
            host.ssh("systemctl is-system-running --wait || true")
            yield host
    finally:
        _down(name)


def _down(name: str) -> None:
    if sandbox.find(name) is not None:
        sandbox.down(name)


def _discard(_: str) -> None:
    """Take a line that nobody wants."""
