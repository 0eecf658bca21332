"""Make the phase that compiles a build in a sandbox and unpacks it on the host, with its steps in order."""

from collections.abc import Callable

from provision.build.artifact import Artifact
from provision.build.compile import ARTIFACT_MEGABYTES
from provision.build.recipe import Recipe
from provision.common.results import Gate, StoppedAt
from provision.deploy.phases import Tarballs
from provision.deploy.run import Run
from provision.deploy.sandbox_build import FromSandbox, SandboxBuild
from provision.deploy.steps import Phase, Step
from provision.deploy.steps.build import Built
from provision.deploy.steps.file_systems import FileSystems
from provision.deploy.steps.made_in_sandbox import MadeInSandbox
from provision.deploy.steps.packages import Packages, Purpose
from provision.deploy.steps.source import Fetched
from provision.host.packages import MANAGERS
from provision.host.sandbox.platforms import suite_of


def sandbox_phase(
    run: Run, recipe: Recipe, tarballs: Tarballs, *, keep: Callable[[Artifact], None], obstacle: str
) -> Phase:
    """Return the phase, behind the build gate; one sandbox compiles for all hosts of a platform.

    ``obstacle``: why no sandbox can be booted; a host that needs the build is then refused, and nothing is fetched.
    """
    facts = run.session.facts
    took = run.artifacts.last_compilation(recipe)
    build = SandboxBuild(run, recipe, suite_of(facts), tarballs, keep, took)
    space, built = FileSystems(recipe.prefix, ARTIFACT_MEGABYTES), Built(recipe, FromSandbox(build))
    if run.compiled_on:
        # Of a plan: the sandbox is in the plan of another host.
        return Phase("build", (space, built))
    made = MadeInSandbox(build, obstacle)
    if obstacle:
        return Phase("build", (space, made, built))
    steps: list[Step] = [space, Fetched(recipe, tarballs.at_hand, tarballs.origin), made]
    if (manager := MANAGERS.get(facts.packager or "")) is not None:
        scripts = manager.scripts
        steps.append(Packages(manager, scripts, recipe.prefix, Purpose.RUN, later=lambda: build.libraries))
    steps.append(built)
    return Phase("build", tuple(steps), StoppedAt(Gate.BUILD, recipe.name))
