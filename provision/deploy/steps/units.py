"""Define the step that keeps files of ours and the units among them on a host, or removes them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar

from provision.common.errors import HostUnready
from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults
from provision.host import scripts
from provision.host.host import Host

FOREIGN = "foreign"
MISSING = "missing"
NOT_OURS = "the administrator's own"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFile:
    """A file of ours, whose text says that it is; a unit, or a script that a unit starts."""

    path: str
    content: str = field(repr=False)
    mode: str = "0644"

    @property
    def digest(self) -> str:
        """Return the digest that ``look_units.sh`` prints."""
        return sha256(self.content.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Units(StepDefaults):
    """Our files are there and their units run, or none of them is there."""

    changes_host: ClassVar[bool] = True

    id: str
    subject: str
    """For people, one to four words."""
    setting: str
    """The setting of the site that wants them."""
    wanted: bool
    files: tuple[UnitFile, ...]
    units: tuple[str, ...]
    """The units that start at boot, and that are active."""
    folder: str = ""
    """The folder of their data, which is removed with them."""
    lost: str = field(default="", repr=False)
    """Read-only sh that prints ``lost`` and why, if they have no effect although they are active; empty: none."""

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return self.subject if self.wanted else f"no {self.subject}"

    def look(self) -> str:
        """Print the digest of each file, the state of each unit, and what is lost."""
        lost = self.lost if self.wanted else ""
        return scripts.load("look_units", " ".join(self.units), lost, *(file.path for file in self.files))

    def drift(self, seen: str) -> str | None:
        """Return the first difference."""
        lines = [line.split(" ", 2) for line in seen.splitlines() if line.count(" ") > 1]
        states = {path: state for kind, path, state in lines if kind == "file"}
        if not self.wanted:
            there = (f"{path} is there" for path, state in states.items() if state not in {FOREIGN, MISSING})
            return next(there, None)
        return next(self._differences(lines, states), None)

    def _differences(self, lines: list[list[str]], states: dict[str, str]) -> Iterator[str]:
        found = {file: states.get(file.path, MISSING) for file in self.files}
        # First, for apply() writes all files unless it hears of one that is not ours.
        for file, state in found.items():
            if state == FOREIGN:
                yield f"{file.path} is {NOT_OURS}: move it away, or leave {self.setting} out of the site"
        for file, state in found.items():
            if state == MISSING:
                yield f"missing: {file.path}"
            elif state != file.digest:
                yield f"{file.path} differs"
        for kind, name, state in lines:
            if kind == "unit" and "disabled" in state:
                yield f"{name} does not start at boot"
            elif kind == "unit" and "inactive" in state:
                yield f"{name} is not active"
            elif kind == "lost":
                yield f"{name} {state}"

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return how the host differs."""
        # The words of the title are too long for the first column of a plan.
        return (Change(id=self.id, sign=Sign.CHANGED, subject=self.id.replace("-", " "), text=drift),)

    def apply(self, host: Host) -> None:
        """Write the files and start the units, or remove them. Raises HostUnready for a file of the administrator."""
        if not self.wanted:
            host.run(f"removing: {self.subject}", scripts.load("remove_units", *self._removal))
            return
        drift = self.drift(host.ask(self.look())) or ""
        if NOT_OURS in drift:
            raise HostUnready(f"{host.name}: {drift}")
        for file in self.files:
            host.write(file.path, file.content.encode(), mode=file.mode)
        host.run(f"starting: {self.subject}", scripts.load("start_units", *self.units))

    @property
    def _removal(self) -> tuple[str, ...]:
        return " ".join(self.units), self.folder, *(file.path for file in self.files)
