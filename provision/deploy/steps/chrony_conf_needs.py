"""Define the step that refuses a host without the devices and files that its chrony.conf names."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar

from provision.chrony.needs import Argument, Needed, needed
from provision.deploy.steps import StepDefaults, refuse
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import CREDENTIALS, GENERATION, plain_path

ASKED = {Argument.ADDRESS, Argument.INTERFACE, Argument.DEVICE, Argument.CLOCK, Argument.FILE, Argument.MEMORY}
"""The kinds of arguments that have to be checked on the host."""
WRITABLE = ("/run/chrony/", "/var/lib/chrony/", "/var/log/chrony/")
"""The folders in which the unit lets chronyd create files."""
HIDDEN = ("/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/")  # noqa: S108 -- of the host, and not used
"""The folders that the unit hides from chronyd: ProtectHome=, PrivateTmp= (systemd.exec(5))."""


@dataclass(frozen=True, slots=True)
class NeedsMet(StepDefaults):
    """The devices, files, interfaces and shared memory of a chrony.conf exist, and chronyd's account may use them.

    Checked before the switch, for chronyd does not start without them. Only the administrator can provide them.
    """

    id: ClassVar[str] = "chrony-conf-needs"
    changes_host: ClassVar[bool] = False
    title: ClassVar[str] = "devices and files that chrony.conf names"

    conf: str
    user: str

    def look(self) -> str:
        """Print "STATE KIND NAME" for each named object."""
        asked = [line for line in self._lines() if line.need.argument in ASKED]
        return scripts.load(
            "look_needs", self.user, *(word for line in asked for word in (line.need.argument.value, _name(line)))
        )

    def drift(self, seen: str) -> str | None:
        """Return the missing and the inaccessible objects, each with the remedy."""
        said = dict(line.split(" ", 1)[::-1] for line in seen.splitlines() if " " in line)
        return "; ".join(why for line in self._lines() for why in self._wrong(line, said)) or None

    def refusal(self, seen: str) -> str | None:
        """Return the missing and the inaccessible objects."""
        if (wrong := self.drift(seen)) is None:
            return None
        return f"{wrong}; nothing was switched, and the previous daemon keeps running"

    def apply(self, host: Host) -> None:
        """Refuse. Raises HostUnready."""
        refuse(self, host)

    def _lines(self) -> tuple[Needed, ...]:
        """Return the lines whose needs are checked; the files of the generation, and those of systemd, need none."""
        lines = (line for line in needed(self.conf) if line.argument and not line.optional)
        return tuple(line for line in lines if not line.argument.startswith((f"{GENERATION}/", f"{CREDENTIALS}/")))

    def _wrong(self, line: Needed, said: dict[str, str]) -> Iterator[str]:
        kind = line.need.argument
        if kind is Argument.SOCKET and not plain_path(line.argument).startswith(WRITABLE):
            yield f"{line.text}: chronyd may make a socket in /run/chrony alone: use /run/chrony/NAME.sock"
        if kind in {Argument.FILE, Argument.FOLDER} and line.argument.startswith(HIDDEN):
            yield f"{line.text}: the service cannot see what lies below {_first_folders(line.argument)}"
            return
        state = said.get(f"{line.need.argument} {_name(line)}")
        if state == "missing":
            yield f"{line.text}: {_missing(line)}"
        elif state == "denied":
            yield f"{line.text}: {self._denied(line)}"

    def _denied(self, line: Needed) -> str:
        if line.need.argument is Argument.MEMORY:
            return (
                f"the segment is not open to the account {self.user}: gpsd opens those from 2 on to all; "
                "or use refclock SOCK"
            )
        if line.need.argument is Argument.FILE:
            return f"the account {self.user} may not read it: chgrp {self.user} it and chmod g+r, with its folders"
        device = line.argument.rpartition("/")[2]
        return (
            f"the account {self.user} may not open it: a rule of udev such as "
            f'KERNEL=="{device}", GROUP="{self.user}", MODE="0660" in /etc/udev/rules.d lets it'
        )


def _name(line: Needed) -> str:
    """Return the argument of a line as the host lists it: an IPv6 address as 32 hex digits (/proc/net/if_inet6)."""
    if line.need.argument is not Argument.ADDRESS:
        return line.argument
    with suppress(ValueError):
        return ip_address(line.argument).exploded.replace(":", "")
    return line.argument


def _missing(line: Needed) -> str:
    if line.need.argument is Argument.ADDRESS:
        return "the host has no such address, so that no answer of a source would reach chronyd"
    if line.need.argument is Argument.FILE:
        return "the host has no such file"
    if line.need.argument is Argument.INTERFACE or not line.argument.startswith("/"):
        return "the host has no such interface"
    if line.need.driver:
        return "the host has no such device; with chrony 4.9 the option optional lets chronyd start without"
    return "the host has no such device"


def _first_folders(path: str) -> str:
    return next(folder for folder in HIDDEN if path.startswith(folder)).rstrip("/")
