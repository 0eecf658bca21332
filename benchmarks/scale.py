"""A thousand hosts with nothing to do: ``python -m benchmarks.scale``; needs root on Debian, as sandboxes do.

One host is booted; a thousand sshd answer as it does (``scale_hosts``), and what is measured is the control process. It
takes a quarter of an hour. The sshd and the control process share the cores: CPU time is the better measure.
"""

import argparse
import os
import platform
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.booted_fleet import load, say
from benchmarks.contenders import ROOT
from benchmarks.figures import head, line, print_tables
from benchmarks.fleet import cpu_of
from benchmarks.hosts import BenchError, Spent, measured
from benchmarks.scale_hosts import ManyHosts, many_hosts
from provision.fleet.capacity import FILES, OWN_FILES
from tests.helpers.dask_cluster import dask_cluster

MARKS = ("<!-- scale: begin -->", "<!-- scale: end -->")
USUAL = 16
"""The default of --parallel."""
HIGHER = (64, 256, 1000)
"""Values of --parallel with all hosts."""
MOST = 1000
"""The highest value of --parallel, and of --sshd."""
USUAL_FILES = 1024
"""The usual limit of open files (ulimit -n)."""
WORKERS = ("one", "two", "three", "four")
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """What a run took."""

    spent: Spent
    descriptors: int
    threads: int
    load: str
    """Of this machine, before it began."""


class Peaks:
    """The most descriptors and threads that a process has at once, as far as a look ten times a second sees them.

    It counts from the first socket on: before it connects, a run tries whether it may start as many threads as its
    hosts need at the most (``provision.fleet.capacity``), and these are no measure of what the hosts take.
    """

    def __init__(self) -> None:
        self.descriptors = 0
        self.threads = 0
        self._connects = False
        self._over = threading.Event()
        self._looks: threading.Thread | None = None

    def watch(self, process: int) -> None:
        """Begin to look at a process."""
        self._looks = threading.Thread(target=self._look, args=(Path(f"/proc/{process}"),), daemon=True)
        self._looks.start()

    def end(self) -> None:
        """Stop looking."""
        self._over.set()
        if self._looks is not None:
            self._looks.join()

    def _look(self, process: Path) -> None:
        with suppress(FileNotFoundError):
            while not self._over.wait(LOOK_SECONDS):
                self.look(process)

    def look(self, process: Path) -> None:
        """Look once at a process by its folder in /proc. Raises FileNotFoundError if it has ended."""
        self._connects = self._connects or _has_socket(process)
        if self._connects:
            descriptors, threads = (sum(1 for _ in (process / name).iterdir()) for name in ("fd", "task"))
            self.descriptors, self.threads = max(self.descriptors, descriptors), max(self.threads, threads)


def _has_socket(process: Path) -> bool:
    """Return whether a process has a socket. Raises FileNotFoundError if it has ended."""
    for descriptor in (process / "fd").iterdir():
        # One that was closed since is none.
        with suppress(FileNotFoundError):
            if str(descriptor.readlink()).startswith("socket:"):
                return True
    return False


def deploy(hosts: ManyHosts, number: int, *options: str, files: int = 0) -> Run:
    """Deploy to the first so many hosts. Raises BenchError unless all of them are ok and unchanged.

    ``files``: the limit of open files of the process; 0: that of this one.
    """
    before, peaks = load(), Peaks()
    limit = ("prlimit", f"--nofile={files}") if files else ()
    inv = Path(sys.executable).with_name("inv")
    words = (*limit, inv, "--search-root", ROOT, "deploy", hosts.site(number), *options)
    env = {**hosts.operator.environment, "PYTHONPATH": str(ROOT)}
    try:
        spent = measured(*words, cwd=hosts.operator.home, env=env, watch=peaks.watch)
    finally:
        peaks.end()
    output = (hosts.operator.home / "output").read_text()
    if output.count("  ok, nothing changed (3 round trips, ") != number:
        raise BenchError(f"not every host was ok and unchanged after 3 round trips:\n{output[-2000:]}")
    run = Run(spent, peaks.descriptors, peaks.threads, before)
    say(f"  {number} hosts {' '.join(options)}: {spent.seconds:.1f} s, CPU {spent.cpu:.1f} s; load before {before}")
    return run


