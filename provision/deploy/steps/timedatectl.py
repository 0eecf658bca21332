"""Define the step that registers chronyd with timedatectl(1) as the NTP service of the host."""

from dataclasses import dataclass
from shlex import quote
from typing import ClassVar

from provision.common.results import Change
from provision.deploy.steps import StepDefaults, minor
from provision.host.host import Host

NTP_UNITS = "/etc/systemd/ntp-units.d/10-chrony-provision.list"
"""systemd-timedated.service(8): ``set-ntp`` starts the first installed unit in these lists."""
CONTENT = "chronyd.service"


@dataclass(frozen=True, slots=True)
class DeclaredToTimedated(StepDefaults):
    """A list of ours has chronyd.service, before the lists of packages; uninstall removes it."""

    id: ClassVar[str] = "timedatectl"
    changes_host: ClassVar[bool] = True
    title: ClassVar[str] = "chronyd registered with timedatectl"

    def look(self) -> str:
        """Print the content of the list."""
        path = quote(NTP_UNITS)
        return f"if [ -e {path} ]; then cat {path}; else echo missing; fi"

    def drift(self, seen: str) -> str | None:
        """Return whether the list is missing or differs."""
        if seen == "missing":
            return f"missing: {NTP_UNITS}"
        return None if seen == CONTENT else f"{NTP_UNITS} differs"

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return the use of the list."""
        return (minor(self.id, "timedatectl"),)

    def apply(self, host: Host) -> None:
        """Write the list, and make a systemd-timedated that runs read it.

        It reads the lists only when it starts. D-Bus starts it on demand, for a switch for example, and it ends after
        half a minute without a request. A host may lack the unit.
        """
        folder = quote(NTP_UNITS.rpartition("/")[0])
        host.run("making the folder of time services", f"mkdir -p {folder}")
        restart = "systemctl try-restart systemd-timedated.service || true"
        host.write(NTP_UNITS, f"{CONTENT}\n".encode(), mode="0644", then=restart)
