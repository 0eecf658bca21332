"""Define the steps against other time services: stop them, or refuse a host with a foreign process."""

from dataclasses import dataclass
from typing import ClassVar

from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults, refuse
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import ROOT, SWITCH, UNIT_PATH
from provision.verify.time_services import parse_time_services


@dataclass(frozen=True, slots=True)
class ConflictsStopped(StepDefaults):
    """No other time service runs, starts at boot, or starts with a package's upgrade.

    A switch stops the existing ones just before ours starts; this step is for services that were installed later. Their
    previous state is recorded on the host for uninstall.
    """

    id: ClassVar[str] = "conflicting-services"
    changes_host: ClassVar[bool] = True
    settled_by: ClassVar[frozenset[str]] = frozenset({"active"})
    title: ClassVar[str] = "other time daemons stopped and masked"

    def look(self) -> str:
        """Print our service and the other time services of the host."""
        return look_at_services()

    def drift(self, seen: str) -> str | None:
        """Return the services that run or may start."""
        return "; ".join(map(str, parse_time_services(seen).conflicting)) or None

    def notes(self, seen: str) -> tuple[str, ...]:
        """Return the suspects: processes and files that may set the clock, and are not changed."""
        return parse_time_services(seen).notes

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return the services."""
        return (Change(id="replaces", sign=Sign.WARNING, subject="replaces", text=f"{drift}: stopped and masked"),)

    def apply(self, host: Host) -> None:
        """Record the state of the services, and stop and mask them."""
        host.run("stopping other time daemons", f"{SWITCH} --stop-conflicts")


@dataclass(frozen=True, slots=True)
class NoForeignProcess(StepDefaults):
    """No process has the NTP port or sets the clock, except those of services that a switch stops.

    It is unknown how such a process would be started again, so the administrator has to end it: a deployment refuses
    before it changes anything.
    """

    id: ClassVar[str] = "foreign-processes"
    changes_host: ClassVar[bool] = False
    title: ClassVar[str] = "no other process has the NTP port or steers the clock"

    def look(self) -> str:
        """Print our service and the other time services of the host."""
        return look_at_services()

    def drift(self, seen: str) -> str | None:
        """Return the processes, and the command that ends them."""
        processes = parse_time_services(seen).processes
        if not processes:
            return None
        pids = " ".join(str(process.pid) for process in processes)
        return f"{'; '.join(map(str, processes))}: a deployment refuses until that has ended (kill {pids})"

    def refusal(self, seen: str) -> str | None:
        """Return the processes, and the command that ends them."""
        if (drift := self.drift(seen)) is None:
            return None
        return f"nothing was switched: {drift}"

    def apply(self, host: Host) -> None:
        """Refuse. Raises HostUnready."""
        refuse(self, host)


def look_at_services() -> str:
    """Return the look at our service and the other time services, for systemd describes all in one answer."""
    return scripts.load("look_active", f"{ROOT}/current", UNIT_PATH)
