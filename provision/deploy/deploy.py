"""Run the operations deploy, plan and stage on one host."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from provision.build.recipe import Recipe
from provision.common.errors import ProvisionError
from provision.deploy.build import build_phase, recipe_of
from provision.deploy.choices import choose_generation
from provision.deploy.generation import Generation
from provision.deploy.host_certificate import checked_chain, with_chain
from provision.deploy.keys import choose_keys
from provision.deploy.keys_on_host import asked_once, keys_on_host
from provision.deploy.notes import add_notes
from provision.deploy.phases import deployment, preconditions, stage_phase
from provision.deploy.proof import Proof
from provision.deploy.prove import prove
from provision.deploy.refusals import (
    refuse_host_certificate,
    refuse_nts_in_fips_mode,
    refuse_sockets,
    refuse_unready,
)
from provision.deploy.run import Run
from provision.deploy.steps import Phase
from provision.deploy.steps.existing_service import ExistingKept
from provision.deploy.switch import Switch
from provision.host.paths import SWITCH
from provision.keys import Keys, make_key
from provision.site.settings import NO_KEYS
from provision.takeover.wanted import Wanted
from provision.verify.expectation import Expectation, expect
from provision.verify.nts import with_nts


def deploy(run: Run) -> None:
    """Build chrony, stage a generation, switch to it, prove it, and confirm it."""
    _to_service(run, dry_run=False)


def plan(run: Run) -> None:
    """Show the changes that deploy would make; change nothing on the host or on this machine."""
    _to_service(run, dry_run=True)


def stage(run: Run) -> None:
    """Build chrony and stage a generation without switching to it, for example for an image that switches at boot."""
    run.warn_of_site()
    refuse_nts_in_fips_mode(run.session.host.name, run.session.facts, run.settings.site)
    if not run.session.facts.systemd_runs:
        # An image that is made in a container, which may not set the clock, may set it after its boot.
        run.session = replace(run.session, facts=replace(run.session.facts, can_set_clock=True))
    refuse_host_certificate(run.session.host.name, run.session.facts, run.settings.site)
    run.host_chain = checked_chain(run)
    recipe = recipe_of(run)
    build = build_phase(run, recipe)
    clock = run.clock_phases()
    keys = choose_keys(run, recipe, lambda: (*clock, build), dry_run=False, keys_there=keys_on_host)
    generation, expected = generation_of(run, recipe, keys)
    run.converge((*clock, build, stage_phase(generation, expected)))
    add_notes(run, expected, recipe, proven=False)
    run.report.notes.append(
        f"not done: nothing was switched; the daemon of generation {generation.id} was rehearsed and is not active. "
        f"To activate it, as root, where systemd runs: {SWITCH} {generation.id}"
    )


def _to_service(run: Run, *, dry_run: bool) -> None:
    settings, facts = run.settings, run.session.facts
    run.report.role = settings.site.serve.role
    run.warn_of_site()
    refuse_unready(run.session.host.name, facts, settings.site)
    run.host_chain = checked_chain(run)
    recipe = recipe_of(run)
    build = build_phase(run, recipe)
    # A deployment asks again behind the lock, for another run may have changed the keys.
    keys_there = asked_once() if dry_run else None
    clock = run.clock_phases()
    without_keys, expected = generation_of(run, recipe, NO_KEYS)
    expected = replace(expected, has_later_sources=settings.has_later_sources)

    def before_keys() -> tuple[Phase, ...]:
        # In place of the key that the new chronyc makes: it is another one than any key of the host, too.
        first_key = Keys((make_key(1, "AES128"),))
        return (*clock, preconditions(recipe, _existing(run, without_keys, first_key)), build)

    keys = choose_keys(run, recipe, before_keys, dry_run=dry_run, keys_there=keys_there or keys_on_host)
    generation = replace(without_keys, keys=keys)
    with ThreadPoolExecutor(max_workers=1) as pool:
        # Collect evidence during the survey, for a run that changes nothing; after a change, it is not used.
        asking = run.keys is not None and not dry_run
        early = pool.submit(prove, run.session, expected, keys, sync_timeout=0, early=True) if asking else None
        switch = switch_to(run, generation, lambda: _as_before(expected, early))
        phases = deployment(
            build,
            generation,
            switch,
            settings.site,
            facts,
            existing=_existing(run, without_keys, keys),
            expected=expected,
            keys_there=keys_there,
        )
        run.converge((*clock, *phases), dry_run=dry_run)
    add_notes(run, expected, recipe, proven=not run.report.pending)
    if run.report.pending or run.report.findings:
        return
    proof = early.result() if early and not run.report.changed else None
    if proof is None or not proof.is_complete:
        run.progress.begin("collecting evidence")
        proof = prove(run.session, expected, keys, sync_timeout=settings.options.sync_timeout)
    run.found(proof)


def _existing(run: Run, without_keys: Generation, keys: Keys) -> ExistingKept:
    """Return the step against losses of a first deployment, for a generation with these keys."""
    # The template, for the id of a generation takes a slow digest, and is not compared.
    wanted = Wanted.of(without_keys.conf, without_keys.unit_template, keys)
    return ExistingKept(wanted, replace=run.settings.options.replace)


def _as_before(expected: Expectation, early: Future[Proof] | None) -> Expectation:
    """Return the expectation after a switch; its sources are as authenticated as they were before."""
    if early is None:
        return expected
    try:
        sources = early.result().sources or ()
    except ProvisionError:
        # No chronyd ran, or its state is unknown.
        sources = ()
    return replace(expected, answered_before=any(source.credential and source.authenticated for source in sources))


def generation_of(run: Run, recipe: Recipe, keys: Keys) -> tuple[Generation, Expectation]:
    """Return the generation for the host of a run, and what its daemon has to show."""
    session, site = run.session, run.settings.site
    generation = choose_generation(
        site,
        session.facts,
        recipe=recipe,
        keys=keys,
        time_source=session.time_source,
        certificates=run.settings.certificates,
    )
    version = recipe.chrony.version
    refuse_sockets(session.host.name, session.facts, site, version, has_sockets=bool(generation.socket))
    expected = expect(generation.conf, version=version, seccomp=site.seccomp > 0, facts=session.facts)
    certificates = with_chain(generation.certificates, run.host_chain)
    expected = with_nts(expected, generation.conf, certificates, session.facts, run.settings.nts_authority)
    if expected.nts is not None and _keeps_a_wrong_clock(run):
        expected = replace(expected, nts=replace(expected.nts, host_judges_dates=False))
    return generation, expected


def _keeps_a_wrong_clock(run: Run) -> bool:
    """Return whether the clock of the host is wrong until chronyd sets it: no phase before that does."""
    clock = run.session.clock
    return clock is not None and clock.differs and not run.clock_phases()


def switch_to(run: Run, generation: Generation, expect_now: Callable[[], Expectation]) -> Switch:
    """Return the switch to a generation; ``expect_now`` is called when its proof begins."""
    run.report.switch.generation = generation.id
    return Switch(
        generation=generation.id,
        unit_sha256=generation.unit_sha256,
        socket_sha256=generation.socket_sha256,
        build=generation.recipe.prefix,
        running=generation.running,
        who=run.who,
        task="deploy",
        wanted_by=run.settings.options.wanted_by,
        confirm_timeout=run.settings.options.confirm_timeout,
        is_answered=lambda: expect_now().serves and run.is_answered(),
        prove=lambda: run.prove_switch(expect_now(), generation.keys, generation.id),
        sync_timeout=run.settings.options.sync_timeout,
        state=run.report.switch,
    )
