"""The generation is current, and the daemon that runs says that it is of this generation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from shlex import quote

from provision.generation import SWITCH
from provision.host import Host
from provision.steps import NoDiff
from provision.steps.others import look_at_services, others_in

IN_WORDS = {"ActiveState": "daemon", "UnitFileState": "at boot", "NeedDaemonReload": "unit reload"}
"""What the operator calls systemd's properties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Active(NoDiff):
    """A generation runs.

    Restart is decided from what the process says, never from "did this run write a file": a run that broke between
    write and restart loses nothing.
    """

    generation: str
    """Its id."""
    unit_sha256: str
    build: str
    """The build's folder."""
    who: str
    """Who switches, for the host's history."""
    confirm_within: int
    """Seconds after which the host goes back by itself."""
    is_answered: Callable[[], bool] = field(repr=False)
    """Asked when all is ready: whether what runs before the switch answers us, so that what comes has to as well."""

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return f"generation {self.generation} running"

    def look(self) -> str:
        """Print link, unit and process as "name=value" lines, and the other time daemons."""
        return look_at_services()

    def drift(self, seen: str) -> str | None:
        """Return the first thing that differs, and what a switch would stop."""
        said = dict(line.split("=", 1) for line in seen.splitlines() if "|" not in line)
        others = "".join(f"; stops and masks {unit}, which is {active}" for unit, active, _ in others_in(seen))
        for name, value in self._wanted().items():
            if said.get(name) != value:
                return f"{IN_WORDS.get(name, name)} is {said.get(name) or 'nothing'}, not {value}{others}"
        return None

    def apply(self, host: Host) -> None:
        """Let the host's own script switch to the generation, with its way back armed."""
        answered = "CHRONY_PROVISION_ANSWERED=yes " if self.is_answered() else ""
        host.run("switching", f"{signed(self.who)} {answered}{SWITCH} {self.generation} {self.confirm_within}")

    def _wanted(self) -> Mapping[str, str]:
        return {
            "current": f"generations/{self.generation}",
            "unit file": self.unit_sha256,
            "UnitFileState": "enabled",
            "NeedDaemonReload": "no",
            "ActiveState": "active",
            "running generation": self.generation,
            "executable": f"{self.build}/sbin/chronyd",
        }


def signed(who: str) -> str:
    """Return the assignment that tells the host's switch whom to name in its history."""
    return f"CHRONY_PROVISION_WHO={quote(who)}"
