"""Define the step that restarts a chronyd whose process differs from its unit."""

from dataclasses import dataclass, field
from typing import ClassVar

from provision.common.results import SwitchState
from provision.deploy.steps import StepDefaults
from provision.deploy.steps.active import go_back, start_anew
from provision.deploy.steps.overrides import look_at_unit
from provision.host.host import Host
from provision.verify.unit import parse_unit_state


@dataclass(frozen=True, slots=True, kw_only=True)
class AsUnitSays(StepDefaults):
    """The process has the command line, the account, the capabilities and the filters of its unit.

    A process that was started with a drop-in keeps its properties after the drop-in is removed.
    """

    id: ClassVar[str] = "process-as-unit"
    changes_host: ClassVar[bool] = True

    generation: str
    who: str
    """The name of the operator, for the host's history."""
    confirm_timeout: int
    state: SwitchState = field(default_factory=SwitchState, repr=False, compare=False)

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return "chronyd running as its unit says"

    def look(self) -> str:
        """Print the unit's files, its drop-ins, its effective properties and those of the process."""
        return look_at_unit()

    def drift(self, seen: str) -> str | None:
        """Return how the process differs from the unit of its generation; None for a process of another unit."""
        return "; ".join(parse_unit_state(seen).process_differences) or None

    def apply(self, host: Host) -> None:
        """Restart the daemon of the same generation by the host's script."""
        start_anew(host, self.generation, who=self.who, confirm_timeout=self.confirm_timeout, state=self.state)

    def undo(self, host: Host) -> str:
        """Roll back at once if this run has switched; a generation that was confirmed before stays."""
        return go_back(host, self.generation, self.who, self.state)
