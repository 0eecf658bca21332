"""Run the operations deploy, plan, stage, build and verify on one host."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from secrets import token_bytes
from typing import TYPE_CHECKING

from provision.build.artifacts import Artifact, confirmations
from provision.build.recipe import Recipe
from provision.chrony.releases import Release
from provision.common.errors import ProvisionError, SiteError
from provision.common.results import Status
from provision.deploy.generation import Generation
from provision.deploy.keys_on_host import keys_on_host
from provision.deploy.phases import Phase
from provision.deploy.plan import (
    Switch,
    Tarballs,
    boot_wait,
    choose_conf,
    choose_generation,
    choose_recipe,
    compile_phase,
    confirm_phase,
    links_phase,
    log_rotation,
    needs_phase,
    preconditions,
    promised_phase,
    refuse_without_port,
    refuse_without_systemd,
    stage_phase,
    switch_phase,
    unpack_phase,
)
from provision.deploy.prove import Proof, State, prove_build, rehearse_build
from provision.deploy.run import Run
from provision.deploy.steps.built import Built, Installed
from provision.deploy.steps.conflicts import NoForeignProcess
from provision.host import scripts
from provision.host.facts import Facts
from provision.host.paths import ROOT, SWITCH
from provision.keys import Key, Keys, parse_keys
from provision.site import Site
from provision.site.settings import NO_KEYS, check_keys
from provision.verify.checks.build import unit_tests_finding
from provision.verify.expectation import Expectation, expect
from provision.verify.ntp import MOST_KEYS

if TYPE_CHECKING:
    from provision.build.fetch import Tarball


def deployment(
    build: Phase, generation: Generation, to: Switch, site: Site, facts: Facts, *, query_addresses: tuple[str, ...]
) -> tuple[Phase, ...]:
    """Return the plan of a deployment; ``build`` is the phase that brings the generation's build to the host."""
    switch, confirm, links = service_phases(to, site, facts)
    return (
        preconditions(generation.recipe, generation),
        build,
        stage_phase(generation, query_addresses=query_addresses),
        needs_phase(generation.conf, generation.user),
        switch,
        confirm,
        links,
    )


def service_phases(to: Switch, site: Site, facts: Facts) -> tuple[Phase, Phase, Phase]:
    """Return the phases from a staged generation to the time service of the host."""
    return (
        switch_phase(to, open_firewall=site.serve.firewall == "open"),
        confirm_phase(to, keep=site.service.keep),
        links_phase(boot_wait(site, facts), log_rotation(site, facts), replace_programs=site.service.replace_programs),
    )


def deploy(run: Run) -> None:
    """Build chrony, stage a generation, switch to it, prove it, and confirm it."""
    _to_service(run, dry_run=False)


def stage(run: Run) -> None:
    """Build chrony and stage a generation without switching to it, for example for an image that switches at boot."""
    if not run.session.facts.systemd_runs:
        # An image that is made in a container, which may not set the clock, may set it after its boot.
        run.session = replace(run.session, facts=replace(run.session.facts, can_set_clock=True))
    recipe = _recipe(run)
    build = _build_phase(run, recipe)
    keys = _keys(run, recipe, (build,), dry_run=False)
    generation, expected = _generation(run, recipe, keys)
    run.converge((build, stage_phase(generation, query_addresses=expected.query_addresses)))
    _add_notes(run, expected, recipe)
    run.report.notes.append(
        f"not done: nothing was switched; the daemon of generation {generation.id} was rehearsed and is not active. "
        f"To activate it, as root, where systemd runs: {SWITCH} {generation.id}"
    )


def plan(run: Run) -> None:
    """Show the changes that deploy would make; change nothing on the host or on this machine."""
    _to_service(run, dry_run=True)


def build(run: Run) -> None:
    """Build chrony, verify the build and rehearse it; systemd need not run."""
    session, site = run.session, run.settings.site
    recipe = _recipe(run)
    run.converge((_build_phase(run, recipe),))
    run.found(Proof(prove_build(session.host, recipe)))
    if run.settings.unit_tests:
        run.found(Proof((unit_tests_finding(passed=_unit_tests_passed(run, recipe)),)))
    run.claim()
    run.progress.begin("rehearsing the build")
    conf = choose_conf(site, session.facts, time_source=session.time_source)
    # Only ids and types are taken from the operator's keys, for a host that only builds needs no secrets.
    key_types = [(1, "AES128")]
    if run.keys:
        key_types = [(key.id, key.type) for key in run.keys.sample(MOST_KEYS)]
    expected = expect(conf, version=recipe.chrony.version, seccomp=site.seccomp > 0, facts=session.facts)
    findings = rehearse_build(
        session.host, recipe, conf, key_types, query_addresses=expected.query_addresses, seccomp=site.seccomp
    )
    run.found(Proof(findings))


