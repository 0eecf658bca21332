"""The generation is current, and the daemon that runs says that it is of this generation."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from provision import remote
from provision.generation import UNIT_PATH, Generation
from provision.host import Host
from provision.recipe import ROOT
from provision.steps import NoDiff

SWITCH = f"{ROOT}/switch"


@dataclass(frozen=True, slots=True)
class Active(NoDiff):
    """A generation runs.

    Restart is decided from what the process says, never from "did this run write a file": a run that broke between
    write and restart loses nothing.
    """

    generation: Generation

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return f"generation {self.generation.id} running"

    def look(self) -> str:
        """Print link, unit and process as "name=value" lines."""
        return remote.load("look_active", f"{ROOT}/current", UNIT_PATH)

    def drift(self, seen: str) -> str | None:
        """Return the first thing that differs."""
        said = dict(line.split("=", 1) for line in seen.splitlines())
        wanted = self._wanted()
        for name, value in wanted.items():
            if said.get(name) != value:
                return f"{name} is {said.get(name) or 'nothing'}, not {value}"
        return None

    def apply(self, host: Host) -> None:
        """Let the host's own script switch to the generation."""
        host.run("switching", f"{SWITCH} {self.generation.id}")

    def _wanted(self) -> Mapping[str, str]:
        generation = self.generation
        return {
            "current": f"generations/{generation.id}",
            "unit file": sha256(generation.unit.encode()).hexdigest(),
            "at boot": "enabled",
            "unit reload": "no",
            "daemon": "active",
            "running generation": generation.id,
            "executable": f"{generation.recipe.prefix}/sbin/chronyd",
        }
