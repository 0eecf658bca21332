"""The distribution's chronyd and chronyc, unpacked but not installed, to be run beside whatever runs here."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.waiting import await_true


@dataclass(frozen=True)
class Package:
    """An unpacked chrony package."""

    root: Path

    def chronyc(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.root / "usr/bin/chronyc", *arguments], check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout

    @contextmanager
    def chronyd(self, folder: Path, *lines: str) -> Iterator[Path]:
        """Run a chronyd that leaves the clock alone; gives the socket at which chronyc reaches it."""
        # chronyd refuses a socket in a folder that others may use.
        folder.mkdir(mode=0o700)
        socket = folder / "chronyd.sock"
        common = ("user root", "cmdport 0", f"bindcmdaddress {socket}", f"pidfile {folder}/chronyd.pid")
        conf = folder / "chrony.conf"
        conf.write_text("\n".join((*common, *lines, "")))
        process = subprocess.Popen(
            [self.root / "usr/sbin/chronyd", "-x", "-d", "-U", "-f", conf],
            stdout=subprocess.DEVNULL,
            stderr=(folder / "chronyd.log").open("w"),
        )
        try:
            wait_for(socket, process)
            yield socket
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End chronyd; it misses a signal that comes just before it goes to sleep, and sleeps on."""
    for _ in range(20):
        process.terminate()
        try:
            process.wait(0.5)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()


def wait_for(socket: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until chronyd can be asked; its ports are open by then."""
    await_true(lambda: socket.exists() or process.poll() is not None, "chronyd does not come up")
    if process.poll() is not None:
        pytest.fail(f"chronyd did not start: {(socket.parent / 'chronyd.log').read_text()}")


def fetch(folder: Path) -> Package:
    """Unpack chrony as this machine's apt has it; skip the tests where that is not to be had."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        pytest.skip("needs root on Debian")
    folder.chmod(0o755)
    download = "apt-get -qq download chrony || { apt-get -qq update && apt-get -qq download chrony; }"
    subprocess.run(["sh", "-c", download], cwd=folder, check=True, capture_output=True, timeout=120)
    (package,) = folder.glob("chrony_*.deb")
    root = folder / "root"
    subprocess.run(["dpkg-deb", "-x", package, root], check=True, timeout=60)
    return Package(root)
