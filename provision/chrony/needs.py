"""List the requirements of chrony.conf directives on the unit and the host, one row for each directive.

Sources: chrony.conf(5); the files that chronyd 4.9 opens, in ntp_io_linux.c, refclock_*.c, rtc_linux.c, tempcomp.c and
cmdmon.c; capabilities(7) for the rights. A directive without a row needs nothing beyond the rights of every unit of
ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from provision.chrony.statement import statements

PRIVILEGED_PORTS = 1024
"""Ports below this number require CAP_NET_BIND_SERVICE (capabilities(7))."""
BIND_PORT = "CAP_NET_BIND_SERVICE"


class Argument(StrEnum):
    """Name the kind of host resource in the argument of a directive."""

    NONE = "none"
    ADDRESS = "address"
    """An address of the host itself."""
    INTERFACE = "interface"
    """A network interface, or ``*``."""
    PORT = "port"
    DEVICE = "device"
    """A device that chronyd reads and writes, or the path of one after a refclock's driver."""
    CLOCK = "clock"
    """A device that chronyd reads, or the interface with this clock (PHC, chrony 4.7)."""
    FILE = "file"
    """A file that chronyd reads."""
    SOCKET = "socket"
    """A socket that chronyd creates (refclock_sock.c)."""
    MEMORY = "memory"
    """A shared memory segment, by its number (refclock_shm.c)."""


class Effect(StrEnum):
    """Name the evidence on the host that a directive took effect; provision/verify/checks/directives.py reads it."""

    NONE = ""
    LOCKED = "locked memory"
    REALTIME = "real-time priority"
    TIMESTAMPS = "hardware timestamps"
    REFCLOCKS = "reference clocks"
    RTC = "real-time clock"
    BOUND = "bound sockets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Hold the requirements of one directive: a row of the table."""

    directive: str
    driver: str = ""
    """The driver of a refclock."""
    argument: Argument = Argument.NONE
    capability: str = ""
    device: str = ""
    """A class of devices, as in DeviceAllow=."""
    address_family: str = ""
    memlock: bool = False
    """Whether it locks memory without a limit (LimitMEMLOCK=)."""
    scheduling: bool = False
    """Whether it sets a real-time priority (RestrictRealtime=)."""
    effect: Effect = Effect.NONE


NEEDS = (
    # getifaddrs(3) uses netlink to list the interfaces; the clock of a network card is a device.
    Need(
        directive="hwtimestamp",
        argument=Argument.INTERFACE,
        capability="CAP_NET_ADMIN",
        device="char-ptp",
        address_family="AF_NETLINK",
        effect=Effect.TIMESTAMPS,
    ),
    Need(directive="lock_all", capability="CAP_IPC_LOCK", memlock=True, effect=Effect.LOCKED),
    Need(directive="sched_priority", capability="CAP_SYS_NICE", scheduling=True, effect=Effect.REALTIME),
    Need(directive="binddevice", argument=Argument.INTERFACE, capability="CAP_NET_RAW", effect=Effect.BOUND),
    Need(directive="bindacqdevice", argument=Argument.INTERFACE, capability="CAP_NET_RAW", effect=Effect.BOUND),
    Need(directive="bindcmddevice", argument=Argument.INTERFACE, capability="CAP_NET_RAW"),
    # chronyd can be bound to an address that the host does not have (IP_FREEBIND), but receives no answers at it.
    # There is no row for bindaddress: a virtual address may come to the host later.
    Need(directive="bindacqaddress", argument=Argument.ADDRESS),
    Need(directive="acquisitionport", argument=Argument.PORT, capability=BIND_PORT),
    Need(directive="ptpport", argument=Argument.PORT, capability=BIND_PORT),
    Need(directive="ntsport", argument=Argument.PORT, capability=BIND_PORT),
    Need(directive="cmdport", argument=Argument.PORT, capability=BIND_PORT),
    # They open the command port to other hosts; it is 323 unless cmdport sets another one.
    Need(directive="cmdallow", capability=BIND_PORT),
    Need(directive="opencommands", capability=BIND_PORT),
    Need(directive="refclock", driver="PPS", argument=Argument.DEVICE, device="char-pps", effect=Effect.REFCLOCKS),
    Need(directive="refclock", driver="PHC", argument=Argument.CLOCK, device="char-ptp", effect=Effect.REFCLOCKS),
    Need(directive="refclock", driver="RTC", argument=Argument.CLOCK, device="char-rtc", effect=Effect.REFCLOCKS),
    Need(directive="refclock", driver="SOCK", argument=Argument.SOCKET, effect=Effect.REFCLOCKS),
    Need(directive="refclock", driver="SHM", argument=Argument.MEMORY, effect=Effect.REFCLOCKS),
    Need(directive="rtcfile", argument=Argument.DEVICE, device="char-rtc", effect=Effect.RTC),
    Need(directive="rtcautotrim", device="char-rtc"),
    Need(directive="rtcdevice", device="char-rtc"),
    Need(directive="hwclockfile", argument=Argument.FILE),
    Need(directive="tempcomp", argument=Argument.FILE),
    Need(directive="leapseclist", argument=Argument.FILE),
    Need(directive="ntsservercert", argument=Argument.FILE),
    Need(directive="ntsserverkey", argument=Argument.FILE),
    Need(directive="ntstrustedcerts", argument=Argument.FILE),
)
RTC_DEVICE = "/dev/rtc"
"""The default clock of ``rtcfile`` (chrony.conf(5), rtcdevice)."""


