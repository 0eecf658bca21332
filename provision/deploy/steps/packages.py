"""Define the step that installs the distribution's packages for a build."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from provision.common.errors import BuildRefused, CommandFailed
from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults
from provision.host import scripts
from provision.host.host import Host
from provision.host.packages.manager import Manager
from provision.host.paths import ROOT

INSTALLING = "installing packages"


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
    first: tuple[str, ...] = ()
    """The packages of ``names`` that ``meanwhile`` needs; they are installed before it begins."""
    meanwhile: Callable[[Host], object] | None = field(default=None, repr=False, compare=False)
    """Work that begins when the ``first`` packages are installed, while the others are; None: there is none."""

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
        record = f"{missing}{scripts.code('record_made')}\n"
        if self.meanwhile is None:
            host.run(INSTALLING, f"{record}{self._install((*self.names, *self.later()))}")
            return
        # In the background of the host, and not in a further session: an sshd may open only two (MaxSessions).
        folder = f"{host.my_workspace.folder}/packages"
        # Without the first ones: they are in use, and must not be upgraded now.
        rest = tuple(name for name in self.names if name not in self.first)
        background = scripts.load("start_beside", folder, self._install(rest))
        host.run(INSTALLING, f"{record}({self._install(self.first)}\n) || exit\n{background}")
        try:
            self.meanwhile(host)
        except (CommandFailed, BuildRefused):
            # Another run has to find the package manager at rest. How the installation ends is in the log.
            with suppress(CommandFailed):
                self._await(host, folder)
            raise
        self._await(host, folder)

    def _await(self, host: Host, folder: str) -> None:
        host.run(INSTALLING, scripts.load("await_beside", folder))

    def _install(self, names: Sequence[str]) -> str:
        manager = self.manager
        commands = (manager.query, manager.install, manager.refresh, manager.offers)
        return scripts.load("install_packages", *commands, manager.remedy, *names)
