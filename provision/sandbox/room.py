"""Where a sandbox, or the time source, lives: an overlay on a base image, and a network namespace on a bridge."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from provision.sandbox.machine import Say, folder, run, script

_NETWORK = IPv4Network("198.19.0.0/16")  # half of the range that RFC 2544 sets aside for tests
_GATEWAY = IPv4Address("198.19.0.1")
_TIME_SOURCE = IPv4Address("198.19.0.2")
_BRIDGE = "cpsb0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """An overlay, whose content lies in ``folder``, and a network namespace."""

    folder: Path
    netns: str
    address: str

    @property
    def link(self) -> str:
        """Return the end of the cable at the bridge; an interface's name has at most 15 characters."""
        return f"cpsb{int(IPv4Address(self.address)) - int(_NETWORK.network_address)}"

    @property
    def mac(self) -> str:
        """Return the Ethernet address; with a random one, neighbours would miss a new host for 30 s (ARP)."""
        return f"02:00:{IPv4Address(self.address).packed.hex(':')}"

    def open(self, base: Path) -> None:
        """Mount the overlay on a base image, and connect the namespace to the bridge."""
        cidr = f"{self.address}/{_NETWORK.prefixlen}"
        where = str(self.folder)
        script("sandbox_room", str(base), where, self.netns, self.link, self.mac, cidr, _BRIDGE, str(_GATEWAY))

    def close(self, pid: int | None = None) -> None:
        """End what runs here (``pid`` is the nspawn, if it runs) and unmount; the overlay's content stays.

        Nothing to do is not an error.
        """
        script("sandbox_stop", str(self.folder), self.netns, self.link, *([] if pid is None else [str(pid)]))

    def is_busy(self) -> bool:
        """Tell whether a process runs in the namespace."""
        return bool(
            run(f"looking into {self.netns}", f"[ ! -e /run/netns/{self.netns} ] || ip netns pids {self.netns}")
        )


def time_room() -> Room:
    """Return the time source's room; no host can have its namespace, for the dot."""
    return Room(folder=folder("time"), netns="cpsb.time", address=str(_TIME_SOURCE))


def lowest_free(taken: Iterable[str]) -> str:
    """Return the lowest address that nobody has."""
    used = {str(_GATEWAY), str(_TIME_SOURCE), *taken}
    return next(address for address in map(str, _NETWORK.hosts()) if address not in used)


def make_network(say: Say) -> None:
    """Make the bridge, and the way out through this machine's address, unless they are there."""
    for line in script("sandbox_network", _BRIDGE, str(_GATEWAY), str(_NETWORK)).splitlines():
        say(line)


def remove_network() -> None:
    """Take the bridge and the way out away, and forward packets only if this machine did before."""
    script("sandbox_network_down", _BRIDGE)