def verify(run: Run) -> None:
    """Check the running daemon, and that the host matches the site file; change nothing."""
    session = run.session
    refuse_without_systemd(session.host.name, session.facts)
    keys = run.keys
    if keys is None:
        keys = keys_on_host(session.host) or NO_KEYS
    run.log.hide(keys.secrets)
    recipe = _recipe(run)
    generation, expected = _generation(run, recipe, keys)
    run.progress.begin("collecting evidence")
    states = _states(run, generation, expected)
    run.found(run.prove(expected, keys, sync_timeout=run.settings.sync_timeout, states=states))


def _states(run: Run, generation: Generation, expected: Expectation) -> tuple[State, ...]:
    """Return the states of a generation's plan, all of which hold on a host to which it was deployed."""
    recipe = generation.recipe
    artifact = run.artifacts.find(recipe.name, run.progress.line)
    installed = Installed(recipe, artifact)
    phases = (
        stage_phase(generation, query_addresses=expected.query_addresses),
        *service_phases(_switch(run, generation, lambda: expected), run.settings.site, run.session.facts),
    )
    return (
        State(NoForeignProcess()),
        State(installed, installed.in_words),
        *(State(step) for phase in phases for step in phase.steps),
    )


def show(run: Run, script: str) -> None:
    """Show the output of a script in host/scripts/look/, whose argument is our folder on the host."""
    run.progress.say(run.session.host.ask(scripts.load(script, ROOT)).rstrip())


def _to_service(run: Run, *, dry_run: bool) -> None:
    settings, facts = run.settings, run.session.facts
    refuse_without_systemd(run.session.host.name, facts)
    refuse_without_port(run.session.host.name, facts, settings.site)
    recipe = _recipe(run)
    build = _build_phase(run, recipe)
    keys = _keys(run, recipe, (preconditions(recipe), build), dry_run=dry_run)
    generation, expected = _generation(run, recipe, keys)
    expected = replace(expected, has_later_sources=settings.has_later_sources)
    with ThreadPoolExecutor(max_workers=1) as pool:
        # Collect evidence during the survey, for a run that changes nothing; after a change, it is not used.
        asking = run.keys is not None and not dry_run
        early = pool.submit(run.prove, expected, keys, sync_timeout=0, early=True) if asking else None
        switch = _switch(run, generation, lambda: _as_before(expected, early))
        phases = deployment(build, generation, switch, settings.site, facts, query_addresses=expected.query_addresses)
        run.converge(phases, dry_run=dry_run)
    _add_notes(run, expected, recipe)
    if run.report.pending or run.report.findings:
        return
    proof = early.result() if early and not run.report.changed else None
    if proof is None or not proof.is_complete:
        run.progress.begin("collecting evidence")
        proof = run.prove(expected, keys, sync_timeout=settings.sync_timeout)
    run.found(proof)


def _keys(run: Run, recipe: Recipe, phases: Sequence[Phase], *, dry_run: bool) -> Keys:
    """Return the operator's keys or, if there are none, new ones; ``phases`` install the chronyc that makes them."""
    keys = run.keys
    if keys is None:
        run.settings.key_source.refuse_unwritable()
        # The new chronyc generates the keys, so the build comes first.
        if not dry_run:
            run.converge(phases)
        keys = _new_keys(run, recipe, dry_run=dry_run)
    else:
        _refuse_other_keys(run, keys)
    run.log.hide(keys.secrets)
    return keys


def _generation(run: Run, recipe: Recipe, keys: Keys) -> tuple[Generation, Expectation]:
    session, site = run.session, run.settings.site
    generation = choose_generation(site, session.facts, recipe=recipe, keys=keys, time_source=session.time_source)
    version = recipe.chrony.version
    return generation, expect(generation.conf, version=version, seccomp=site.seccomp > 0, facts=session.facts)


def _as_before(expected: Expectation, early: "Future[Proof] | None") -> Expectation:
    """Return the expectation after a switch; its sources are as authenticated as they were before."""
    if early is None:
        return expected
    try:
        sources = early.result().sources or ()
    except ProvisionError:
        # No chronyd ran, or its state is unknown.
        sources = ()
    return replace(expected, answered_before=any(source.key is not None and source.authenticated for source in sources))


def _switch(run: Run, generation: Generation, expect_now: Callable[[], Expectation]) -> Switch:
    run.report.switch.generation = generation.id
    return Switch(
        generation=generation.id,
        unit_sha256=generation.unit_sha256,
        build=generation.recipe.prefix,
        running=generation.running,
        who=run.who,
        task="deploy",
        confirm_timeout=run.settings.confirm_timeout,
        is_answered=lambda: expect_now().serves and run.is_answered(),
        prove=lambda: run.prove_switch(expect_now(), generation.keys, generation.id),
        sync_timeout=run.settings.sync_timeout,
        state=run.report.switch,
    )


def _recipe(run: Run) -> Recipe:
    return choose_recipe(run.settings.site, run.session.facts, chrony=run.settings.chrony, nettle=run.settings.nettle)


