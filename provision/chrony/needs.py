"""Find the requirements of a chrony.conf on the unit and the host; those of a directive are in the language's table.

Their sources: chrony.conf(5); the files that chronyd 4.9 opens, in ntp_io_linux.c, refclock_*.c, rtc_linux.c,
tempcomp.c and cmdmon.c; capabilities(7) for the rights. Other directives need nothing beyond the rights of every unit
of ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from provision.chrony.language.table import Needs, table
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
    FOLDER = "folder"
    """A folder with a socket to which chronyd connects, once it needs it."""
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
    SIGND = "Samba's signd"


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


RTC_DEVICE = "/dev/rtc"
"""The default clock of ``rtcfile`` (chrony.conf(5), rtcdevice)."""


@dataclass(frozen=True, slots=True)
class Needed:
    """Hold one line of a chrony.conf that has requirements."""

    need: Need
    argument: str
    """The device, file, folder, interface, port or number in the line."""
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


@cache
def needs() -> tuple[Need, ...]:
    """Return the requirements of all directives, in the order of the table; those of ``refclock`` for each driver."""
    found = []
    for name, row in table().directives.items():
        if row.needs is not None:
            found.append(_need(name, "", row.needs))
        for driver, its in row.drivers.items():
            found.append(_need(name, driver, its.needs))
    return tuple(found)


def _need(name: str, driver: str, row: Needs) -> Need:
    return Need(
        directive=name,
        driver=driver,
        argument=Argument(row.argument),
        capability=row.capability,
        device=row.device,
        address_family=row.address_family,
        memlock=row.memlock,
        scheduling=row.scheduling,
        effect=Effect(row.effect),
    )


def needed(conf: str) -> tuple[Needed, ...]:
    """Return the lines of a chrony.conf that have requirements, in order."""
    lines = [(statement.name, list(statement.arguments)) for statement in statements(conf)]
    rtc = [words[0] for name, words in lines if name == "rtcdevice" and words]
    return tuple(found for name, words in lines for found in _needed(name, words, (rtc or [RTC_DEVICE])[-1]))


def _needed(name: str, words: list[str], rtc: str) -> Iterator[Needed]:
    for need in needs():
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
