"""Compile a build in a throwaway sandbox of the host's Debian release, so that the host gets no compiler.

The sandbox is a host like any other: the phase that compiles is applied to it. What it makes is an artifact, and goes
to the host as each artifact does.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from provision.build.artifact import Artifact, Compilation
from provision.build.compile import GETS_ARTIFACT, Unpacking
from provision.build.recipe import Recipe
from provision.common.errors import BuildUnfit, FetchError, ProvisionError, SandboxError, StoreError
from provision.deploy.converge import converge
from provision.deploy.phases import Tarballs, compile_phase
from provision.deploy.run import Run
from provision.deploy.steps import Phase, Step
from provision.host.facts import Facts
from provision.host.host import Host
from provision.host.sandbox import platforms
from provision.host.sandbox.machine import folder, has_base_image, has_rights, missing_tools
from provision.host.sandbox.throwaway import throwaway
from provision.host.session import Session, connect_booted


def place_of(suite: str) -> str:
    """Return how messages and reports name the sandbox of a suite."""
    return f"a sandbox of Debian {suite}"


def obstacle_here(facts: Facts, *, may_prepare: bool) -> str:
    """Return why this machine can boot no sandbox of a host's platform; empty if it can, as far as is known.

    ``may_prepare``: whether missing tools may be installed on this machine, and a missing base image made.
    """
    if obstacle := platforms.obstacle(facts):
        return obstacle
    if not has_rights():
        return "sandboxes need root on a Debian machine, and this run is not root, or this machine is no Debian"
    if may_prepare:
        return ""
    if missing := missing_tools():
        return f"sandboxes need {' '.join(missing)} on this machine; inv sandbox.up installs them"
    suite = platforms.suite_of(facts)
    if not has_base_image(suite):
        return f"no sandbox of Debian {suite} was booted here yet; inv sandbox.up --suite {suite} makes its base image"
    return ""


@dataclass(slots=True)
class SandboxBuild:
    """The build of a run in a sandbox."""

    run: Run
    recipe: Recipe
    suite: str
    tarballs: Tarballs
    keep: Callable[[Artifact], None]
    """Stores the artifact for other hosts."""
    took: Compilation | None = None
    """The last compilation of the same releases on the same platform; None if it is not known."""
    artifact: Artifact | None = None
    """The artifact, when it is made."""
    seconds: float = 0
    """How long the sandbox took, with its boot and its packages."""

    @property
    def place(self) -> str:
        """Return how messages and reports name the sandbox."""
        return place_of(self.suite)

    @property
    def libraries(self) -> tuple[str, ...]:
        """Return the packages that the artifact needs to run; none while it is not made."""
        if self.artifact is None:
            return ()
        return self.artifact.libraries.packages

    def make(self) -> Artifact:
        """Return the artifact; compile it at the first call.

        Raises SandboxError or, if the host may compile instead, BuildUnfit. Raises FetchError, StoreError, and
        HostUnreachable if the run is cancelled.
        """
        if self.artifact is None:
            begun = time.monotonic()
            self.artifact = self._made()
            self.seconds = time.monotonic() - begun
        return self.artifact

    def _made(self) -> Artifact:
        try:
            return self._compiled()
        except (FetchError, StoreError):
            raise
        except ProvisionError as error:
            self.run.check()
            words = str(error)
            if not words.startswith(self.place):
                words = f"{self.place}: {words}"
            if self.run.settings.site.build.on == "auto":
                message = f"{self.run.session.host.name}: not built in a sandbox: {words}"
                raise BuildUnfit(message, self.recipe.name) from error
            raise SandboxError(words) from error

    def _compiled(self) -> Artifact:
        run, made = self.run, list[Artifact]()

        def say(text: str) -> None:
            run.progress.say(f"  {text}")

        with throwaway(self.suite, say=say) as sandbox, ExitStack() as ends:
            run.check()
            connection = connect_booted(sandbox, self.place, log=run.log.write, progress=run.progress.line)
            with connection as session:
                run.cut_off_with(session.host.transport.close, ends)
                self._refuse_other_platform(session.facts)
                try:
                    self._compile(session, made.append)
                finally:
                    session.host.leave()
        return made[0]

    def _compile(self, session: Session, note: Callable[[Artifact], None]) -> None:
        """Apply the phase that compiles to the sandbox; the artifact is stored and noted."""

        def keep(artifact: Artifact) -> None:
            note(artifact)
            self.keep(artifact)

        def begin(_: Phase, step: Step) -> bool:
            self.run.progress.line(step.title)
            return False

        phase = compile_phase(
            self.place,
            session.facts,
            self.recipe,
            self.tarballs,
            keep=keep,
            unit_tests=self.run.settings.options.unit_tests,
        )
        session.host.claim(who=self.run.who, uid=session.facts.uid, lock_timeout=0, say=self.run.progress.say)
        for _ in converge(session.host, (phase,), begin=begin):
            self.run.check()

    def _refuse_other_platform(self, facts: Facts) -> None:
        """Raise SandboxError if the sandbox differs from the host, as two states of Debian sid do."""
        if facts.platform != self.recipe.platform:
            raise SandboxError(
                f"{self.place} is {facts.platform}, and the host is {self.recipe.platform}: update the host, or remove "
                f"{folder('bases') / self.suite}, which is then made anew"
            )


@dataclass(frozen=True, slots=True)
class FromSandbox:
    """Unpack the artifact that a sandbox of this machine compiles."""

    build: SandboxBuild = field(repr=False)

    @property
    def in_words(self) -> str:
        """Return that it is unpacked, and where it was compiled."""
        return f"unpacked from the artifact of {self.build.place}"

    @property
    def short(self) -> str:
        """Return that the host gets the artifact, and from where."""
        return f"{GETS_ARTIFACT} from {self.build.place}"

    @property
    def took(self) -> Compilation | None:
        """Return how long the same took last."""
        return self.build.took

    @property
    def builder(self) -> str:
        """Return that no host compiles it."""
        return ""

    def make(self, host: Host, recipe: Recipe) -> None:
        """Unpack the artifact as every other one; it is compiled now if the host has an altered build of the recipe."""
        Unpacking(self.build.make()).make(host, recipe)
