"""Verify one host: check the running daemon, and that the host matches the site file or the built-in defaults."""

from collections.abc import Iterable
from dataclasses import replace

from provision.build.evidence import sections
from provision.common.errors import NothingDeployed, SiteError, understood
from provision.common.results import Finding
from provision.deploy.another_generation import judged, read_current
from provision.deploy.build import recipe_of
from provision.deploy.compared_states import State
from provision.deploy.deploy import generation_of, switch_to
from provision.deploy.generation import Generation
from provision.deploy.host_certificate import chain_of
from provision.deploy.keys_on_host import keys_on_host
from provision.deploy.not_deployed import not_deployed
from provision.deploy.phases import service_phases, stage_phase
from provision.deploy.proof import Proof
from provision.deploy.prove import prove
from provision.deploy.raw_answers import raw_answers
from provision.deploy.refusals import refuse_without_systemd
from provision.deploy.run import Run
from provision.deploy.status import read_state
from provision.deploy.steps.active import Active, parse_there
from provision.deploy.steps.build import Installed
from provision.deploy.steps.conflicting_services import NoForeignProcess
from provision.deploy.switch import Switch
from provision.host.unconfirmed import named_values
from provision.keys import Keys
from provision.output.status import HostStatus
from provision.site.settings import NO_KEYS
from provision.verify.checks.from_here import CLIENT, with_other_secrets
from provision.verify.checks.site import MATCHES_DEFAULTS, READABLE
from provision.verify.expectation import Expectation
from provision.verify.host_status import LAST_SECTION


def verify(run: Run, *, keeps_answers: bool = False) -> None:
    """Check the running daemon, and that the host matches the site file; change nothing.

    ``keeps_answers``: the raw answers of the host go into the report, without secrets.
    """
    session = run.session
    run.report.role = run.settings.site.serve.role
    run.warn_of_site()
    refuse_without_systemd(session.host.name, session.facts)
    keys = run.keys
    if keys is None:
        keys = keys_on_host(session.host) or NO_KEYS
    run.log.hide(keys.secrets)
    recipe = recipe_of(run)
    generation, _ = generation_of(run, recipe, keys)
    # The unit names the certificate of the host, whose name and end are a part of what is expected.
    run.host_chain = chain_of(run, generation.unit)
    generation, expected = generation_of(run, recipe, keys)
    run.progress.begin("collecting evidence")
    to = switch_to(run, generation, lambda: expected)
    states = _states(run, generation, expected, to)
    try:
        proof = prove(
            run.session,
            expected,
            keys,
            sync_timeout=run.settings.options.sync_timeout,
            states=states,
            tells_state=True,
        )
    except NothingDeployed as error:
        raise not_deployed(run) from error
    run.report.status = _status(run, proof)
    if keeps_answers:
        run.report.answers = dict(raw_answers(proof, generation.conf, run.hide_secrets))
    there = parse_there(proof.answers[Active.id])
    other = None
    if there.current != generation.id:
        other = read_current(run, there, generation, to)
    findings = tuple(judged(proof.findings, there, generation.id, other))
    if any(finding.id == CLIENT.key.id and finding.holds is False for finding in findings):
        findings = tuple(with_other_secrets(findings, keys, _keys_there(run)))
    run.found(replace(proof, findings=findings))
    if _differs(findings):
        run.report.notes.append("inv plan shows the differences, inv deploy removes them")


def _status(run: Run, proof: Proof) -> HostStatus | None:
    """Return the state of the host, as the task status shows it; None if the evidence lacks it. Raises ParseError."""
    said = sections(proof.evidence)
    is_unreadable = any(finding.id == READABLE.id for finding in proof.findings)
    if is_unreadable or LAST_SECTION not in said:
        return None
    with understood(f"{run.session.host.name}: the state of chronyd"):
        process = named_values(said["process"])
        state, _, _ = read_state(
            run, said, generation=process.get("generation", ""), executable=process.get("executable", "")
        )
    return state


def _differs(findings: Iterable[Finding]) -> bool:
    """Return whether the host differs from the wanted state, as a plan would show."""
    return any(finding.id.startswith("site.") and finding.holds is False for finding in findings)


def _keys_there(run: Run) -> Keys:
    """Return the keys that the host serves with; none if they cannot be read."""
    try:
        keys = keys_on_host(run.session.host) or NO_KEYS
    except SiteError:
        return NO_KEYS
    run.log.hide(keys.secrets)
    return keys


def _states(run: Run, generation: Generation, expected: Expectation, to: Switch) -> tuple[State, ...]:
    """Return the states of a generation's plan, all of which hold on a host to which it was deployed."""
    recipe = generation.recipe
    artifact = run.artifacts.find(recipe.name, run.progress.line)
    installed = Installed(recipe, artifact)
    phases = (
        stage_phase(generation, expected),
        *service_phases(to, run.settings.site, run.session.facts, expected.nts),
    )
    states = (
        State(NoForeignProcess()),
        State(installed, installed.in_words),
        *(State(step) for phase in phases for step in phase.steps),
    )
    if run.settings.options.folder_without_site:
        return tuple(replace(state, claim=MATCHES_DEFAULTS) for state in states)
    return states
