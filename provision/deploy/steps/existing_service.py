"""Define the step that refuses a first deployment over a time service that somebody has configured."""

from dataclasses import dataclass
from typing import ClassVar

from provision.common.results import Change, Loss, Sign
from provision.deploy.steps import StepDefaults, refuse
from provision.host.host import Host
from provision.takeover.read_host import existing_script, parse_existing
from provision.takeover.wanted import Wanted

MOST_NAMED = 5
"""Of more losses, the message names the first ones; the report has all."""


@dataclass(frozen=True, slots=True)
class ExistingKept(StepDefaults):
    """The deployment loses no setting of the time service that the host has, and opens nothing that was closed.

    It asks only on a host without a deployment. The distribution's own configuration, unchanged, is nobody's decision.
    """

    id: ClassVar[str] = "existing-service"
    changes_host: ClassVar[bool] = False
    title: ClassVar[str] = "no setting of another time service lost"

    wanted: Wanted
    replace: bool
    """Whether the operator has agreed to the losses: ``--replace``."""

    def look(self) -> str:
        """Print the time services with their configuration, or that one of our generations is deployed."""
        return existing_script()

    def losses(self, seen: str) -> tuple[Loss, ...]:
        """Return the settings that the deployment removes or changes."""
        services = parse_existing(seen)
        if not services:
            return ()
        # Most runs are on hosts with a deployment, and do not need its imports.
        from provision.takeover.lost import losses  # noqa: PLC0415

        return losses(services, self.wanted)

    def drift(self, seen: str) -> str | None:
        """Return the losses, unless the operator has agreed to them."""
        found = self.losses(seen)
        if self.replace or not found:
            return None
        return f"would be lost or changed: {_in_words(found)}"

    def refusal(self, seen: str) -> str | None:
        """Return the losses, and the two ways on."""
        if (drift := self.drift(seen)) is None:
            return None
        names = " and ".join(service.name for service in parse_existing(seen) if not service.is_default)
        return (
            f"{names} is configured here, and nothing was changed: {drift}: write what is to stay into the site file, "
            "as inv import does, or give these up with --replace"
        )

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return that the deployment would refuse; the report names the losses beside it."""
        return (Change(id=self.id, sign=Sign.WARNING, subject="refused", text="without --replace, for what is lost"),)

    def apply(self, host: Host) -> None:
        """Refuse. Raises HostUnready."""
        refuse(self, host)


def _in_words(found: tuple[Loss, ...]) -> str:
    words = "; ".join(map(str, found[:MOST_NAMED]))
    if len(found) > MOST_NAMED:
        words += f"; and {len(found) - MOST_NAMED} more"
    return words
