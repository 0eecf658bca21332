"""Define the step that installs the recipe's build in its own prefix."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

from provision.build.artifact import Artifact
from provision.build.compile import BuildMethod
from provision.build.evidence import sections
from provision.build.integrity import build_entries, differences, noted_entries, parse_tree
from provision.build.recipe import Recipe
from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults
from provision.host import scripts
from provision.host.host import Host

MISSING = "missing"
NOT_BUILT = "no finished build of this recipe"


@dataclass(frozen=True, slots=True)
class Installed(StepDefaults):
    """A finished and unaltered build; can only be compared."""

    id: ClassVar[str] = "build"

    recipe: Recipe
    artifact: Artifact | None
    """This machine's copy of the build. None: there is no copy, and the digests recorded on the host are compared."""

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"{self.recipe} built"

    @property
    def in_words(self) -> str:
        """Return a description of the comparison, for a finding."""
        if self.artifact is None:
            return "not known to this machine: compared with the digests that are noted on the host alone"
        return "each file is as in this machine's artifact"

    def look(self) -> str:
        """Print each file of the build with mode, owner and digest, or "missing"."""
        return scripts.load("look_build", self.recipe.prefix)

    def drift(self, seen: str) -> str | None:
        """Return how the build is incomplete or altered."""
        if seen == MISSING:
            return NOT_BUILT
        prefix = self.recipe.prefix
        said = sections(seen)
        return build_drift(
            prefix, said.get("tree", ""), said.get("sums", ""), receipt=self.recipe.receipt, artifact=self.artifact
        )


def build_drift(prefix: str, tree: str, sums: str, *, receipt: str | None, artifact: Artifact | None) -> str | None:
    """Return how the build in the folder ``prefix`` differs from the artifact or from the digests on the host.

    ``tree`` is the output of ``print_tree.sh``, ``sums`` are the digests recorded on the host. ``receipt`` is None if
    this machine does not know the recipe of the build.
    """
    seen = parse_tree(tree)
    if artifact is None:
        wanted = noted_entries(prefix, receipt=receipt, sums=sums)
    else:
        wanted = build_entries(prefix, artifact.files)
    return differences(wanted, seen, base=prefix)


@dataclass(frozen=True, slots=True)
class Built(StepDefaults):
    """A finished and unaltered build."""

    id: ClassVar[str] = "build"
    changes_host: ClassVar[bool] = True

    recipe: Recipe
    build_method: BuildMethod = field(repr=False)
    """The way to install the build, by compiling or by unpacking."""
    artifact: Artifact | None = None
    """See Installed."""

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return self._installed.title

    def look(self) -> str:
        """Print each file of the build."""
        return self._installed.look()

    def drift(self, seen: str) -> str | None:
        """Return how the build is incomplete or altered."""
        return self._installed.drift(seen)

    def explain(self, host: Host, drift: str) -> str:  # noqa: ARG002 -- the protocol's
        """Return the drift, and how the build comes to the host."""
        return f"{drift}; {self.build_method.in_words}"

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return the releases; a build that is there and was altered is replaced."""
        releases = ", ".join(map(str, reversed(self.recipe.releases)))
        if self.recipe.nettle is None:
            releases += ", the distribution's nettle"
        sign = Sign.NEW
        if seen != MISSING:
            sign = Sign.CHANGED
            releases += f" ({self.drift(seen)})"
        method = self.build_method
        change = Change(id=self.id, sign=sign, subject="build", text=releases, how=method.short, by=method.builder)
        if method.took is not None:
            change = replace(change, took_seconds=method.took.seconds, took_on=method.took.host)
        return (change,)

    def apply(self, host: Host) -> None:
        """Compile or unpack the build."""
        self.build_method.make(host, self.recipe)

    @property
    def _installed(self) -> Installed:
        return Installed(self.recipe, self.artifact)