def _build_phase(run: Run, recipe: Recipe) -> Phase:
    name, facts = run.session.host.name, run.session.facts
    if (artifact := run.artifact(recipe.name)) is not None:
        return unpack_phase(facts, recipe, artifact)
    if run.compiled_on:
        return promised_phase(recipe, run.compiled_on)

    # Imported only when used, for the libraries for downloads are slow to import.
    def at_hand(release: Release) -> bool:
        from provision.build.fetch import Store  # noqa: PLC0415

        return Store.default().find(release, run.progress.line) is not None

    def fetched(release: Release) -> "Tarball":
        from provision.build.fetch import Store, fetch  # noqa: PLC0415

        settings = run.settings
        store = Store.default()
        say = run.progress.line
        return fetch(release, store=store, sources=settings.sources, say=say, offline=settings.offline)

    def keep(artifact: Artifact) -> None:
        from provision.build.sbom import sbom  # noqa: PLC0415

        bill = sbom(recipe, artifact.libraries, sha256=artifact.sha256, packager=facts.packager)
        confirm = run.settings.site.build.confirm
        kept = run.artifacts.keep(artifact, bill, confirm=confirm)
        if confirm > 1:
            run.report.notes.append(f"{recipe}: {confirmations(kept, confirm)}")
        # Release the lock early: other runs wait only for the artifact.
        run.building.close()

    tarballs = Tarballs(
        at_hand=at_hand,
        data=lambda release: fetched(release).data,
        origin=lambda release: fetched(release).in_words,
    )
    return compile_phase(name, facts, recipe, tarballs, keep=keep, unit_tests=run.settings.unit_tests)


def _new_keys(run: Run, recipe: Recipe, *, dry_run: bool) -> Keys:
    """Take over the keys of the host, or generate the first one; write them to the operator's key file."""
    source, session = run.settings.key_source, run.session
    path = source.name
    keys = keys_on_host(session.host)
    if keys is not None and run.settings.site.serve.role == "client":
        raise SiteError(
            f"{session.host.name}: has keys, but a client need not have all of them, and there is no {path}: "
            "copy that file here"
        )
    if keys is not None and dry_run:
        note = f"no {path}: would take over the keys that the host has"
    elif keys is not None:
        note = f"no {path}: took over the keys that the host has"
    elif dry_run:
        note = (
            f"no {path}: would make key 1 (AES128) and keep it there; the id of the generation depends on that key and "
            "will be another one"
        )
        keys = Keys((Key(1, "AES128", token_bytes(16)),))
    else:
        # ask() does not log the output, which is a secret.
        keygen = scripts.as_nobody(f"{recipe.prefix}/bin/chronyc keygen 1 AES128")
        keys = parse_keys(session.host.ask(keygen, secret=True), "chronyc keygen")
        note = f"made key 1 (AES128), kept in {path}"
    check_keys(run.settings.site, keys, path)
    if not dry_run:
        source.create(keys)
    if note not in run.report.notes:
        run.report.notes.append(note)
    return keys


def _refuse_other_keys(run: Run, keys: Keys) -> None:
    """Raise SiteError if the keys that this run has made or taken from another host would replace other keys here."""
    if run.settings.has_keys:
        return
    there = keys_on_host(run.session.host)
    if there is None:
        return
    known = {key.id: key for key in keys}
    # A client has only a part of the keys, but all of them have to be in the file.
    of_client = run.settings.site.serve.role == "client" and all(known.get(key.id, key) == key for key in there)
    if not of_client and there.text != keys.text:
        raise SiteError(
            f"{run.session.host.name}: has other keys than {run.settings.key_source.name}, which this run made for a "
            "host before it; put the keys of both into that file, or deploy this host with a site of its own"
        )


def _unit_tests_passed(run: Run, recipe: Recipe) -> bool:
    """Return whether chrony's unit tests ran in this run, or did when the artifact on this machine was made."""
    built = any(outcome.id == Built.id and outcome.status is Status.CHANGED for outcome in run.report.outcomes)
    return built or run.artifact(recipe.name) is not None


def _add_notes(run: Run, expected: Expectation, recipe: Recipe) -> None:
    if run.settings.unit_tests and not _unit_tests_passed(run, recipe):
        run.report.notes.append("chrony's unit tests run after a build, and this build already existed")
    if expected.serves:
        access = expected.access
        note = f"may query: {access.in_words()}"
        if access.is_everyone:
            note += ", which is the whole Internet"
        elif access.is_public:
            note += ", which includes public addresses"
        run.report.notes.append(note)
    if run.session.facts.clock_may_end_in_2038:
        run.report.notes.append(
            "this is a system of 32 bits: its clock ends on 19 January 2038, unless the build's configure.log says "
            "'64-bit time_t : Yes'"
        )
    if not run.session.facts.can_set_clock:
        run.report.notes.append("this host may not set its clock: chronyd runs with -x and only serves and measures")
