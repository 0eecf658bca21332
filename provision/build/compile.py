"""Install a build on a host: compile it there, or unpack an artifact from another host."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from provision.build.artifact import Artifact, Compilation, check, pack
from provision.build.evidence import BuildEvidence, parse_build
from provision.build.recipe import CHRONY_FLAGS, NETTLE_OPTIONS, Recipe
from provision.chrony.configure_log import parse_configure_log, refusals
from provision.chrony.releases import Release
from provision.common.errors import ArtifactRefused, BuildRefused, BuildUnfit, ParseError
from provision.host import scripts
from provision.host.host import Host
from provision.host.packages import NO_OWNER

MEGABYTES = 150
"""Space to compile: Nettle 3.10.2 and chrony 4.9 with NTS took 74 MB; the rest is for tarballs and unit tests."""

ARTIFACT_MEGABYTES = 5
"""Space to unpack. An artifact has half a megabyte, and twice as much when it is unpacked."""
GETS_ARTIFACT = "gets the artifact"


class BuildMethod(Protocol):
    """Provide a finished build on a host."""

    @property
    def in_words(self) -> str:
        """Return how the build comes to the host, such as "compiled here"."""

    @property
    def short(self) -> str:
        """Return the same as a verb for a host: "compiles"."""

    @property
    def took(self) -> Compilation | None:
        """Return how long the same took last; None if it is not known, or nothing is compiled."""

    @property
    def builder(self) -> str:
        """Return the hosts that have yet to compile the build for this one, separated by commas; usually empty."""

    def make(self, host: Host, recipe: Recipe) -> None:
        """Install the build in its folder. Raises ProvisionError."""


@dataclass(slots=True, eq=False)
class Compiling:
    """Compile without privileges, in a private folder, and store the result for other hosts."""

    tarball: Callable[[Release], bytes] = field(repr=False)
    """Returns the verified bytes of a release; it is called only if a build is necessary."""
    keep: Callable[[Artifact], None] = field(repr=False)
    jobs: int
    uid: int
    """The id of the login user."""
    owner: str = NO_OWNER
    """See Manager."""
    unit_tests: bool = False
    """Whether to run chrony's own unit tests too."""
    took: Compilation | None = None
    """The last compilation of the same releases on the same platform; None if it is not known."""
    why: str = ""
    """Why the host compiles although the site prefers a sandbox (``build.on``); empty if it does not prefer one."""
    begun: float | None = None
    """When :meth:`begin` began, on the monotonic clock; None: it was not called."""

    @property
    def in_words(self) -> str:
        """Return that it is compiled."""
        if self.why:
            return f"compiled here ({self.why})"
        return "compiled here"

    @property
    def short(self) -> str:
        """Return that the host compiles."""
        return "compiles"

    @property
    def builder(self) -> str:
        """Return that the host needs no other one."""
        return ""

    def make(self, host: Host, recipe: Recipe) -> None:
        """Compile without privileges, test a copy that the builder cannot change, store it, and install it."""
        begun = self.begun
        if begun is None:
            begun = self.begin(host, recipe)
        workshop = Workshop(host, self.uid)
        _configure(workshop, recipe)
        workshop.run(f"building {recipe.chrony}", "build_chrony", str(self.jobs))
        if self.unit_tests:
            _judge_unit_tests(workshop.run("chrony's unit tests", "run_unit_tests", str(self.jobs)))
        candidate = workshop.collect(recipe.prefix)
        _prove(host, candidate, recipe)
        self._finish(host, candidate, recipe)
        self.keep(self._pack(host, candidate, recipe, seconds=time.monotonic() - begun))
        _install(host, candidate, recipe)

    def begin(self, host: Host, recipe: Recipe) -> float:
        """Send the tarballs and compile Nettle: the part that needs a compiler alone, and no headers of libraries.

        Return when it began, on the monotonic clock.
        """
        tarballs = {release: self.tarball(release) for release in recipe.releases}
        self.begun = begun = time.monotonic()
        workshop = Workshop(host, self.uid)
        host.run("making room for the build", scripts.load("reserve_folder", workshop.folder, str(MEGABYTES)))
        for release, data in tarballs.items():
            host.upload(data, f"{workshop.folder}/{release.filename}")
        if recipe.nettle:
            nettle = recipe.nettle
            arguments = (nettle.filename, nettle.sha256, str(self.jobs), recipe.chrony.filename, *NETTLE_OPTIONS)
            workshop.run(f"building {nettle}", "build_nettle", *arguments)
        return begun

    def _finish(self, host: Host, candidate: str, recipe: Recipe) -> None:
        """Write the libraries and the receipt into the build."""
        ask = scripts.as_nobody(scripts.load("list_libraries", candidate, self.owner))
        libraries = host.run("finding the libraries of the build", ask).rstrip("\n")
        host.run("completing the build", scripts.load("finish_build", candidate, libraries, recipe.receipt))

    def _pack(self, host: Host, candidate: str, recipe: Recipe, *, seconds: float) -> Artifact:
        path = host.new_path()
        host.run("packing the build", scripts.load("pack_build", candidate, path, str(self.uid)))
        return pack(recipe, host.download(path), checked=self.unit_tests, host=host.name, seconds=seconds)


