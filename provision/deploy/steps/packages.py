"""Define the step that installs the distribution's packages for a build."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults
from provision.host import scripts
from provision.host.host import Host
from provision.host.packages.manager import Manager
from provision.host.paths import ROOT


class Purpose(StrEnum):
    """The use that packages are installed for."""

    BUILD = "build"
    RUN = "run"
    COUNT = "count"
    """To count the answers for each key."""


@dataclass(frozen=True, slots=True)
class Packages(StepDefaults):
    """The packages are installed, unless the build exists already."""

    changes_host: ClassVar[bool] = True

    manager: Manager
    names: tuple[str, ...]
    build: str
    """The folder of the build; a finished build needs no further packages. Empty: they are needed in any case."""
    purpose: Purpose = Purpose.BUILD
    later: Callable[[], tuple[str, ...]] = tuple
    """Returns further names, of packages that are known only when the artifact is made."""

    @property
    def id(self) -> str:
        """Return an id for each purpose, for a host may need several, one after the other."""
        return f"{self.purpose}-packages"

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"packages to {self.purpose} with"

    def look(self) -> str:
        """Print "built", or the missing packages."""
        return scripts.load("look_packages", self.build, self.manager.query, *self.names, *self.later())

    def drift(self, seen: str) -> str | None:
        """Return the missing packages."""
        missing = seen.split()
        if not missing or missing == ["built"]:
            return None
        return f"missing: {' '.join(missing)}"

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return the names of the missing packages."""
        return (Change(id="packages", sign=Sign.NEW, subject="packages", text=" ".join(seen.split())),)

    def apply(self, host: Host) -> None:
        """Install all packages; an error names the packages that no repository offers, with the remedy."""
        missing = f'missing=$(\n{self.look()}\n)\nset -- {ROOT} "packages $(echo $missing)"\n'
        made = scripts.code("record_made")
        manager = self.manager
        commands = (manager.query, manager.install, manager.refresh, manager.offers)
        install = scripts.load("install_packages", *commands, manager.remedy, *self.names, *self.later())
        host.run("installing packages", f"{missing}{made}\n{install}")
