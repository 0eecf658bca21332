"""The stories of a deployment: plan, converge, prove. And those of its parts: build, verify, status."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from secrets import token_bytes
from typing import TYPE_CHECKING

from provision import remote
from provision.artifacts import Artifact
from provision.converge import Status
from provision.errors import ProvisionError, SiteError
from provision.expectation import Expectation, expect
from provision.generation import SWITCH, Generation
from provision.keys import Key, Keys, parse_keys
from provision.ntp import MOST_KEYS
from provision.plan import (
    Switch,
    Tarballs,
    choose_conf,
    choose_generation,
    choose_recipe,
    compiling_steps,
    refuse_without_systemd,
    staging_steps,
    switching_steps,
    unpacking_steps,
)
from provision.prove import Proof, prove_build, rehearse_build
from provision.recipe import ROOT, Recipe
from provision.releases import Release
from provision.rollout import Gate, Held
from provision.run import Gates, Run
from provision.session import Session
from provision.steps import Step
from provision.steps.fetched import Fetched
from provision.wish import check_keys

if TYPE_CHECKING:
    from provision.fetch import Tarball


def deploy(run: Run) -> None:
    """Everything: build, configuration, keys, rehearsal, service, proof."""
    refuse_without_systemd(run.session.host.name, run.session.facts)
    _to_service(run, dry_run=False)


def stage(run: Run) -> None:
    """Everything up to the switch, which somebody else does, such as an image at its first boot."""
    if not run.session.facts.systemd_runs:
        # What may set no clock where an image is made, as in a container, may where it boots.
        run.session = replace(run.session, facts=replace(run.session.facts, can_set_clock=True))
    recipe = _recipe(run)
    keys = _keys(run, recipe, dry_run=False)
    generation, expected = _generation(run, recipe, keys)
    making = _build_steps(run, recipe)
    run.converge([*making, *staging_steps(generation, asked_at=expected.asked_at)], gates=_compiles(recipe, making))
    _add_notes(run, recipe, expected)
    run.report.notes.append(
        f"not done: nothing was switched; the daemon of generation {generation.id} was rehearsed and is not active. "
        f"To activate it, as root, where systemd runs: {SWITCH} {generation.id}"
    )


def plan(run: Run) -> None:
    """Show what deploy would do; change nothing, here or there."""
    refuse_without_systemd(run.session.host.name, run.session.facts)
    _to_service(run, dry_run=True)


def build(run: Run) -> None:
    """Build, verify and rehearse only; needs no systemd."""
    session, site = run.session, run.wish.site
    recipe = _recipe(run)
    making = _build_steps(run, recipe)
    run.converge(making, gates=_compiles(recipe, making))
    run.found(Proof(prove_build(session.host, recipe)))
    run.claim()
    run.progress.begin("rehearsing the build")
    conf = choose_conf(site, session.facts, time_source=session.time_source)
    # Ids and types are the operator's; the keys are not, which have no business on a machine that only builds.
    key_types = [(key.id, key.type) for key in run.keys.sample(MOST_KEYS)] if run.keys else [(1, "AES128")]
    expected = expect(conf, version=recipe.chrony.version, seccomp=site.seccomp > 0, facts=session.facts)
    findings = rehearse_build(session.host, recipe, conf, key_types, asked_at=expected.asked_at, seccomp=site.seccomp)
    run.found(Proof(findings))
    _note_checks(run, recipe)


def verify(run: Run) -> None:
    """Prove what runs now; change nothing."""
    session, site = run.session, run.wish.site
    refuse_without_systemd(session.host.name, session.facts)
    keys = run.keys or keys_on_host(session) or Keys(())
    run.log.hide(keys.secrets)
    conf = choose_conf(site, session.facts, time_source=session.time_source)
    expected = expect(conf, version=run.wish.chrony.version, seccomp=site.seccomp > 0, facts=session.facts)
    run.progress.begin("collecting evidence")
    run.found(run.prove(expected, keys, patience=run.wish.patience))


def status(run: Run) -> None:
    """Show tracking and sources, as chronyc prints them."""
    run.progress.say(run.session.host.ask(remote.load("status", ROOT)).rstrip())


def _to_service(run: Run, *, dry_run: bool) -> None:
    wish = run.wish
    recipe = _recipe(run)
    keys = _keys(run, recipe, dry_run=dry_run)
    generation, expected = _generation(run, recipe, keys)
    expected = replace(expected, others_later=wish.others_later)
    making = _build_steps(run, recipe)
    early: Future[Proof] | None = None
    switching = _switching_steps(run, generation, lambda: _as_before(expected, early))
    steps = [*making, *staging_steps(generation, asked_at=expected.asked_at), *switching]
    gates = {**_compiles(recipe, making), Held(Gate.SWITCH): switching}
    with ThreadPoolExecutor(max_workers=1) as pool:
        # While the survey is under way, for the run that changes nothing; after a change it says nothing.
        early = pool.submit(run.prove, expected, keys, patience=0) if run.keys and not dry_run else None
        run.converge(steps, dry_run=dry_run, gates=gates)
    _add_notes(run, recipe, expected)
    if run.report.pending or run.report.findings:
        return
    proof = early.result() if early and not run.report.changed else None
    if proof is None or not proof.is_whole:
        run.progress.begin("collecting evidence")
        proof = run.prove(expected, keys, patience=wish.patience)
    run.found(proof)


def _keys(run: Run, recipe: Recipe, *, dry_run: bool) -> Keys:
    """Return the operator's keys, or the first ones."""
    keys = run.keys
    if keys is None:
        # Keys are made by the chronyc that was built, so the build comes first.
        if not dry_run:
            making = _build_steps(run, recipe)
            run.converge(making, gates=_compiles(recipe, making))
        keys = _new_keys(run, recipe, dry_run=dry_run)
    else:
        _refuse_other_keys(run, keys)
    run.log.hide(keys.secrets)
    return keys


