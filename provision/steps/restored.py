"""What kept time before the first deployment does it again."""

from dataclasses import dataclass

from provision import remote
from provision.generation import UNIT_PATH
from provision.host import Host
from provision.recipe import ROOT
from provision.steps import NoDiff
from provision.steps.active import signed
from provision.steps.firewall import close_firewall
from provision.steps.links import LINKS


@dataclass(frozen=True, slots=True)
class Restored(NoDiff):
    """Nothing of ours is in charge; the services are as they were."""

    who: str

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return "time service as it was before the first deployment"

    def look(self) -> str:
        """Print what of ours is in charge."""
        return remote.load("look_restored", ROOT, UNIT_PATH, *LINKS[::2])

    def drift(self, seen: str) -> str | None:
        """Return what is in charge."""
        return f"ours: {' '.join(seen.split())}" if seen.strip() else None

    def apply(self, host: Host) -> None:
        """Take it away and put back what was there."""
        # Our own text: the host's may be that of an older release, or gone.
        host.run("putting back what was there", f"export {signed(self.who)}\nset -- --before\n{remote.switch()}")
        close_firewall(host)
