"""The distribution's packages that a build needs are there; not asked for once the build is."""

from dataclasses import dataclass

from provision import remote
from provision.host import Host
from provision.packages import Manager, install_script
from provision.steps import NoDiff


@dataclass(frozen=True, slots=True)
class Packages(NoDiff):
    """Packages are installed, until the build that needs them is."""

    manager: Manager
    names: tuple[str, ...]
    build: str
    """The folder of the build; when it is finished, nobody needs a compiler."""

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return "packages to build with"

    def look(self) -> str:
        """Print "built", or the packages that are missing."""
        return remote.load("look_packages", self.build, self.manager.query, *self.names)

    def drift(self, seen: str) -> str | None:
        """Return the missing packages."""
        missing = seen.split()
        return f"missing: {' '.join(missing)}" if missing and missing != ["built"] else None

    def apply(self, host: Host) -> None:
        """Install all of them: those that are there cost nothing."""
        host.run("installing packages", install_script(self.manager, self.names))