def alone(hosts: ManyHosts, sizes: Sequence[int]) -> Iterator[str]:
    """Measure the control process that does all the work; yield the rows of a table."""
    columns = ("wall time, s", "CPU time, s", "CPU time of a host, s", "peak memory, MB", "descriptors", "threads")
    yield head("nothing to do", *columns, "load before")
    first = deploy(hosts, 1)
    many = sizes[-1]
    for number, parallel in (*((one, USUAL) for one in sizes), *((many, one) for one in HIGHER if one <= many)):
        run = first
        if number > 1:
            run = deploy(hosts, number, f"--parallel={parallel}")
        yield line(f"{_hosts(number)}, --parallel {parallel}", *_cells(run, first, number), run.load)


def _cells(run: Run, first: Run, number: int) -> Iterator[str]:
    yield f"{run.spent.seconds:.1f}"
    yield f"{run.spent.cpu:.2f}"
    yield f"{(run.spent.cpu - first.spent.cpu) / (number - 1):.3f}" if number > 1 else "-"
    yield f"{run.spent.megabytes:.0f}"
    yield str(run.descriptors)
    yield str(run.threads)


def handed_over(hosts: ManyHosts, sizes: Sequence[int]) -> Iterator[str]:
    """Measure the control process when workers of a cluster do the work; yield the rows of a table."""
    columns = ("wall time, s", "CPU time, s", "CPU time of the cluster, s", "peak memory, MB", "descriptors", "threads")
    yield head(f"nothing to do, {len(WORKERS)} workers", *columns, "load before")
    folder = hosts.operator.home / "cluster"
    with dask_cluster(folder, DASK_LOGGING__DISTRIBUTED="info") as workers:
        for name in WORKERS:
            shutil.copytree(hosts.operator.known_hosts.parent, workers.home(name) / ".ssh")
        workers.start_workers(*WORKERS)
        for number in sizes:
            before = cpu_of(workers)
            run = deploy(hosts, number, "--scheduler", workers.address)
            theirs = f"{cpu_of(workers) - before:.2f}"
            wall, ours, _, *rest = _cells(run, run, number)
            yield line(_hosts(number), wall, ours, theirs, *rest, run.load)


def limited(hosts: ManyHosts, number: int) -> Iterator[str]:
    """Deploy with the usual limit of open files, which cannot be raised; yield what was seen, and what is refused."""
    fit = (USUAL_FILES - OWN_FILES) // FILES
    if number >= fit:
        run = deploy(hosts, number, f"--parallel={fit}", files=USUAL_FILES)
        yield f"With {USUAL_FILES:,} open files, `--parallel {fit}` had {run.descriptors} of them open at once.\n"
    try:
        deploy(hosts, number, f"--parallel={number}", files=USUAL_FILES)
    except BenchError as error:
        yield f"`--parallel {number}` ended so:\n\n```\n{error}\n```"


def _hosts(number: int) -> str:
    return f"{number:,} {'host' if number == 1 else 'hosts'}"


def _told(row: str) -> str:
    """Return a row of a table, after it was shown: a later failure is not to cost it."""
    say(row)
    return row


def measure(most: int) -> str:
    """Measure, and return the tables."""
    sizes = [1, *(size for size in (10, 100) if size < most), most]
    begun = load()
    with many_hosts(most) as hosts:
        texts = [
            "\n".join(map(_told, alone(hosts, sizes))),
            "\n".join(map(_told, handed_over(hosts, sizes))),
            "\n".join(limited(hosts, most)),
        ]
    return "\n\n".join((_circumstances(begun), *texts))


def _circumstances(begun: str) -> str:
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: one run each. Machine: {os.cpu_count()} cores "
        f"({platform.machine()}), Linux {platform.release()},\nPython {platform.python_version()}; the sshd run on the "
        f"same cores; load before it began: {begun}."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sshd", type=int, default=MOST, help="how many sshd answer (default and most: %(default)s)")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="also put the tables between their marks in this file"
    )
    options = parser.parse_args(arguments)
    if not 2 <= options.sshd <= MOST:
        parser.error(f"--sshd: {options.sshd} is not between 2 and {MOST}")
    return print_tables(lambda: measure(options.sshd), options.write, MARKS)


if __name__ == "__main__":
    sys.exit(main())
