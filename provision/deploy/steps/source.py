"""Define the step that fetches and verifies the tarballs of a build before the host is changed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from provision.build.recipe import Recipe
from provision.chrony.releases import Release
from provision.common.results import Change
from provision.deploy.steps import StepDefaults, minor
from provision.host import scripts
from provision.host.host import Host


@dataclass(frozen=True, slots=True)
class Fetched(StepDefaults):
    """The tarballs are in the store, unless the host has the build already."""

    id: ClassVar[str] = "source"
    changes_host: ClassVar[bool] = False

    recipe: Recipe
    at_hand: Callable[[Release], bool] = field(repr=False)
    """Whether the store has the tarball of a release; the only state of a step that is not on the host."""
    fetch: Callable[[Release], str] = field(repr=False)
    """Fetches a tarball; returns its origin for people."""

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"source of {' and '.join(map(str, self.recipe.releases))} available"

    def look(self) -> str:
        """Print "built", or "build" if the build is missing."""
        return scripts.load("look_packages", self.recipe.prefix, "false", "build")

    def drift(self, seen: str) -> str | None:
        """Return the releases that are missing in the store."""
        if seen == "built":
            return None
        missing = [str(release) for release in self.recipe.releases if not self.at_hand(release)]
        return f"not in the store: {', '.join(missing)}" if missing else None

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return the releases that are fetched."""
        missing = [str(release) for release in self.recipe.releases if not self.at_hand(release)]
        return (minor(self.id, f"tarball of {' and '.join(missing)}"),)

    def apply(self, host: Host) -> None:
        """Fetch and verify the tarballs, without contact to the host."""
        host.log("--- fetching")
        for release in self.recipe.releases:
            origin = self.fetch(release)
            host.log(origin)
            host.progress(origin)
