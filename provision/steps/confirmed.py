"""The generation that runs was proven, so that the host does not go back by itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from provision import remote
from provision.errors import NotConverged
from provision.findings import Finding
from provision.generation import SWITCH
from provision.host import Host
from provision.recipe import ROOT
from provision.steps import NoDiff
from provision.steps.active import signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed(NoDiff):
    """A switch is kept only when the daemon was seen to do its work."""

    generation: str
    """Its id."""
    prove: Callable[[], Sequence[Finding]] = field(repr=False)
    who: str
    keep: int
    """How many generations stay on the host."""

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return f"generation {self.generation} proven and confirmed"

    def look(self) -> str:
        """Print the generation that waits to be confirmed, and that which is current."""
        return remote.load("look_confirmed", ROOT)

    def drift(self, seen: str) -> str | None:
        """Return what waits."""
        said = dict(line.split("=", 1) for line in seen.splitlines())
        if said["current"] != self.generation:
            return "it does not run yet"
        return f"{said['unconfirmed']} waits to be confirmed" if said["unconfirmed"] else None

    def apply(self, host: Host) -> None:
        """Prove what runs, and confirm it, or go back at once. Raises NotConverged."""
        broken = [finding for finding in self.prove() if finding.vital and finding.holds is False]
        if broken:
            host.run("going back", f"{signed(self.who)} {SWITCH} --back")
            first = broken[0]
            raise NotConverged(
                f"{host.name}: generation {self.generation} was not confirmed, and what ran before runs again: "
                f"{first.claim}: no ({first.seen})"
            )
        confirm = f"set -e\n{signed(self.who)} {SWITCH} --confirm {self.generation}\n"
        host.run("confirming", confirm + remote.load("prune", ROOT, str(self.keep)))
