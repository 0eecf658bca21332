"""Define the step that keeps files of ours and the units among them on a host, or removes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from posixpath import basename
from typing import ClassVar

from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults, minor, refuse
from provision.host import scripts
from provision.host.host import Host

FOREIGN = "foreign"
MISSING = "missing"


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
    is_minor: bool = False
    """Whether the plan of a host without them names them in one line with others."""
    effect_look: str = field(default="", repr=False)
    """Read-only sh that prints "no-effect" and why, if the units are active without effect; empty: not asked."""

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return self.subject if self.wanted else f"no {self.subject}"

    def look(self) -> str:
        """Print the digest of each file, the state of each unit, and why the units have no effect."""
        effect_look = self.effect_look if self.wanted else ""
        return scripts.load("look_units", " ".join(self.units), effect_look, *(file.path for file in self.files))

    def drift(self, seen: str) -> str | None:
        """Return the first difference."""
        if not self.wanted:
            there = (path for path, state in _file_states(seen).items() if state not in {FOREIGN, MISSING})
            return next((f"{path} is there" for path in there), None)
        return self.refusal(seen) or next(self._differences(seen), None)

    def refusal(self, seen: str) -> str | None:
        """Return which file of the administrator is in the place of ours."""
        states = _file_states(seen)
        foreign = [file.path for file in self.files if states.get(file.path) == FOREIGN]
        if not self.wanted or not foreign:
            return None
        return f"{foreign[0]} is the administrator's own: move it away, or leave {self.setting} out of the site"

    def _differences(self, seen: str) -> Iterator[str]:
        states = _file_states(seen)
        for file in self.files:
            state = states.get(file.path, MISSING)
            if state == MISSING:
                yield f"missing: {file.path}"
            elif state != file.digest:
                yield f"{file.path} differs"
        for unit in _lines_about("unit", seen):
            name, _, state = unit.partition(" ")
            if "disabled" in state:
                yield f"{name} does not start at boot"
            elif "inactive" in state:
                yield f"{name} is not active"
        yield from _lines_about("no-effect", seen)

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return how the host differs."""
        if self.is_minor and all(state == MISSING for state in _file_states(seen).values()):
            return (minor(self.id, self.id.replace("-", " ")),)
        sign = Sign.CHANGED
        if self.refusal(seen) is not None:
            sign = Sign.WARNING
        # The words of the title are too long for the first column of a plan.
        return (Change(id=self.id, sign=sign, subject=self.id.replace("-", " "), text=drift),)

    def apply(self, host: Host) -> None:
        """Write the files and start the units, or remove them. Raises HostUnready for a file of the administrator."""
        if not self.wanted:
            host.run(f"removing: {self.subject}", scripts.load("remove_units", *self._removal))
            return
        refuse(self, host)
        for file in self.files:
            host.write(file.path, file.content.encode(), mode=file.mode)
        host.run(f"starting: {self.subject}", scripts.load("start_units", *self.units))

    @property
    def _removal(self) -> tuple[str, ...]:
        """Return the arguments of ``remove_units.sh``. A service that a unit has just started is stopped, too."""
        names = (basename(file.path) for file in self.files)
        services = (name for name in names if name.endswith(".service"))
        units = dict.fromkeys((*self.units, *services))
        return " ".join(units), self.folder, *(file.path for file in self.files)


def _lines_about(kind: str, seen: str) -> Iterator[str]:
    """Yield the lines of ``look_units.sh`` that begin with a word, without it."""
    for line in seen.splitlines():
        word, _, rest = line.partition(" ")
        if word == kind:
            yield rest


def _file_states(seen: str) -> Mapping[str, str]:
    """Return path → digest of each of our files; FOREIGN of a file that is not ours, and MISSING of none."""
    return dict(line.rsplit(" ", 1) for line in _lines_about("file", seen) if " " in line)
