"""Find what the sandboxes of other cache folders use of this machine.

Each account, HOME and XDG_CACHE_HOME has its own cache folder with its own sandboxes. Namespaces, interfaces and
addresses belong to the machine.
"""

import re
from ipaddress import IPv4Address
from pathlib import Path

from provision.host.sandbox.room import NETWORK, link_number, netns_of, shown_root, time_room

INTERFACES = Path("/sys/class/net")
NAMESPACES = Path("/run/netns")
"""One file for each network namespace that has a name; see ip-netns(8)."""
MOUNTS = Path("/proc/self/mounts")
OCTAL = re.compile(r"\\([0-7]{3})")
"""Blanks, tabs and backslashes in a path of this file (fstab(5))."""


def linked_addresses() -> frozenset[str]:
    """Return the addresses whose interfaces are at the bridge, of all cache folders."""
    numbers = (link_number(interface.name) for interface in INTERFACES.iterdir())
    return frozenset(str(IPv4Address(int(NETWORK.network_address) + number)) for number in numbers if number)


def are_left() -> bool:
    """Return whether the bridge is needed: whether a namespace other than the time source's is left."""
    time = time_room().netns
    return any(namespace.name != time for namespace in NAMESPACES.glob("cpsb*"))


def holder(name: str, root: Path) -> str:
    """Return a description of the sandbox of another cache folder that has this name; empty if there is none.

    ``root`` is the root folder that our own sandbox with this name has, or would have.
    """
    if not (NAMESPACES / netns_of(name)).exists():
        return ""
    if (running := _running(name)) is not None:
        pid, theirs = running
        if theirs == str(root):
            return ""
        return f"a sandbox {name} of another folder runs (pid {pid}, {Path(theirs).parent})"
    # The root is mounted before the namespace is created, and unmounted after it is deleted.
    if str(root) in _mount_points():
        return ""
    return f"a sandbox {name} of another folder is stopped ({_mounted(name)})"


def _running(name: str) -> tuple[int, str] | None:
    """Return the process ID of a sandbox and its root folder; None if it does not run."""
    for process in Path("/proc").glob("[0-9]*"):
        if (root := shown_root(command_of(process), name)) is not None:
            return int(process.name), root
    return None


def command_of(process: Path) -> list[str]:
    """Return the command line of a process, which has this folder in /proc; empty if it has ended."""
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _mounted(name: str) -> str:
    """Return the folder of a stopped sandbox, or how to remove what is left of one."""
    end = f"/sandboxes/{name}/root"
    found = [point for point in _mount_points() if point.endswith(end)]
    if not found:
        return f"its folder is unknown; ip netns delete {netns_of(name)} removes it"
    return str(Path(found[0]).parent)


def _mount_points() -> list[str]:
    """Return the folders at which something is mounted.

    Path.is_mount compares devices, and so it does not see a folder of the same file system, as a virtual machine has.
    """
    points = (line.split()[1] for line in MOUNTS.read_text().splitlines())
    return [OCTAL.sub(lambda found: chr(int(found[1], 8)), point) for point in points]
