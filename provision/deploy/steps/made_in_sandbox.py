"""Define the step that makes the artifact of a build in a sandbox of this machine, before the host is changed."""

from dataclasses import dataclass, field
from typing import ClassVar

from provision.common.results import Change
from provision.common.text import seconds_text
from provision.deploy.sandbox_build import SandboxBuild
from provision.deploy.steps import StepDefaults, minor, refuse
from provision.host import scripts
from provision.host.host import Host


@dataclass(frozen=True, slots=True)
class MadeInSandbox(StepDefaults):
    """The artifact of the build is on this machine, unless the host has the build already."""

    id: ClassVar[str] = "sandbox-build"
    changes_host: ClassVar[bool] = False

    build: SandboxBuild = field(repr=False)
    obstacle: str = ""
    """The reason why this machine can boot no sandbox for the host; empty if it can."""

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"artifact of {self.build.recipe}"

    def look(self) -> str:
        """Print "built", or "build" if the build is missing."""
        return scripts.load("look_packages", self.build.recipe.prefix, "false", "build")

    def drift(self, seen: str) -> str | None:
        """Return where the artifact is built, or why it cannot be."""
        if seen == "built" or self.build.artifact is not None:
            return None
        if self.obstacle:
            return f'build.on = "sandbox" is not possible: {self.obstacle}; set build.on = "host" for it'
        return f"built in {self.build.place}"

    def refusal(self, seen: str) -> str | None:
        """Return the obstacle."""
        if self.obstacle:
            return self.drift(seen)
        return None

    def afterwards(self, reason: str) -> str:
        """Return where the artifact was built, and how long that took."""
        return f"{reason}, took {seconds_text(self.build.seconds)}"

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:
        """Return where the artifact is built; it is a part of the plan's line about the build."""
        if self.refusal(seen) is not None:
            return StepDefaults.changes(self, host, seen, drift)
        return (minor(self.id, f"artifact {drift}"),)

    def apply(self, host: Host) -> None:
        """Compile in the sandbox, while the host waits unlocked. Raises ProvisionError."""
        refuse(self, host)
        self.build.make()
