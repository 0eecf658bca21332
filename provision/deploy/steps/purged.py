"""Define the step that removes everything that this tool has created on a host."""

from dataclasses import dataclass
from typing import ClassVar

from provision.deploy.steps import StepDefaults
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import ROOT


@dataclass(frozen=True, slots=True)
class Purged(StepDefaults):
    """Builds, generations, keys, state, logs and the account are removed; packages stay."""

    id: ClassVar[str] = "purged"
    changes_host: ClassVar[bool] = True
    title: ClassVar[str] = "builds, generations, keys, state and account removed"

    def look(self) -> str:
        """Print our folder, unless it is empty, and everything that we made outside of it."""
        return scripts.load("look_purged", ROOT)

    def drift(self, seen: str) -> str | None:
        """Return the remaining objects."""
        lines = [line for line in seen.splitlines() if not line.startswith("packages ")]
        # A folder that was removed and made again is noted twice.
        ours = dict.fromkeys(line.split(" ", 1)[-1] for line in lines)
        return f"there: {', '.join(ours)}" if ours else None

    def apply(self, host: Host) -> None:
        """Remove them."""
        host.run("removing all files of this tool", scripts.load("purge", ROOT))
