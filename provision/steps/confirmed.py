"""The generation that runs was proven, so that the host does not go back by itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from provision import remote
from provision.errors import CommandFailed, NotConverged
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
    keep: int | None
    """How many generations stay on the host; None: all."""
    confirm_within: int
    """Seconds that there are for it."""
    has_switched: Callable[[], bool] = field(repr=False)
    """Asked when it begins: whether they began in this run."""

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
        if not self.has_switched():
            # A run that was broken has begun it; what is left of its time may be over in the middle of the proof.
            host.run(
                "waiting for longer", f"{signed(self.who)} {SWITCH} --wait {self.generation} {self.confirm_within}"
            )
        broken = [finding for finding in self.prove() if finding.vital and finding.holds is False]
        if broken:
            raise NotConverged(
                f"{host.name}: generation {self.generation} was not confirmed, {self._go_back(host)}: "
                f"{broken[0].claim}: no ({broken[0].seen})"
            )
        confirm = f"{signed(self.who)} {SWITCH} --confirm {self.generation}"
        prune = "" if self.keep is None else remote.load("prune", ROOT, str(self.keep))
        host.run("confirming", f"set -e\n{confirm}\n{prune}")

    def _go_back(self, host: Host) -> str:
        """Go back at once, and say what came of it."""
        try:
            host.run("going back", f"{signed(self.who)} {SWITCH} --back {self.generation}")
        except CommandFailed as error:
            return f"and what ran before did not come up ({error})"
        return "and what ran before runs again"
