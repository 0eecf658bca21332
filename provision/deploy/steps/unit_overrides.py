"""Define the step that refuses a host with overrides of chronyd's unit."""

from dataclasses import dataclass
from typing import ClassVar

from provision.deploy.steps import StepDefaults, refuse
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import ROOT, UNIT_PATH
from provision.verify.unit import parse_unit_state
from provision.verify.unit_differences import PROPERTIES


@dataclass(frozen=True, slots=True)
class NotOverridden(StepDefaults):
    """No drop-in or other unit file changes the properties of a generation's unit.

    A drop-in belongs to an administrator, so it is reported and never deleted: the deployment stops before any change.
    """

    id: ClassVar[str] = "unit-overrides"
    changes_host: ClassVar[bool] = False
    title: ClassVar[str] = "no overrides of chronyd's unit"

    unit: str
    """The text of the unit."""

    def look(self) -> str:
        """Print the unit's files, its drop-ins, its effective properties and those of the process."""
        return look_at_unit()

    def drift(self, seen: str) -> str | None:
        """Return the files that change the unit, with the changed properties."""
        return "; ".join(parse_unit_state(seen).overrides(self.unit)) or None

    def refusal(self, seen: str) -> str | None:
        """Return the files, and what to do with them."""
        if (files := self.drift(seen)) is None:
            return None
        return (
            f"{files}: chronyd would not run, or this host not roll back, as deployed; nothing was changed: "
            "remove the file, run systemctl daemon-reload, and deploy again"
        )

    def apply(self, host: Host) -> None:
        """Refuse. Raises HostUnready."""
        refuse(self, host)


def look_at_unit() -> str:
    """Return the look at chronyd's unit; see look_unit.sh."""
    unit = f"{ROOT}/current/chronyd.service"
    return scripts.load("look_unit", UNIT_PATH, unit, scripts.code("print_process"), *PROPERTIES)
