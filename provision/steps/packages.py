"""The distribution's packages that a build needs are there; not asked for once the build is."""

from dataclasses import dataclass

from provision import remote
from provision.host import Host
from provision.packages import Manager
from provision.recipe import ROOT
from provision.steps import NoDiff


@dataclass(frozen=True, slots=True)
class Packages(NoDiff):
    """Packages are installed, until the build that needs them is."""

    manager: Manager
    names: tuple[str, ...]
    build: str
    """The folder of the build; when it is finished, nobody needs a compiler."""
    purpose: str = "build with"

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return f"packages to {self.purpose}"

    def look(self) -> str:
        """Print "built", or the packages that are missing."""
        return remote.load("look_packages", self.build, self.manager.query, *self.names)

    def drift(self, seen: str) -> str | None:
        """Return the missing packages."""
        missing = seen.split()
        return f"missing: {' '.join(missing)}" if missing and missing != ["built"] else None

    def apply(self, host: Host) -> None:
        """Install all of them; a failure ends with what no repository offers, and what to do about it."""
        missing = f'missing=$(\n{self.look()}\n)\nset -- {ROOT} "packages $(echo $missing)"\n'
        made = remote.text("made")
        manager = self.manager
        commands = (manager.query, manager.install, manager.refresh, manager.offers)
        install = remote.load("install_packages", *commands, manager.remedy, *self.names)
        host.run("installing packages", f"{missing}{made}\n{install}")
