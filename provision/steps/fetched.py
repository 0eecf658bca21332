"""The tarballs that a build needs are at hand, verified, before anything on the host is changed."""

from collections.abc import Callable
from dataclasses import dataclass, field

from provision import remote
from provision.host import Host
from provision.recipe import Recipe
from provision.releases import Release
from provision.steps import NoDiff


@dataclass(frozen=True, slots=True)
class Fetched(NoDiff):
    """Tarballs are in the store, unless the host has the build already."""

    recipe: Recipe
    at_hand: Callable[[Release], bool] = field(repr=False)
    """Whether the store has a release: the one witness that is not on the host."""
    fetch: Callable[[Release], str] = field(repr=False)
    """Returns where the tarball came from, in words."""

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return f"source of {' and '.join(map(str, self.recipe.releases))} at hand"

    def look(self) -> str:
        """Print the packages that a build would need: none, if it is there."""
        return remote.load("look_packages", self.recipe.prefix, "false", "build")

    def drift(self, seen: str) -> str | None:
        """Return what the store does not have."""
        if seen == "built":
            return None
        missing = [str(release) for release in self.recipe.releases if not self.at_hand(release)]
        return f"not in the store: {', '.join(missing)}" if missing else None

    def apply(self, host: Host) -> None:
        """Fetch and verify; the host is not asked."""
        host.log("--- fetching")
        for release in self.recipe.releases:
            origin = self.fetch(release)
            host.log(origin)
            host.progress(origin)