def _generation(run: Run, recipe: Recipe, keys: Keys) -> tuple[Generation, Expectation]:
    session, site = run.session, run.wish.site
    generation = choose_generation(site, session.facts, recipe=recipe, keys=keys, time_source=session.time_source)
    version = recipe.chrony.version
    return generation, expect(generation.conf, version=version, seccomp=site.seccomp > 0, facts=session.facts)


def _as_before(expected: Expectation, early: "Future[Proof] | None") -> Expectation:
    """Return what is expected after a switch, by what was seen before it."""
    if early is None:
        return expected
    try:
        sources = early.result().sources
    except ProvisionError:
        # Nothing ran there, or nobody could tell.
        sources = ()
    return replace(expected, was_answered=any(source.key is not None and source.authenticated for source in sources))


def _switching_steps(run: Run, generation: Generation, expect_now: Callable[[], Expectation]) -> list[Step]:
    return switching_steps(
        Switch(generation=generation.id, unit_sha256=generation.unit_sha256, build=generation.recipe.prefix),
        who=run.who,
        confirm_within=run.wish.confirm_within,
        is_answered=lambda: expect_now().serves and run.is_answered(),
        has_switched=lambda: run.has_switched,
        prove=lambda: run.prove_switch(expect_now(), generation.keys),
        keep=run.wish.site.service.keep,
        open_firewall=run.wish.site.serve.firewall == "open",
    )


def _recipe(run: Run) -> Recipe:
    return choose_recipe(run.wish.site, run.session.facts, chrony=run.wish.chrony, nettle=run.wish.nettle)


