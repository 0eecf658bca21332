"""Roll back to an existing generation of a host, and prove it."""

from collections.abc import Sequence

from provision.chrony.unit_values import seccomp_level, service_user
from provision.common.errors import CommandFailed, SiteError, understood
from provision.deploy.history import HostHistory, read_history
from provision.deploy.history_records import previous
from provision.deploy.host_certificate import chain_of, with_chain
from provision.deploy.kept import Kept, read_kept
from provision.deploy.phases import confirm_phase, links_phase, needs_phase, switch_phase, switch_script
from provision.deploy.prove import prove
from provision.deploy.refusals import refuse_without_systemd
from provision.deploy.run import Run
from provision.deploy.steps import Phase
from provision.deploy.steps.unit_overrides import NotOverridden
from provision.deploy.switch import Switch
from provision.host.paths import ROOT
from provision.host.unconfirmed import BEFORE
from provision.verify.expectation import expect
from provision.verify.nts import with_nts


def rollback(run: Run, *, to: str) -> None:
    """Switch to an existing generation of the host, and prove it; ``to`` is its id, or empty for the previous one."""
    host, facts = run.session.host, run.session.facts
    refuse_without_systemd(host.name, facts)
    history = read_history(run)
    generation = _choose(host.name, to, history)
    kept = read_kept(run, generation)
    version = kept.version
    if kept.drift is not None:
        others = [other for other in history.generations if other not in {generation, history.current}]
        raise CommandFailed(_altered(host.name, generation, kept.drift, others))
    certificates = with_chain(kept.certificates, chain_of(run, kept.unit))
    with understood(f"generation {generation} of the host"):
        seccomp = seccomp_level(kept.unit) > 0
        expected = expect(kept.conf, version=version, seccomp=seccomp, facts=facts)
        expected = with_nts(expected, kept.conf, certificates, facts, run.settings.nts_authority)
        running = kept.running
    run.report.switch.generation = generation
    switch = Switch(
        generation=generation,
        unit_sha256=kept.unit_sha256,
        socket_sha256=kept.socket_sha256,
        build=f"{ROOT}/builds/{kept.build}",
        running=running,
        who=run.who,
        task="rollback",
        wanted_by="the rollback wants",
        confirm_timeout=run.settings.options.confirm_timeout,
        is_answered=lambda: expected.serves and run.is_answered(),
        prove=lambda: run.prove_switch(expected, kept.keys, generation),
        sync_timeout=run.settings.options.sync_timeout,
        state=run.report.switch,
    )
    run.converge(_phases(kept, switch))
    if not run.report.findings:
        run.progress.begin("collecting evidence")
        run.found(prove(run.session, expected, kept.keys, sync_timeout=run.settings.options.sync_timeout))
    run.report.notes.append("the next deployment puts back what the site says: change the site, too")


def _phases(kept: Kept, switch: Switch) -> tuple[Phase, ...]:
    """Return the phases of a rollback to a generation that the host keeps."""
    return (
        Phase("preconditions", (NotOverridden(kept.unit),)),
        Phase("stage", (switch_script(),)),
        needs_phase(kept.conf, service_user(kept.unit)),
        switch_phase(switch),
        # Remove no generation, for another one may be needed next.
        confirm_phase(switch, keep=None),
        links_phase(),
    )


def _altered(name: str, generation: str, drift: str, others: Sequence[str]) -> str:
    """Return that a generation is altered, and what to do."""
    words = f"{name}: generation {generation} was altered since it was deployed: {drift}; inv deploy deploys the site's"
    if others:
        words += f", or --to names another one: {', '.join(others)}"
    return words


def _choose(name: str, to: str, history: HostHistory) -> str:
    """Return the generation to go back to. Raises SiteError if there is none, or nothing is deployed."""
    there = history.generations
    has = f"it has {', '.join(there) or 'none'}"
    if to and to not in there:
        raise SiteError(f"{name}: --to {to}: no such generation here; {has}")
    if to:
        return to
    if not history.current:
        raise SiteError(f"{name}: {_nothing_deployed(history)}")
    before = previous(history.records, history.current, there)
    if before is None:
        raise SiteError(f"{name}: no generation ran here before the current one; {has}")
    return before


def _nothing_deployed(history: HostHistory) -> str:
    """Return that nothing is deployed, since when, and what to do."""
    words = "nothing is deployed here"
    if history.records and history.records[-1].generation == BEFORE:
        what = "uninstalled"
        if history.records[-1].task == "back":
            what = "the host went back to its previous time service"
        words += f" ({what} at {history.records[-1].when})"
    words += "; inv deploy deploys"
    if history.generations:
        words += f", --to GENERATION names one of {', '.join(history.generations)}"
    return words
