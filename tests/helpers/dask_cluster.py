"""Start a Dask scheduler and workers on this machine, each with a home of its own, and read their pages and logs."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urljoin
from urllib.request import urlopen

from tests.helpers.booted_hosts import ROOT

PAGES = (
    *("status", "health", "metrics", "json/index.html", "json/counts.json", "json/identity.json"),
    *("individual-plots.json", "info/main/workers.html", "info/main/logs.html", "info/main/exceptions.html"),
)
"""Where to begin; from there, links lead on."""
DRAWN = ("status", "workers", "tasks", "graph", "events", "exceptions", "profile", "groups", "system", "counters")
# The page "hardware" has the workers measure their disks.
ALL = re.compile(r"http://127\.0\.0\.1:\d+/(?!statics?/|hardware|.*\.(?:css|js|png|svg|ico)\b)")
WORDS = re.compile(r"http://127\.0\.0\.1:\d+/(?:info|json|metrics|health)")
"""Those that are made anew for each reader, in no time; the others draw, and go on with it for a while."""
LINK = re.compile(r"""(?:href|src)=["']([^"'#?]+)""")
SECONDS = 30


@dataclass(slots=True)
class DaskCluster:
    """The processes, by name."""

    folder: Path
    variables: Mapping[str, str]
    """For each of them, beside those that lead to its home."""
    scheme: str = "tcp"
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def _file(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        """The scheduler's."""
        return str(json.loads(self._file.read_text())["address"])

    @property
    def dashboard(self) -> str:
        """The address of the scheduler's pages."""
        return f"http://127.0.0.1:{json.loads(self._file.read_text())['services']['dashboard']}/"

    def home(self, name: str) -> Path:
        """The folder in which a process lives."""
        return self.folder / name

    def start_scheduler(self) -> None:
        """Start it, and return when it listens."""
        words = ("--port=0", "--dashboard-address=127.0.0.1:0", f"--scheduler-file={self._file}")
        self._start("scheduler", *words, f"--protocol={self.scheme}")
        self._await("scheduler", self._is_file_whole)

    def _is_file_whole(self) -> bool:
        """Return whether the scheduler has written its file, which it does not write at once."""
        return self._file.exists() and self._file.read_text().rstrip().endswith("}")

    def start_workers(self, *names: str) -> None:
        """Start them, and return when they are of the cluster."""
        for name in names:
            # One that was killed has left a log.
            (self.home(name) / "output").unlink(missing_ok=True)
            words = (self.address, f"--name={name}", "--nthreads=4", "--no-nanny", "--dashboard-address=127.0.0.1:0")
            self._start("worker", *words, f"--local-directory={self.home(name)}/scratch", name=name)
        for name in names:
            self._await(name, partial(self._is_member, name))

    def _is_member(self, name: str) -> bool:
        return "Registered to" in self.log(name)

    def log(self, name: str) -> str:
        """Return what a process has printed."""
        return (self.home(name) / "output").read_text(errors="replace")

    def _start(self, kind: str, *words: str, name: str = "") -> None:
        home = self.home(name or kind)
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        folders = {f"XDG_{what}_HOME": str(home / what.lower()) for what in ("CACHE", "CONFIG", "STATE")}
        with (home / "output").open("ab") as output:
            self.processes[name or kind] = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--host=127.0.0.1", *words],
                cwd=ROOT,
                env={
                    **os.environ,
                    **folders,
                    "HOME": str(home),
                    "TMPDIR": str(home / "tmp"),
                    "PYTHONPATH": str(ROOT),
                    "DASK_LOGGING__DISTRIBUTED": "debug",
                    **self.variables,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _await(self, name: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not holds():
            assert self.processes[name].poll() is None, self.log(name)
            assert time.monotonic() < deadline, self.log(name)
            time.sleep(0.1)

    def kill(self, name: str) -> None:
        """Kill a process, as the power does."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def end(self) -> None:
        """Kill all that are left."""
        for name in list(self.processes):
            self.kill(name)

    def drawn(self) -> dict[str, bytes]:
        """Return what the pages draw now, which browsers get through a web socket."""
        from bokeh.client import pull_session  # noqa: PLC0415 -- slow to import

        drawn = {}
        scheduler, *workers = self._bases()
        for page in [*(f"{scheduler}{name}" for name in DRAWN), *(f"{worker}status" for worker in workers)]:
            session = pull_session(url=page)
            drawn[f"drawn: {page}"] = str(session.document.to_json()).encode()
            session.close()
        return drawn

    def pages(self, which: re.Pattern[str]) -> dict[str, bytes]:
        """Return the pages and answers that the scheduler and the workers give now, by their addresses."""
        found: dict[str, bytes] = {}
        waiting = [urljoin(base, page) for base in self._bases() for page in PAGES]
        while waiting:
            page = waiting.pop()
            if page in found or not which.match(page):
                continue
            found[page] = _fetched(page)
            waiting += [urljoin(page, link) for link in LINK.findall(found[page].decode(errors="replace"))]
        return {page: said for page, said in found.items() if said}

    def _bases(self) -> list[str]:
        workers = [name for name in self.processes if name != "scheduler"]
        own = [re.findall(r"dashboard at: +(\S+)", self.log(name))[-1] for name in workers]
        return [self.dashboard, *(f"http://{address}/" for address in own)]


def _fetched(page: str) -> bytes:
    # What a page is about may be gone by now.
    with suppress(URLError, OSError), urlopen(page, timeout=10) as opened:  # noqa: S310 -- on this machine
        return bytes(opened.read())
    return b""


@contextmanager
def dask_cluster(folder: Path, *workers: str, scheme: str = "tcp", **variables: str) -> Iterator[DaskCluster]:
    """Have a cluster."""
    one = DaskCluster(folder, variables, scheme)
    with ExitStack() as stack:
        stack.callback(one.end)
        one.start_scheduler()
        one.start_workers(*workers)
        yield one
