"""What sandboxes need of this machine: rights, tools, a folder that two runs do not change at once, and base images."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from shutil import which

from platformdirs import user_cache_path

from provision.errors import CommandFailed, SandboxError
from provision.host import Host
from provision.remote import load
from provision.transport.local import LocalTransport

Say = Callable[[str], None]
"""Called with one line when something begins that takes a while, or that the operator should know."""

_SBIN = "/usr/sbin:/sbin"  # not in the PATH of root after a plain ``su``
_TOOLS = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "nft": "nftables",
    "ssh-keygen": "openssh-client",
}


def check_rights() -> None:
    """Raise SandboxError where no sandbox can be booted."""
    if os.geteuid() != 0 or which("apt-get") is None:
        raise SandboxError(
            "a sandbox is booted with systemd-nspawn, which needs root on Debian: become root, or use a host"
        )


def install_tools(say: Say) -> None:
    """Install the Debian packages of the tools that are not here."""
    path = f"{os.environ.get('PATH', os.defpath)}:{_SBIN}"
    with changing("tools"):
        if missing := [package for tool, package in _TOOLS.items() if which(tool, path=path) is None]:
            say(f"installing {' '.join(missing)} with apt")
            script("sandbox_tools", *missing)


def base_image(suite: str, say: Say) -> Path:
    """Return the root folder of a bare Debian, made at the first call."""
    image = folder("bases") / suite
    with changing(f"bases/{suite}"):
        if not image.exists():
            say(f"making the base image of Debian {suite} with debootstrap (once; about a minute)")
            script("sandbox_base", suite, str(image))
    return image


def folder(name: str) -> Path:
    """Return a folder, or file, of ours on this machine; it need not exist."""
    # By one name, whoever asks: a host is known to run by the folder that its nspawn was given.
    return (user_cache_path("chrony-provision") / name).resolve()


@contextmanager
def changing(what: str) -> Iterator[None]:
    """Keep other runs out while we change something. What the disk refuses is a SandboxError."""
    lock = folder(f"{what}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as file:
            flock(file, LOCK_EX)
            yield
    except OSError as error:
        raise SandboxError(f"{error.filename or lock}: {error.strerror}") from error


def script(name: str, *arguments: str) -> str:
    """Run a script of ``remote/`` on this machine and return what it printed. Raises SandboxError."""
    return run(name.replace("_", " "), load(name, *arguments))


def run(what: str, line: str) -> str:
    """Run a line of sh on this machine and return what it printed. Raises SandboxError, which names ``what``."""
    try:
        return Host(LocalTransport()).run(what, f"PATH=$PATH:{_SBIN}\n{line}")
    except CommandFailed as error:
        raise SandboxError(str(error)) from error
