"""How a build comes to a host: compiled there, or unpacked from an artifact of another host's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from provision import remote
from provision.artifacts import Artifact, check, pack
from provision.build_evidence import BuildEvidence, parse_build
from provision.configure_log import parse_configure_log, refusals
from provision.errors import ArtifactRefused, BuildRefused, ParseError
from provision.host import Host
from provision.packages import NO_OWNER
from provision.recipe import CHRONY_FLAGS, NETTLE_OPTIONS, Recipe
from provision.releases import Release

MEGABYTES = 150
"""Nettle 3.10.2 and chrony 4.9 with NTS took 74 MB; the rest is room for both tarballs and the unit tests."""


class Making(Protocol):
    """A way to a finished build."""

    def make(self, host: Host, recipe: Recipe) -> None:
        """Put the build into its place. Raises ProvisionError."""


@dataclass(frozen=True, slots=True)
class Compiling:
    """Compile without privileges, in a private folder, and keep the result for others."""

    tarball: Callable[[Release], Path] = field(repr=False)
    """Gives the verified file of a release; asked only when something is to be built."""
    keep: Callable[[Artifact], None] = field(repr=False)
    jobs: int
    uid: int
    """The login user's id."""
    owner: str = NO_OWNER
    """See Manager."""
    check: bool = False
    """Also run chrony's own unit tests."""

    def make(self, host: Host, recipe: Recipe) -> None:
        """Build in a private folder without privileges; install as root."""
        tarballs = {release: self.tarball(release) for release in recipe.releases}
        workshop = Workshop(host, self.uid)
        host.run("making room for the build", remote.load("need_room", workshop.folder, str(MEGABYTES)))
        for release, path in tarballs.items():
            host.upload(path.read_bytes(), f"{workshop.folder}/{release.filename}")
        if recipe.nettle:
            nettle = recipe.nettle
            workshop.run(f"building {nettle}", "build_nettle", nettle.filename, str(self.jobs), *NETTLE_OPTIONS)
        _configure(workshop, recipe)
        workshop.run(f"building {recipe.chrony}", "build_chrony", str(self.jobs))
        if self.check:
            _judge_unit_tests(workshop.run("chrony's unit tests", "check_chrony", str(self.jobs)))
        staged = f"{workshop.folder}/stage{recipe.prefix}"
        judge_build(parse_build(workshop.run("verifying the build", "verify_build", staged)), recipe)
        log = f"{workshop.folder}/configure.log"
        arguments = (recipe.prefix, staged, log, self.owner, recipe.receipt)
        host.run("installing the build", remote.load("install_build", *arguments, library="libraries"))
        self._pack(host, recipe)

    def _pack(self, host: Host, recipe: Recipe) -> None:
        path = host.new_path()
        host.run("packing the build", remote.load("pack_build", recipe.prefix, path, str(self.uid)))
        self.keep(pack(recipe, host.download(path), checked=self.check))


@dataclass(frozen=True, slots=True)
class Unpacking:
    """Unpack an artifact, if it does on this host what a build has to do."""

    artifact: Artifact

    def make(self, host: Host, recipe: Recipe) -> None:
        """Unpack it in a private folder, ask it about itself, and move it into its place. Raises ArtifactRefused."""
        upload, folder = host.new_path(), f"{host.my_workplace.folder}/artifact"
        host.upload(self.artifact.archive, upload)
        ask = remote.load("verify_build", folder)
        unpack = remote.load("unpack_build", upload, self.artifact.sha256, folder, ask)
        try:
            check(self.artifact, recipe)
            judge_build(parse_build(host.run("unpacking the build", unpack)), recipe)
        except (ParseError, BuildRefused) as error:
            raise ArtifactRefused(f"{host.name}: the artifact of {recipe} is not used here: {error}") from error
        host.run("installing the build", remote.load("place_build", folder, recipe.prefix))


def _configure(workshop: "Workshop", recipe: Recipe) -> None:
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
