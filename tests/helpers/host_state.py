"""Read the state of a booted host from outside: files, processes, chronyd, generations, builds."""

import os
import stat
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import login

Files = Mapping[str, tuple[int, int, int]]
"""Path → mode, size, time of the last change of its content in ns."""

RESTART = "systemctl reset-failed chronyd && systemctl restart chronyd"
"""systemd refuses the sixth start within ten seconds, unless it forgets those before."""
OF_THE_SYSTEM = (
    "var/log/",
    "var/lib/systemd/",
    "var/lib/chrony/",
    "var/log",
    "var/lib/systemd",
    "opt/chrony/locks/host",
)
"""What a running Debian, or a running chronyd, writes to by itself; and the lock of a run."""


def find(folder: Path, *patterns: str) -> list[str]:
    """Return the paths below a folder that match a pattern, relative to it; ``*`` matches a slash, too.

    Unlike Path.glob, it does not fail if a folder is removed meanwhile. Links are not followed.
    """
    found = []
    for pattern in patterns:
        fixed = pattern.partition("*")[0].rpartition("/")[0]
        for place, folders, files in os.walk(folder / fixed):
            paths = (os.path.relpath(Path(place, name), folder) for name in (*folders, *files))
            found += [path for path in paths if fnmatchcase(path, pattern)]
    return found


def files_of(host: Sandbox) -> Files:
    """Return every file that the host has beyond its base image, and everything that it deleted from it."""
    upper = host.root.parent / "upper"
    found = {}
    for path in upper.rglob("*"):
        name = str(path.relative_to(upper))
        status = path.lstat()
        if not name.startswith(OF_THE_SYSTEM) and not stat.S_ISDIR(status.st_mode):
            found[name] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


@contextmanager
def arguments_seen() -> Iterator[set[str]]:
    """Collect the command line of every process, here and on the hosts, which share this machine's kernel."""
    seen: set[str] = set()
    enough = threading.Event()

    def look() -> None:
        while not enough.wait(0.05):
            for process in Path("/proc").iterdir():
                # It may have ended meanwhile; what is no process has no command line.
                with suppress(OSError):
                    line = (process / "cmdline").read_bytes() if process.name.isdecimal() else b""
                    seen.add(line.replace(b"\0", b" ").decode(errors="replace"))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        enough.set()
        thread.join()


def give_builds(giver: Sandbox, taker: Sandbox) -> None:
    """Copy the builds of one host to another of the same suite: it need not compile them again."""
    (taker.root / "opt/chrony").mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", giver.root / "opt/chrony/builds", taker.root / "opt/chrony/"], check=True)


def install(host: Sandbox, *packages: str) -> None:
    """Install Debian's packages, as an administrator would."""
    quietly = "DEBIAN_FRONTEND=noninteractive apt-get -y install"
    login(host, f"{{ apt-get update && {quietly} {' '.join(packages)}; }} 2>&1", timeout=600)


def journal(host: Sandbox) -> str:
    """Return every field of every entry of the journal; what is no text is left out."""
    return login(host, "journalctl -o export --no-pager | LC_ALL=C tr -cd '[:print:]\\n'")


def holders(host: Sandbox, text: str) -> list[str]:
    """Return path, mode and owner of each file of a host that holds a text, in any case: ``PATH 0600 root:root``."""
    folders = "/opt /etc /root /home /tmp /var /run /usr/local /dev/shm"
    find = f"find {folders} -type f -print0 2>/dev/null | xargs -0 grep -liaF {text} 2>/dev/null"
    return sorted(login(host, f"{find} | xargs -r stat -c '%n %04a %U:%G'").splitlines())


def start_by_hand(host: Sandbox) -> None:
    """Start the chronyd of the distribution in the place of any other, once that has ended."""
    login(host, "pkill -x chronyd; while pgrep -x chronyd >/dev/null; do sleep 0.1; done; chronyd -x")


def pid(host: Sandbox) -> int:
    """Return the process ID of chronyd, by systemd; 0: it does not run."""
    return int(login(host, "systemctl show --value -p MainPID chronyd.service"))


def current(host: Sandbox) -> str:
    """Return the generation that is current."""
    return (host.root / "opt/chrony/current").readlink().name


def builds(host: Sandbox) -> set[str]:
    """Return the names of all builds, finished or not."""
    return {path.name for path in (host.root / "opt/chrony/builds").glob("*")}


def work_folders(host: Sandbox) -> list[Path]:
    """Return what builds have left behind."""
    return list((host.root / "opt/chrony/work").glob("*"))
