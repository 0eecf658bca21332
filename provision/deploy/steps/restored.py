"""Define the step that restores the time service from before the first deployment."""

from dataclasses import dataclass
from typing import ClassVar

from provision.deploy.steps import StepDefaults
from provision.deploy.steps.firewall import close_firewall
from provision.deploy.steps.links import LINKS
from provision.deploy.switch import signed
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import ROOT, UNIT_PATH


@dataclass(frozen=True, slots=True)
class Restored(StepDefaults):
    """Our service, links and firewall rules are removed, and the previous services are restored."""

    id: ClassVar[str] = "restored"
    changes_host: ClassVar[bool] = True
    title: ClassVar[str] = "time service as it was before the first deployment"

    who: str

    def look(self) -> str:
        """Print our files and links that are in use."""
        return scripts.load("look_restored", ROOT, UNIT_PATH, *LINKS[::2])

    def drift(self, seen: str) -> str | None:
        """Return our files and links that are in use."""
        return f"ours: {' '.join(seen.split())}" if seen.strip() else None

    def apply(self, host: Host) -> None:
        """Remove our service, and restore the previous ones."""
        # With the script of this release, for that on the host may be older or missing.
        host.run(
            "restoring the previous time service", f"export {signed(self.who)}\nset -- --before\n{scripts.switch()}"
        )
        close_firewall(host)
