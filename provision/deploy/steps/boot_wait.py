"""Define the step that delays the boot until chronyd has set the clock, if the site file says so."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar

from provision.common.errors import HostUnready
from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults
from provision.host import scripts
from provision.host.host import Host

WAIT_UNIT = "/etc/systemd/system/chronyd-wait.service"
FOREIGN = "foreign"
"""Printed by the look for a unit that this tool did not make."""
OWN_OF_ADMINISTRATOR = f"{WAIT_UNIT} is the administrator's own: move it away, or leave service.wait out of the site"


@dataclass(frozen=True, slots=True)
class BootWaits(StepDefaults):
    """A unit of ours exists and is enabled, or does not exist; services after time-sync.target wait for it."""

    id: ClassVar[str] = "boot-wait"
    changes_host: ClassVar[bool] = True

    content: str = field(repr=False)
    """The text of the unit; empty if the boot does not wait."""

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return "boot waits for the clock" if self.content else "boot does not wait for the clock"

    def look(self) -> str:
        """Print the digest of the unit, and whether it starts at boot."""
        return scripts.load("look_wait", WAIT_UNIT)

    def drift(self, seen: str) -> str | None:
        """Return how the unit differs."""
        if not self.content:
            return None if seen in {"missing", FOREIGN} else f"{WAIT_UNIT} is there"
        if seen == FOREIGN:
            return OWN_OF_ADMINISTRATOR
        if seen == "missing":
            return f"missing: {WAIT_UNIT}"
        digest, enabled = seen.split()
        if digest != sha256(self.content.encode()).hexdigest():
            return f"{WAIT_UNIT} differs"
        return None if enabled == "enabled" else f"{WAIT_UNIT} does not start at boot"

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return how the file differs."""
        return (Change(id=self.id, sign=Sign.CHANGED, subject="boot wait", text=drift),)

    def apply(self, host: Host) -> None:
        """Write and enable the unit, or remove it. Raises HostUnready for a unit of the administrator."""
        name = WAIT_UNIT.rpartition("/")[2]
        if host.ask(self.look()).strip() == FOREIGN:
            raise HostUnready(f"{host.name}: {OWN_OF_ADMINISTRATOR}")
        if self.content:
            host.write(WAIT_UNIT, self.content.encode(), mode="0644")
            host.run("enabling the wait for the clock", f"systemctl -q enable {name}")
            return
        host.run("removing the wait for the clock", scripts.load("remove_units", name, "", WAIT_UNIT))
