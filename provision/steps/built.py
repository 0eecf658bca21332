"""The recipe is built and installed in its own prefix, and its receipt says so."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from provision import remote
from provision.build_evidence import BuildEvidence, parse_build
from provision.configure_log import parse_configure_log, refusals
from provision.errors import BuildRefused
from provision.host import Host
from provision.packages import NO_OWNER
from provision.recipe import CHRONY_FLAGS, NETTLE_OPTIONS, Recipe
from provision.releases import Release
from provision.steps import NoDiff

MEGABYTES = 150
"""Nettle 3.10.2 and chrony 4.9 with NTS took 74 MB; the rest is room for both tarballs and the unit tests."""


@dataclass(frozen=True, slots=True)
class Built(NoDiff):
    """A finished build, untouched since."""

    recipe: Recipe
    tarball: Callable[[Release], Path] = field(repr=False)
    """Gives the verified file of a release; asked only when something is to be built."""
    jobs: int
    uid: int
    """The login user's id."""
    owner: str = NO_OWNER
    """See Manager."""
    check: bool = False
    """Also run chrony's own unit tests."""

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
        """Build in a private folder without privileges; install as root."""
        tarballs = {release: self.tarball(release) for release in self.recipe.releases}
        workshop = Workshop(host, self.uid)
        host.run("making room for the build", remote.load("need_room", workshop.folder, str(MEGABYTES)))
        for release, path in tarballs.items():
            host.upload(path.read_bytes(), f"{workshop.folder}/{release.filename}")
        if self.recipe.nettle:
            nettle = self.recipe.nettle
            workshop.run(f"building {nettle}", "build_nettle", nettle.filename, str(self.jobs), *NETTLE_OPTIONS)
        self._configure(workshop)
        workshop.run(f"building {self.recipe.chrony}", "build_chrony", str(self.jobs))
        if self.check:
            _judge_unit_tests(workshop.run("chrony's unit tests", "check_chrony", str(self.jobs)))
        staged = f"{workshop.folder}/stage{self.recipe.prefix}"
        judge_build(parse_build(workshop.run("verifying the build", "verify_build", staged)), self.recipe)
        log = f"{workshop.folder}/configure.log"
        arguments = (self.recipe.prefix, staged, log, self.owner, self.recipe.receipt)
        host.run("installing the build", remote.load("install_build", *arguments, library="libraries"))

    def _configure(self, workshop: "Workshop") -> None:
        recipe = self.recipe
        kind = "static" if recipe.nettle else "system"
        arguments = (recipe.chrony.filename, kind, *CHRONY_FLAGS.values(), *recipe.chrony_options)
        said = workshop.run(f"configuring {recipe.chrony}", "configure_chrony", *arguments)
        log = parse_configure_log(said)
        found = refusals(log, nts=recipe.nts, seccomp=recipe.seccomp, readline=recipe.readline, pps=recipe.pps)
        if found:
            raise BuildRefused(f"{workshop.host.name}: configure of {recipe.chrony}: {'; '.join(found)}")


@dataclass(frozen=True, slots=True)
class Workshop:
    """The unprivileged user who works in our workplace on a host."""

    host: Host
    uid: int
    """The login user's id."""

    @property
    def folder(self) -> str:
        """Return the builder's folder."""
        return self.host.my_workplace.build

    def run(self, what: str, script: str, *arguments: str) -> str:
        """Run one of our scripts in the folder as the builder."""
        builder = str(self.host.my_workplace.builder)
        line = remote.load("as_builder", self.folder, builder, remote.load(script, *arguments))
        return self.host.run(what, line, root=self.uid == 0)


def judge_build(build: BuildEvidence, recipe: Recipe) -> None:
    """Raise BuildRefused, unless the binaries say and do what the recipe is for."""
    wrong = [finding for finding in build.findings(recipe.chrony.version) if not finding.holds]
    if wrong:
        raise BuildRefused("; ".join(f"{finding.claim}: no ({finding.seen})" for finding in wrong))


def _judge_unit_tests(said: str) -> None:
    """Raise BuildRefused, unless tests ran, the one of CMAC among them, and none failed.

    ``make check`` exits 0 in other cases, too; a test whose feature is left out says SKIP.
    """
    words = [line.split() for line in said.splitlines() if line.startswith("Testing ")]
    results = {line[1]: line[-1] for line in words if len(line) > 2}
    failed = [name for name, result in results.items() if result not in {"PASS", "SKIP"}]
    if failed or results.get("cmac") != "PASS":
        raise BuildRefused(
            f"chrony's unit tests: {len(results)} ran, not passed: {', '.join(failed) or 'cmac, which did not run'}"
        )
