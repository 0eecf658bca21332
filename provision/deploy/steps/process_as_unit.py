"""Define the step that restarts a chronyd whose process differs from its unit."""

from dataclasses import dataclass
from typing import ClassVar

from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults
from provision.deploy.steps.unit_overrides import look_at_unit
from provision.deploy.switch import Switch
from provision.host.host import Host
from provision.verify.unit import parse_unit_state


@dataclass(frozen=True, slots=True)
class AsUnitSays(StepDefaults):
    """The process has the command line, the account, the capabilities and the filters of its unit.

    A process that was started with a drop-in keeps its properties after the drop-in is removed.
    """

    id: ClassVar[str] = "process-as-unit"
    changes_host: ClassVar[bool] = True
    settled_by: ClassVar[frozenset[str]] = frozenset({"active"})
    title: ClassVar[str] = "chronyd running as its unit says"

    to: Switch

    def look(self) -> str:
        """Print the unit's files, its drop-ins, its effective properties and those of the process."""
        return look_at_unit()

    def drift(self, seen: str) -> str | None:
        """Return how the process differs from the unit of its generation; None for a process of another unit."""
        return "; ".join(parse_unit_state(seen).process_differences) or None

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return why the daemon is restarted."""
        return (Change(id="restart", sign=Sign.CHANGED, subject="restart", text=drift),)

    def apply(self, host: Host) -> None:
        """Restart the daemon of the same generation by the host's script."""
        self.to.start_anew(host)

    def undo(self, host: Host) -> str:
        """Roll back at once if this run has switched; a generation that was confirmed before stays."""
        return self.to.go_back(host)