def _build_steps(run: Run, recipe: Recipe) -> list[Step]:
    name, facts = run.session.host.name, run.session.facts
    if (artifact := run.artifact(recipe.name)) is not None:
        return unpacking_steps(facts, recipe, artifact)

    # Imported when asked: a run that builds nothing does not pay for what downloads.
    def at_hand(release: Release) -> bool:
        from provision.fetch import Store  # noqa: PLC0415

        return Store.default().find(release, run.progress.line) is not None

    def fetched(release: Release) -> "Tarball":
        from provision.fetch import Store, fetch  # noqa: PLC0415

        wish = run.wish
        store, say = Store.default(), run.progress.line
        return fetch(release, store=store, sources=wish.sources, say=say, offline=wish.offline)

    def keep(artifact: Artifact) -> None:
        from provision.sbom import sbom  # noqa: PLC0415

        bill = sbom(recipe, artifact.libraries, sha256=artifact.sha256, packager=facts.packager)
        run.artifacts.keep(artifact, bill)
        # Who waits for it need not wait for the rest.
        run.building.close()

    tarballs = Tarballs(
        at_hand=at_hand,
        path=lambda release: fetched(release).path,
        origin=lambda release: fetched(release).in_words,
    )
    return compiling_steps(name, facts, recipe, tarballs, keep=keep, check=run.wish.check)


def _compiles(recipe: Recipe, making: list[Step]) -> Gates:
    """Return the gate before a compiler; an artifact is for everybody."""
    behind = making if any(isinstance(step, Fetched) for step in making) else []
    return {Held(Gate.BUILD, recipe.name): behind}


def _new_keys(run: Run, recipe: Recipe, *, dry_run: bool) -> Keys:
    """Return the keys that the host serves with already, or make the first; keep them in the operator's file."""
    source, session = run.wish.key_source, run.session
    path = source.name
    keys = keys_on_host(session)
    if keys is not None and run.wish.site.serve.role == "client":
        raise SiteError(
            f"{session.host.name}: has keys, but a client need not have all of them, and there is no {path}: "
            "copy that file here"
        )
    if keys is not None:
        run.report.notes.append(f"no {path}: {'would take' if dry_run else 'took'} over the keys that the host has")
    elif dry_run:
        run.report.notes.append(f"no {path}: would make key 1 (AES128) and keep it there")
        return Keys((Key(1, "AES128", token_bytes(16)),))
    else:
        # Its output is a secret: ask() does not log.
        keys = parse_keys(session.host.ask(f"{recipe.prefix}/bin/chronyc keygen 1 AES128"), "chronyc keygen")
        run.report.notes.append(f"made key 1 (AES128), kept in {path}")
    check_keys(run.wish.site, keys, path)
    if not dry_run:
        source.create(keys)
    return keys


def _refuse_other_keys(run: Run, keys: Keys) -> None:
    """Raise SiteError where a run over several hosts would replace the keys of one by those of the one before it."""
    there = None if run.wish.has_keys else keys_on_host(run.session)
    if there is None:
        return
    known = {key.id: key for key in keys}
    # A client gets a part of the keys; it may have more of them, but no other.
    of_client = run.wish.site.serve.role == "client" and all(known.get(key.id, key) == key for key in there)
    if not of_client and there.text != keys.text:
        raise SiteError(
            f"{run.session.host.name}: has other keys than {run.wish.key_source.name}, which this run made for a host "
            "before it; put the keys of both into that file, or deploy this host with a site of its own"
        )


def keys_on_host(session: Session) -> Keys | None:
    """Return the keys that the current generation has; None: there is none. ask() does not log them."""
    there = session.host.ask(f"if [ -e {ROOT}/current/chrony.keys ]; then cat {ROOT}/current/chrony.keys; fi")
    return parse_keys(there, f"{session.host.name}: {ROOT}/current/chrony.keys") if there else None


def _note_checks(run: Run, recipe: Recipe) -> None:
    built = any(str(recipe) in outcome.title and outcome.status is Status.CHANGED for outcome in run.report.outcomes)
    if run.wish.check and not built:
        run.report.notes.append("chrony's unit tests run after a build, and this build was there already")


def _add_notes(run: Run, recipe: Recipe, expected: Expectation) -> None:
    _note_checks(run, recipe)
    if expected.serves:
        warning = ": the whole world, that is" if expected.access.is_public else ""
        run.report.notes.append(f"may query: {expected.access.in_words()}{warning}")
    if not run.session.facts.can_set_clock:
        run.report.notes.append("this host may not set its clock: chronyd runs with -x and only serves and measures")
