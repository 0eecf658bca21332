"""The usual paths lead to the current generation, where nobody else's file is."""

from dataclasses import dataclass

from provision import remote
from provision.host import Host
from provision.recipe import ROOT
from provision.steps import NoDiff

LINKS = (
    "/usr/local/bin/chronyc",
    f"{ROOT}/current/build/bin/chronyc",
    "/usr/local/sbin/chronyd",
    f"{ROOT}/current/build/sbin/chronyd",
    "/etc/chrony/chrony.conf",
    f"{ROOT}/current/chrony.conf",
    "/etc/chrony/chrony.keys",
    f"{ROOT}/current/chrony.keys",
)
"""Link and target in turn."""


@dataclass(frozen=True, slots=True)
class Links(NoDiff):
    """Symlinks to the current generation; a file of a package or of the administrator stays."""

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return "links in /usr/local and /etc/chrony"

    def look(self) -> str:
        """Print the links that are missing or lead elsewhere in our folder."""
        return remote.load("look_links", ROOT, *LINKS, library="can_write")

    def drift(self, seen: str) -> str | None:
        """Return those to be made."""
        return f"missing: {' '.join(seen.split())}" if seen.strip() else None

    def apply(self, host: Host) -> None:
        """Make them."""
        host.run("making links", remote.load("make_links", ROOT, *LINKS, library="can_write"))
