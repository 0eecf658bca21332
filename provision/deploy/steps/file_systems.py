"""Define the step that refuses a host with unsuitable file systems, before any download or change."""

from dataclasses import dataclass
from typing import ClassVar

from provision.deploy.steps import StepDefaults, refuse
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import ROOT, UNIT_PATH


@dataclass(frozen=True, slots=True)
class FileSystems(StepDefaults):
    """The file systems are writable, large enough, and not mounted noexec. Only the administrator can fix them."""

    changes_host: ClassVar[bool] = False

    build: str
    """The folder of the build; a finished build needs no space."""
    megabytes: int
    """The free space that is needed to make the build."""
    generation: str | None = None
    """The id of the generation that is to be switched to; empty: a new one; None: there is no switch."""

    @property
    def id(self) -> str:
        """Return an id for each of the two uses, for one plan has both."""
        return "build-file-systems" if self.generation is None else "file-systems"

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return "disk space for the build" if self.generation is None else "file systems for builds and service"

    def look(self) -> str:
        """Print the mount options and the free space of the file systems."""
        return scripts.load("look_file_systems", ROOT, self.build, UNIT_PATH.rpartition("/")[0])

    def drift(self, seen: str) -> str | None:
        """Return the obstacle to installing the build or the unit, with the remedy."""
        said = dict(line.split(" ", 1) for line in seen.splitlines() if " " in line)
        mounts = {name: set(said.get(name, "").split(",")) for name in ("builds", "work", "units")}
        is_current = said.get("current") == f"generations/{self.generation}"
        if self.generation is not None and not is_current and "ro" in mounts["units"]:
            return "/etc is read-only, and chronyd's account and unit have to be written there: remount it"
        return None if "built" in said else self._for_build(mounts, said.get("free", ""))

    def refusal(self, seen: str) -> str | None:
        """Return the obstacle."""
        if (drift := self.drift(seen)) is None:
            return None
        return f"nothing was changed: {drift}"

    def apply(self, host: Host) -> None:
        """Refuse. Raises HostUnready."""
        refuse(self, host)

    def _for_build(self, mounts: dict[str, set[str]], free: str) -> str | None:
        for name in ("builds", "work"):
            if "ro" in mounts[name]:
                return f"{ROOT}/{name} is on a read-only file system: remount it"
            if "noexec" in mounts[name]:
                return (
                    f"{ROOT}/{name} is on a file system that is mounted noexec, from which chronyd cannot be run: "
                    f"remount it with exec, or mount another one at {ROOT}"
                )
        if free.isascii() and free.isdigit() and int(free) < self.megabytes:
            return f"no space left: {ROOT}/work has {free} MB free, a build needs {self.megabytes} MB"
        return None
