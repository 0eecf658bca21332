"""Prepare this machine for sandboxes: privileges, tools, locked folders and base images."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from provision.common.errors import CommandFailed, SandboxError
from provision.common.files.account import cache_folder
from provision.common.files.lock import locked
from provision.host.host import Host
from provision.host.scripts import load
from provision.host.transport.local import LocalTransport

Say = Callable[[str], None]
"""Called with one line before each action that takes long or that the operator should know of."""

_SBIN = "/usr/sbin:/sbin"  # not in the PATH of root after a plain ``su``
_TOOLS = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "nft": "nftables",
    "ssh-keygen": "openssh-client",
}


def check_rights() -> None:
    """Raise SandboxError if this machine cannot boot sandboxes."""
    if not has_rights():
        raise SandboxError(
            "a sandbox is booted with systemd-nspawn, which needs root on Debian: become root, or use a host"
        )


def has_rights() -> bool:
    """Return whether this account may boot sandboxes: it is root, and the machine is a Debian."""
    return os.geteuid() == 0 and which("apt-get") is not None


def missing_tools() -> list[str]:
    """Return the Debian packages that this machine lacks to boot sandboxes."""
    return missing_packages(_TOOLS)


def install_tools(say: Say) -> None:
    """Install the Debian packages of the missing tools."""
    if not missing_tools():
        return
    with changing_machine("tools"):
        if missing := missing_tools():
            say(f"installing {' '.join(missing)} with apt")
            script("sandbox_tools", *missing)


def missing_packages(tools: Mapping[str, str]) -> list[str]:
    """Return the Debian packages, by tool in ``tools``, whose tool this machine does not have."""
    path = f"{os.environ.get('PATH', os.defpath)}:{_SBIN}"
    return [package for tool, package in tools.items() if which(tool, path=path) is None]


def has_base_image(suite: str) -> bool:
    """Return whether the base image of a suite was made."""
    return (folder("bases") / suite).exists()


def base_image(suite: str, say: Say, *, user_qemu: str = "") -> Path:
    """Return the root folder of a minimal Debian, created at the first call.

    ``suite``: a release, or a release and Debian's name of another architecture, ``bookworm-i386``. ``user_qemu``: the
    name under which qemu-user-static runs its programs, if this machine's processor does not.
    """
    image = folder("bases") / suite
    with changing(f"bases/{suite}"):
        if not image.exists():
            tool, duration = "debootstrap", "about a minute"
            if user_qemu:
                tool, duration = "mmdebstrap", "some minutes"
            say(f"making the base image of Debian {suite} with {tool} (once; {duration})")
            release, _, architecture = suite.partition("-")
            script("sandbox_base", release, str(image), architecture, user_qemu)
    return image


def folder(name: str) -> Path:
    """Return the path of a file or folder in our cache folder; it need not exist."""
    # Always the resolved path, for a running sandbox is recognised by the folder in the arguments of its nspawn.
    return (cache_folder() / name).resolve()


@contextmanager
def changing(what: str) -> Iterator[None]:
    """Lock a part of the cache folder against other runs. Converts OSError to SandboxError."""
    with _holding(folder(f"{what}.lock")):
        yield


@contextmanager
def changing_machine(what: str) -> Iterator[None]:
    """Lock a part of this machine against other runs, of whichever home folder. Converts OSError to SandboxError."""
    # Everybody can write to /run/lock, and so make a file there first.
    with _holding(Path(f"/run/cpsb0.{what}.lock")):
        yield


@contextmanager
def _holding(lock: Path) -> Iterator[None]:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        # Tests of several checkouts share it by symbolic links.
        with locked(lock):
            yield
    except OSError as error:
        raise SandboxError(f"{error.filename or lock}: {error.strerror}") from error


def script(name: str, *arguments: str) -> str:
    """Run a script of ``scripts/`` on this machine and return its output. Raises SandboxError."""
    return run(name.replace("_", " "), load(name, *arguments))


def run(what: str, line: str) -> str:
    """Run a line of sh on this machine and return its output. Raises SandboxError, which names the action ``what``."""
    try:
        return Host(LocalTransport()).run(what, f"PATH=$PATH:{_SBIN}\n{line}")
    except CommandFailed as error:
        raise SandboxError(str(error)) from error