@dataclass(frozen=True, slots=True)
class Unpacking:
    """Unpack an artifact, if its programs pass their tests on this host."""

    artifact: Artifact

    @property
    def in_words(self) -> str:
        """Return that it is unpacked."""
        return "unpacked from an artifact"

    @property
    def short(self) -> str:
        """Return that the host gets the artifact."""
        return GETS_ARTIFACT

    @property
    def took(self) -> None:
        """Return that nothing is compiled."""

    @property
    def builder(self) -> str:
        """Return that the build is compiled already."""
        return ""

    def make(self, host: Host, recipe: Recipe) -> None:
        """Unpack the artifact in a private folder, test it without privileges, and install it.

        Raises ArtifactRefused if the artifact is not this build, and BuildUnfit if it does not work on this host.
        """
        try:
            check(self.artifact, recipe)
        except ParseError as error:
            message = f"{host.name}: the artifact of {recipe} is refused: {error}"
            raise ArtifactRefused(message, recipe.name) from error
        upload = host.new_path()
        candidate = f"{host.my_workspace.folder}/artifact"
        host.upload(self.artifact.archive, upload)
        host.run("unpacking the build", scripts.load("unpack_build", upload, self.artifact.sha256, candidate))
        try:
            _prove(host, candidate, recipe)
        except BuildRefused as error:
            message = f"{host.name}: the artifact of {recipe} does not work on this host: {error}"
            raise BuildUnfit(message, recipe.name) from error
        _install(host, candidate, recipe)


@dataclass(frozen=True, slots=True)
class Promised:
    """Unpack an artifact that another host of the same run has not compiled yet; for a plan."""

    builder: str
    """The name of that host; of several, separated by commas."""

    @property
    def took(self) -> None:
        """Return that nothing is compiled here."""

    @property
    def in_words(self) -> str:
        """Return that it is unpacked, and where it is compiled."""
        return f"unpacked from an artifact, which {self.builder} compiles"

    @property
    def short(self) -> str:
        """Return that the host gets the artifact."""
        return GETS_ARTIFACT

    def make(self, host: Host, recipe: Recipe) -> None:
        """Refuse: a plan makes nothing. Raises BuildRefused."""
        raise BuildRefused(f"{host.name}: {recipe} is not compiled yet")


def _prove(host: Host, candidate: str, recipe: Recipe) -> None:
    """Raise BuildRefused unless the programs of a build pass their tests, run by an account without rights."""
    said = host.run("verifying the build", scripts.as_nobody(scripts.load("verify_build", candidate)))
    try:
        judge_build(parse_build(said), recipe)
    except ParseError as error:
        raise BuildRefused(str(error)) from error


def _install(host: Host, candidate: str, recipe: Recipe) -> None:
    host.run("installing the build", scripts.load("place_build", candidate, recipe.prefix))


def _configure(workshop: "Workshop", recipe: Recipe) -> None:
    kind = "system"
    if recipe.nettle is not None:
        kind = "static"
    chrony = recipe.chrony
    arguments = (chrony.filename, chrony.sha256, kind, *CHRONY_FLAGS.values(), *recipe.chrony_options)
    said = workshop.run(f"configuring {chrony}", "configure_chrony", *arguments)
    log = parse_configure_log(said)
    found = refusals(
        log,
        nts=recipe.nts,
        seccomp=recipe.seccomp,
        readline=recipe.readline,
        pps=recipe.pps,
        signd=recipe.signd,
    )
    if found:
        raise BuildRefused(f"{workshop.host.name}: configure of {chrony}: {'; '.join(found)}")


@dataclass(frozen=True, slots=True)
class Workshop:
    """Run commands on a host as the unprivileged user of our workspace."""

    host: Host
    uid: int
    """The id of the login user."""

    @property
    def folder(self) -> str:
        """Return the builder's folder."""
        return self.host.my_workspace.build

    def run(self, what: str, script: str, *arguments: str) -> str:
        """Run one of our scripts in the folder, as the builder."""
        builder = str(self.host.my_workspace.builder)
        line = scripts.load("as_builder", self.folder, builder, scripts.load(script, *arguments))
        return self.host.run(what, line, root=self.uid == 0)

    def collect(self, prefix: str) -> str:
        """Copy the known files of a build to a folder that root owns, and return its path."""
        workspace = self.host.my_workspace
        candidate, staged = f"{workspace.folder}/candidate", f"{self.folder}/stage{prefix}"
        arguments = (candidate, staged, f"{self.folder}/configure.log", str(workspace.builder))
        self.host.run("collecting the build", scripts.load("collect_build", *arguments))
        return candidate


def judge_build(build: BuildEvidence, recipe: Recipe) -> None:
    """Raise BuildRefused unless the programs have the version and the features of the recipe."""
    faults = tuple(build.faults(recipe.chrony.version))
    if faults:
        raise BuildRefused("; ".join(faults))


def _judge_unit_tests(said: str) -> None:
    """Raise BuildRefused unless tests ran, including the one for CMAC, and none of them failed.

    ``make check`` also exits with 0 in other cases; a test of a missing feature prints SKIP.
    """
    words = [line.split() for line in said.splitlines() if line.startswith("Testing ")]
    results = {line[1]: line[-1] for line in words if len(line) > 2}
    failed = [name for name, result in results.items() if result not in {"PASS", "SKIP"}]
    if failed or results.get("cmac") != "PASS":
        raise BuildRefused(
            f"chrony's unit tests: {len(results)} ran, not passed: {', '.join(failed) or 'cmac, which did not run'}"
        )
