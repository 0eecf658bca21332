"""Nothing that we made is left."""

from dataclasses import dataclass

from provision import remote
from provision.host import Host
from provision.recipe import ROOT
from provision.steps import NoDiff


@dataclass(frozen=True, slots=True)
class Purged(NoDiff):
    """Builds, generations and keys, state and logs, and the account are gone; packages stay."""

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return "builds, generations, keys, state and account removed"

    def look(self) -> str:
        """Print our folder, if it is there, and what we made elsewhere."""
        return f"if [ -e {ROOT} ]; then echo {ROOT}; if [ -e {ROOT}/made ]; then cat {ROOT}/made; fi; fi"

    def drift(self, seen: str) -> str | None:
        """Return what is there."""
        ours = [line.split(" ", 1)[-1] for line in seen.splitlines() if not line.startswith("packages ")]
        return f"there: {', '.join(ours)}" if ours else None

    def apply(self, host: Host) -> None:
        """Remove it."""
        host.run("removing what we made", remote.load("purge", ROOT))
