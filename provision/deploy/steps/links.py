"""Define the step that makes links at the usual paths to the current generation."""

from dataclasses import dataclass
from typing import ClassVar

from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults, minor
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import ROOT

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
AHEAD = "/usr/local/sbin/chronyc"
"""A path that comes before the link to chronyc in root's PATH."""


@dataclass(frozen=True, slots=True)
class Links(StepDefaults):
    """Symlinks to the current generation; a file of a package or of the administrator stays."""

    id: ClassVar[str] = "links"
    changes_host: ClassVar[bool] = True
    title: ClassVar[str] = "links in /usr/local and /etc/chrony"

    replace: bool = False
    """Whether the links replace another chronyc and chronyd in /usr/local."""

    def look(self) -> str:
        """Print the links that are missing or outdated, and other programs at their paths."""
        return scripts.load("look_links", ROOT, AHEAD, *LINKS)

    def drift(self, seen: str) -> str | None:
        """Return the links to be made, and the programs to be replaced."""
        missing, programs = _links_in(seen)
        reasons = []
        if missing:
            reasons.append(f"missing: {' '.join(missing)}")
        if programs and self.replace:
            reasons.append(f"replaces {' '.join(programs)}, kept in {ROOT}/replaced for uninstall")
        return "; ".join(reasons) or None

    def notes(self, seen: str) -> tuple[str, ...]:
        """Return the programs that come before the deployed ones in PATH."""
        _, programs = _links_in(seen)
        if self.replace:
            return ()
        return tuple(
            f"{program} is another program, which PATH finds first: remove it, or say service.replace_programs = true"
            for program in programs
        )

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return how many links are made, and the programs that they replace."""
        missing, programs = _links_in(seen)
        changes = []
        if missing:
            noun = "link"
            if len(missing) > 1:
                noun = "links"
            changes.append(minor(self.id, f"{len(missing)} {noun}"))
        if programs and self.replace:
            text = f"{' '.join(programs)}, kept in {ROOT}/replaced until uninstall"
            changes.append(Change(id="replaced-programs", sign=Sign.WARNING, subject="replaces", text=text))
        return tuple(changes)

    def apply(self, host: Host) -> None:
        """Make the links."""
        replace = "replace" if self.replace else ""
        host.run("making links", scripts.load("make_links", ROOT, replace, AHEAD, *LINKS))


def _links_in(seen: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the links that are missing, and the other programs."""
    lines = seen.splitlines()
    other = "other "
    missing = tuple(line for line in lines if not line.startswith(other))
    return missing, tuple(line.removeprefix(other) for line in lines if line.startswith(other))
