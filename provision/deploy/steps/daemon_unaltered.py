"""Define the step that restarts a daemon whose program, configuration, keys or sources were altered."""

from dataclasses import dataclass
from typing import ClassVar

from provision.build.evidence import sections
from provision.build.integrity import FILE, Entry, differences, parse_tree
from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults
from provision.deploy.switch import Switch
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import ROOT, UNIT_PATH

PROCESS = {"program", "installed"}
"""The values that the look prints for every process."""


@dataclass(frozen=True, slots=True)
class Unaltered(StepDefaults):
    """The running daemon has the deployed program, configuration, keys, access rules and sources.

    A daemon that does not run or is of another generation is the subject of the step Active, and its process properties
    of the step AsUnitSays.
    """

    id: ClassVar[str] = "daemon-unaltered"
    changes_host: ClassVar[bool] = True
    settled_by: ClassVar[frozenset[str]] = frozenset({"active", "process-as-unit"})

    to: Switch

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"daemon of generation {self.to.running.generation} unaltered"

    def look(self) -> str:
        """Print the process, its unit file, and its answers about access rules and sources."""
        return scripts.load("look_running", ROOT, UNIT_PATH, self.to.running.questions)

    def drift(self, seen: str) -> str | None:
        """Return the alterations."""
        said = sections(seen)
        process = dict(line.split("=", 1) for line in said.get("process", "").splitlines())
        if process.get("generation") != self.to.running.generation:
            return None
        if not process.keys() >= PROCESS:
            return "it ended while it was looked at"
        unit = differences(
            {UNIT_PATH: Entry(kind=FILE, mode="0644")},
            parse_tree(said.get("unit", "")),
            base=UNIT_PATH.rpartition("/")[0],
        )
        found = list(self.to.running.differences(process, said.get("answers", "")))
        if unit is not None:
            found.insert(0, unit)
        return "; ".join(found) or None

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return why the daemon is restarted."""
        return (Change(id="restart", sign=Sign.CHANGED, subject="restart", text=drift),)

    def apply(self, host: Host) -> None:
        """Restart the daemon from the files of its generation by the host's script."""
        self.to.start_anew(host)

    def undo(self, host: Host) -> str:
        """Roll back at once if this run has switched; a generation that was confirmed before stays."""
        return self.to.go_back(host)
