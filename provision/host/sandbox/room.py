"""Create the surroundings of a sandbox or of the time source: an overlay on a base image, and a network namespace."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from provision.host.sandbox.machine import Say, folder, run, script

NETWORK = IPv4Network("198.19.0.0/16")  # half of the range that RFC 2544 sets aside for tests
GATEWAY = IPv4Address("198.19.0.1")
_TIME_SOURCE = IPv4Address("198.19.0.2")
BRIDGE = "cpsb0"
_LINK = re.compile(r"cpsb([1-9]\d*)")
_TIME_FOLDER = Path("/run/cpsb0.time")
"""A link to the folder of the time source: it is in the cache folder of the run that started it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """An overlay, whose content is in ``folder``, and a network namespace."""

    folder: Path
    netns: str
    address: str

    @property
    def link(self) -> str:
        """Return the name of the interface at the bridge; it may have at most 15 characters."""
        return f"cpsb{int(IPv4Address(self.address)) - int(NETWORK.network_address)}"

    @property
    def mac(self) -> str:
        """Return the Ethernet address. A random one would leave old entries in ARP caches for 30 s after a restart."""
        return f"02:00:{IPv4Address(self.address).packed.hex(':')}"

    def open(self, base: Path) -> None:
        """Mount the overlay on a base image, and connect the namespace to the bridge."""
        cidr = f"{self.address}/{NETWORK.prefixlen}"
        where = str(self.folder)
        script("sandbox_room", str(base), where, self.netns, self.link, self.mac, cidr, BRIDGE, str(GATEWAY))

    def close(self, pid: int | None = None) -> None:
        """End the processes (``pid`` is the nspawn, if it runs) and unmount the overlay, whose content stays.

        Closing a closed room is not an error.
        """
        arguments = [str(self.folder), self.netns]
        if pid is not None:
            arguments.append(str(pid))
        script("sandbox_stop", *arguments)

    def is_busy(self) -> bool:
        """Return whether a process runs in the namespace."""
        return bool(
            run(f"looking into {self.netns}", f"[ ! -e /run/netns/{self.netns} ] || ip netns pids {self.netns}")
        )


def netns_of(name: str) -> str:
    """Return the name of a sandbox's namespace."""
    return f"cpsb-{name}"


def shown_root(command: Sequence[str], name: str) -> str | None:
    """Return the root folder of the sandbox with this name, if this is its command line, of systemd-nspawn or QEMU."""
    if f"--machine={netns_of(name)}" in command:
        roots = [word.removeprefix("--directory=") for word in command if word.startswith("--directory=")]
        return next(iter(roots), None)
    if f"guest={netns_of(name)}" in command and "-pidfile" in command[:-1]:
        # QEMU does not name the root folder; its pidfile is beside it.
        return str(Path(command[command.index("-pidfile") + 1]).with_name("root"))
    return None


def link_number(interface: str) -> int | None:
    """Return the position in the network of the address whose interface has this name; None for other interfaces."""
    match = _LINK.fullmatch(interface)
    if match is None:
        return None
    return int(match[1])


def time_room() -> Room:
    """Return the time source's room; no sandbox can have its namespace, because of the dot in the name."""
    where = folder("time")
    if _TIME_FOLDER.is_symlink():
        where = _TIME_FOLDER.readlink()
    return Room(folder=where, netns="cpsb.time", address=str(_TIME_SOURCE))


def own_time_room() -> Room:
    """Move the time source's room, which is closed, to our cache folder, and return it."""
    _TIME_FOLDER.unlink(missing_ok=True)
    _TIME_FOLDER.symlink_to(folder("time"))
    return time_room()


def lowest_free(taken: Iterable[str]) -> str:
    """Return the lowest free address."""
    used = {str(GATEWAY), str(_TIME_SOURCE), *taken}
    return next(address for address in map(str, NETWORK.hosts()) if address not in used)


def make_network(say: Say) -> None:
    """Create the bridge and the masquerading behind this machine's address, unless they exist."""
    for line in script("sandbox_network", BRIDGE, str(GATEWAY), str(NETWORK)).splitlines():
        say(line)


def remove_network() -> None:
    """Remove the bridge and the masquerading, and restore the setting of IP forwarding."""
    script("sandbox_network_down", BRIDGE)
