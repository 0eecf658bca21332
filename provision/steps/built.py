"""The recipe's build is installed in its own prefix, and its receipt says so."""

from dataclasses import dataclass, field

from provision import remote
from provision.host import Host
from provision.making import Making
from provision.recipe import Recipe
from provision.steps import NoDiff


@dataclass(frozen=True, slots=True)
class Built(NoDiff):
    """A finished build, untouched since."""

    recipe: Recipe
    making: Making = field(repr=False)
    """How it comes here, if it is not there."""

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return f"{self.recipe} built"

    def look(self) -> str:
        """Print the receipt, and whether the binaries are as they were installed."""
        return remote.load("look_build", self.recipe.prefix)

    def drift(self, seen: str) -> str | None:
        """Return what keeps the build from being the finished one."""
        match seen.split("\n"):
            case [receipt, "intact"] if receipt == self.recipe.receipt:
                return None
            case ["missing"]:
                return "no finished build of this recipe"
            case [_, "damaged"]:
                return "its files are not as they were installed"
            case _:
                return "its receipt is another recipe's"

    def apply(self, host: Host) -> None:
        """Make it."""
        self.making.make(host, self.recipe)