@dataclass(frozen=True, slots=True)
class Needed:
    """Hold one line of a chrony.conf that has requirements."""

    need: Need
    argument: str
    """The device, file, interface, port or number in the line."""
    optional: bool = False
    """Whether chronyd starts without the resource (chrony 4.9, refclock, optional)."""

    @property
    def text(self) -> str:
        """Return the beginning of the line."""
        return " ".join(word for word in (self.need.directive, self.need.driver, self.argument) if word)

    @property
    def capability(self) -> str:
        """Return the required capability, or an empty string."""
        if self.need.argument is Argument.PORT and not _is_privileged(self.argument):
            return ""
        return self.need.capability


def needed(conf: str) -> tuple[Needed, ...]:
    """Return the lines of a chrony.conf that have requirements, in order."""
    lines = [(statement.name, list(statement.arguments)) for statement in statements(conf)]
    rtc = [words[0] for name, words in lines if name == "rtcdevice" and words]
    return tuple(found for name, words in lines for found in _needed(name, words, (rtc or [RTC_DEVICE])[-1]))


def _needed(name: str, words: list[str], rtc: str) -> Iterator[Needed]:
    for need in NEEDS:
        if need.directive != name or (need.driver and words[:1] != [need.driver]):
            continue
        optional = bool(need.driver) and "optional" in map(str.lower, words)
        yield Needed(_opened(need, words), _argument(need, words, rtc), optional=optional)


def _opened(need: Need, words: list[str]) -> Need:
    """Return the row, for a device that is also written to: a PHC with ``extpps`` (refclock_phc.c)."""
    device, *driver_options = "".join(words[1:2]).split(":")
    if need.driver == "PHC" and device.startswith("/") and "extpps" in driver_options:
        return replace(need, argument=Argument.DEVICE)
    return need


def _argument(need: Need, words: list[str], rtc: str) -> str:
    if need.directive == "rtcfile":
        # The argument is a file of chronyd itself; rtcdevice names the clock.
        return rtc
    first, second, *_ = [*words, "", ""]
    if need.directive == "ntstrustedcerts" and second:
        # The first word is the number of a set of certificates.
        return second
    if need.driver:
        # refclock.c: driver options follow the parameter, separated by colons.
        return second.partition(":")[0]
    return first


def _is_privileged(port: str) -> bool:
    return port.isdecimal() and 0 < int(port) < PRIVILEGED_PORTS
