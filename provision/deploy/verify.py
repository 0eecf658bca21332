"""Verify one host: check the running daemon, and that the host matches the site file."""

from provision.deploy.build import recipe_of
from provision.deploy.deploy import generation_of, switch_to
from provision.deploy.generation import Generation
from provision.deploy.keys_on_host import keys_on_host
from provision.deploy.phases import service_phases, stage_phase
from provision.deploy.prove import State, prove
from provision.deploy.refusals import refuse_without_systemd
from provision.deploy.run import Run
from provision.deploy.steps.build import Installed
from provision.deploy.steps.conflicting_services import NoForeignProcess
from provision.site.settings import NO_KEYS
from provision.verify.expectation import Expectation


def verify(run: Run) -> None:
    """Check the running daemon, and that the host matches the site file; change nothing."""
    session = run.session
    run.warn_of_site()
    refuse_without_systemd(session.host.name, session.facts)
    keys = run.keys
    if keys is None:
        keys = keys_on_host(session.host) or NO_KEYS
    run.log.hide(keys.secrets)
    recipe = recipe_of(run)
    generation, expected = generation_of(run, recipe, keys)
    run.progress.begin("collecting evidence")
    states = _states(run, generation, expected)
    run.found(prove(run.session, expected, keys, sync_timeout=run.settings.options.sync_timeout, states=states))


def _states(run: Run, generation: Generation, expected: Expectation) -> tuple[State, ...]:
    """Return the states of a generation's plan, all of which hold on a host to which it was deployed."""
    recipe = generation.recipe
    artifact = run.artifacts.find(recipe.name, run.progress.line)
    installed = Installed(recipe, artifact)
    phases = (
        stage_phase(generation, query_addresses=expected.query_addresses),
        *service_phases(switch_to(run, generation, lambda: expected), run.settings.site, run.session.facts),
    )
    return (
        State(NoForeignProcess()),
        State(installed, installed.in_words),
        *(State(step) for phase in phases for step in phase.steps),
    )
