"""Build chrony on one host: compile it or unpack an artifact, verify the build, and rehearse it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from provision.build.artifact import Artifact, confirmations
from provision.build.recipe import Recipe
from provision.chrony.releases import Release
from provision.common.results import Status
from provision.deploy.choices import choose_conf, choose_recipe
from provision.deploy.phases import Tarballs, compile_phase, promised_phase, unpack_phase
from provision.deploy.proof import Proof
from provision.deploy.run import Run
from provision.deploy.steps import Phase
from provision.deploy.steps.build import Built
from provision.verify.checks.build import unit_tests_finding
from provision.verify.expectation import expect
from provision.verify.ntp.probe import MOST_KEYS

if TYPE_CHECKING:
    from provision.build.fetch.store import Tarball


def build(run: Run) -> None:
    """Build chrony, verify the build and rehearse it; systemd need not run."""
    # Imported here, for a deployment needs none of it.
    from provision.deploy.prove_build import prove_build, rehearse_build  # noqa: PLC0415

    session, site = run.session, run.settings.site
    run.warn_of_site()
    recipe = recipe_of(run)
    run.converge((*run.clock_phases(), build_phase(run, recipe)))
    run.found(Proof(prove_build(session.host, recipe)))
    if run.settings.options.unit_tests:
        run.found(Proof((unit_tests_finding(passed=unit_tests_passed(run, recipe)),)))
    run.claim()
    run.progress.begin("rehearsing the build")
    conf = choose_conf(site, session.facts, chrony=recipe.chrony.version, time_source=session.time_source)
    # Only ids and types are taken from the operator's keys, for a host that only builds needs no secrets.
    key_types = [(1, "AES128")]
    if run.keys:
        key_types = [(key.id, key.type) for key in run.keys.sample(MOST_KEYS)]
    expected = expect(conf, version=recipe.chrony.version, seccomp=site.seccomp > 0, facts=session.facts)
    findings = rehearse_build(
        session.host, recipe, conf, key_types, query_addresses=expected.query_addresses, seccomp=site.seccomp
    )
    run.found(Proof(findings))


def recipe_of(run: Run) -> Recipe:
    """Return the recipe of the build for the host of a run."""
    return choose_recipe(run.settings.site, run.session.facts, chrony=run.settings.chrony, nettle=run.settings.nettle)


def build_phase(run: Run, recipe: Recipe) -> Phase:
    """Return the phase that brings a build to the host: from an artifact or, without one, by compiling it first."""
    facts = run.session.facts
    if (artifact := run.artifact(recipe.name)) is not None:
        return unpack_phase(facts, recipe, artifact)
    on, why = run.settings.site.build.on, ""
    if on == "auto" and run.session.is_container:
        # A compiler in a sandbox does no harm, and another sandbox would compute on the same processors.
        on = "host"
    if on != "host":
        why = _sandbox_obstacle(run, recipe)
        if on == "sandbox" or not why:
            return _sandbox_phase(run, recipe, obstacle=why)
    if run.compiled_on:
        return promised_phase(recipe, run.compiled_on)
    return compile_phase(
        run.session.host.name,
        facts,
        recipe,
        _tarballs(run),
        keep=_keep(run, recipe),
        unit_tests=run.settings.options.unit_tests,
        took=run.artifacts.last_compilation(recipe),
        why=why,
    )


def _sandbox_obstacle(run: Run, recipe: Recipe) -> str:
    """Return why no sandbox can compile for the host; empty if one can, as far as is known."""
    site = run.settings.site
    if run.unfit == recipe.name:
        return "the other way failed: see the note"
    if site.build.confirm > 1:
        return f"a sandbox is one builder, and build.confirm is {site.build.confirm}"
    if site.build.on == "auto" and site.rollout.builder is not None:
        return "rollout.builder names the host that compiles"
    from provision.deploy.sandbox_build import obstacle_here  # noqa: PLC0415 -- most runs need no sandbox

    return obstacle_here(run.session.facts, may_prepare=site.build.on == "sandbox")


def _sandbox_phase(run: Run, recipe: Recipe, *, obstacle: str) -> Phase:
    """Return the phase that compiles the build in a sandbox and unpacks it on the host."""
    from provision.deploy.sandbox_phase import sandbox_phase  # noqa: PLC0415 -- most runs need no sandbox

    return sandbox_phase(run, recipe, _tarballs(run), keep=_keep(run, recipe), obstacle=obstacle)


def _tarballs(run: Run) -> Tarballs:
    """Return the source of the tarballs of a run."""

    # Imported only when used, for the libraries for downloads are slow to import.
    def at_hand(release: Release) -> bool:
        from provision.build.fetch.store import Store  # noqa: PLC0415

        return Store.default().find(release, run.progress.line) is not None

    def fetched(release: Release) -> "Tarball":
        from provision.build.fetch.fetch import fetch  # noqa: PLC0415
        from provision.build.fetch.store import Store  # noqa: PLC0415

        settings = run.settings
        store = Store.default()
        say = run.progress.line
        return fetch(release, store=store, sources=settings.options.sources, say=say, offline=settings.options.offline)

    return Tarballs(
        at_hand=at_hand,
        data=lambda release: fetched(release).data,
        origin=lambda release: fetched(release).in_words,
    )


def _keep(run: Run, recipe: Recipe) -> Callable[[Artifact], None]:
    """Return the function that stores the artifact of a run."""

    def keep(artifact: Artifact) -> None:
        from provision.build.sbom import sbom  # noqa: PLC0415 -- only a run that compiles needs it

        packager = run.session.facts.packager
        bill = sbom(recipe, artifact.libraries, sha256=artifact.sha256, packager=packager)
        confirm = run.settings.site.build.confirm
        kept = run.artifacts.keep(artifact, bill, confirm=confirm)
        if confirm > 1:
            run.report.notes.append(f"{recipe}: {confirmations(kept, confirm)}")
        # Release the lock early: other runs wait only for the artifact.
        run.building.close()

    return keep


def unit_tests_passed(run: Run, recipe: Recipe) -> bool:
    """Return whether chrony's unit tests ran in this run, or did when the artifact on this machine was made."""
    built = any(outcome.id == Built.id and outcome.status is Status.CHANGED for outcome in run.report.outcomes)
    return built or run.artifact(recipe.name) is not None
