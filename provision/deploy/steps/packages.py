"""Define the step that installs the distribution's packages for a build."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar

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
        names = (*self.names, *self.later())
        if self.meanwhile is None:
            host.run(INSTALLING, f"{record}{self._install(names)}")
            return
        host.run(INSTALLING, f"{record}{self._install(self.first)}")
        lines: list[str] = []
        # Of two commands that run at the same time, the log has one after the other.
        beside = replace(host, log=lines.append, progress=lambda _: None, trips=0)
        with ThreadPoolExecutor(max_workers=1) as pool:
            rest = pool.submit(beside.run, INSTALLING, self._install(names))
            try:
                self.meanwhile(host)
            finally:
                rest.exception()
                host.trips += beside.trips
                for line in lines:
                    host.log(line)
        rest.result()

    def _install(self, names: Sequence[str]) -> str:
        manager = self.manager
        commands = (manager.query, manager.install, manager.refresh, manager.offers)
        return scripts.load("install_packages", *commands, manager.remedy, *names)
