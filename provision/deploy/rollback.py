"""Roll back to an existing generation of a host, and prove it."""

import re
from collections.abc import Mapping, Sequence

from provision.build.evidence import sections
from provision.build.integrity import REHEARSED, differences, generation_entries, parse_tree
from provision.chrony.unit_values import seccomp_level, service_user
from provision.common.errors import CommandFailed, ParseError, SiteError, understood
from provision.deploy.generation import content_id, unit_template
from provision.deploy.history import HostHistory, read_history
from provision.deploy.history_records import previous
from provision.deploy.phases import confirm_phase, links_phase, needs_phase, switch_phase, switch_script
from provision.deploy.prove import prove
from provision.deploy.refusals import refuse_without_systemd
from provision.deploy.run import Run
from provision.deploy.steps import Phase
from provision.deploy.steps.build import build_drift
from provision.deploy.steps.unit_overrides import NotOverridden
from provision.deploy.switch import Switch
from provision.host import scripts
from provision.host.paths import ROOT
from provision.host.unconfirmed import BEFORE
from provision.keys import Keys, parse_keys
from provision.site.settings import NO_KEYS
from provision.verify.expectation import expect
from provision.verify.process import Running, running


def rollback(run: Run, *, to: str) -> None:
    """Switch to an existing generation of the host, and prove it; ``to`` is its id, or empty for the previous one."""
    host, facts = run.session.host, run.session.facts
    refuse_without_systemd(host.name, facts)
    past = read_history(run)
    generation = _choose(host.name, to, past)
    others = [other for other in past.generations if other not in {generation, past.current}]
    kept = _kept(run, generation)
    with understood(f"generation {generation} of the host"):
        build, text = kept["build"], kept["chrony.keys"]
    # A client whose sources use no key has an empty file.
    keys = NO_KEYS
    if text:
        keys = parse_keys(text, f"{host.name}: the keys of generation {generation}")
    run.log.hide(keys.secrets)
    version = re.match(r"chrony-(.+?)-nettle-", build)
    if version is None:
        raise ParseError(f"{host.name}: generation {generation} names a build that is none of ours: {build!r}")
    with understood(f"generation {generation} of the host"):
        running = _unaltered(run, generation, kept, keys, others=others)
        unit_sha256 = kept["unit"].split()[0]
        seccomp = seccomp_level(kept["chronyd.service"]) > 0
        expected = expect(kept["chrony.conf"], version=version[1], seccomp=seccomp, facts=facts)
    run.report.switch.generation = generation
    switch = Switch(
        generation=generation,
        unit_sha256=unit_sha256,
        build=f"{ROOT}/builds/{build}",
        running=running,
        who=run.who,
        task="rollback",
        confirm_timeout=run.settings.options.confirm_timeout,
        is_answered=lambda: expected.serves and run.is_answered(),
        prove=lambda: run.prove_switch(expected, keys, generation),
        sync_timeout=run.settings.options.sync_timeout,
        state=run.report.switch,
    )
    run.converge(_phases(kept, switch))
    if not run.report.findings:
        run.progress.begin("collecting evidence")
        run.found(prove(run.session, expected, keys, sync_timeout=run.settings.options.sync_timeout))
    run.report.notes.append("the next deployment puts back what the site says: change the site, too")


def _phases(kept: Mapping[str, str], switch: Switch) -> tuple[Phase, ...]:
    """Return the phases of a rollback to a generation with these files."""
    return (
        Phase("preconditions", (NotOverridden(kept["chronyd.service"]),)),
        Phase("stage", (switch_script(),)),
        needs_phase(kept["chrony.conf"], service_user(kept["chronyd.service"])),
        switch_phase(switch),
        # Remove no generation, for another one may be needed next.
        confirm_phase(switch, keep=None),
        links_phase(),
    )


def _kept(run: Run, generation: str) -> Mapping[str, str]:
    """Return the files of a generation. They include keys; ask() does not log them."""
    script = scripts.load("print_generation", f"{ROOT}/generations/{generation}")
    return sections(run.session.host.ask(script, secret=True))


def _altered(name: str, generation: str, drift: str, others: Sequence[str]) -> str:
    """Return that a generation is altered, and what to do."""
    words = f"{name}: generation {generation} was altered since it was deployed: {drift}; inv deploy deploys the site's"
    if others:
        words += f", or --to names another one: {', '.join(others)}"
    return words


def _unaltered(run: Run, generation: str, kept: Mapping[str, str], keys: Keys, *, others: Sequence[str]) -> Running:
    """Return the expected properties of a generation's process. Raises CommandFailed if the generation was altered.

    The name of a generation is the digest of its content, so its files are compared with the name; its build is
    compared with the artifact on this machine, if there is one.
    """
    name = run.session.host.name
    build = kept["build"].strip()
    conf = f"{kept['chrony.conf']}\n"
    unit = f"{kept['chronyd.service']}\n"
    user = service_user(unit)
    content = content_id(
        build=build, user=user, conf=conf, keys_digest=keys.digest, unit_template=unit_template(unit, generation)
    )
    if content != generation:
        raise CommandFailed(_altered(name, generation, "its content does not match its name", others))
    files = {"chrony.conf": conf, "chrony.keys": keys.text, "chronyd.service": unit}
    path = f"{ROOT}/generations/{generation}"
    wanted = generation_entries(
        path, build=build, user=user, files={name: text.encode() for name, text in files.items()}
    )
    drift = differences(wanted, parse_tree(kept["generation tree"]), base=path, optional=(REHEARSED,))
    if drift is None:
        artifact = run.artifacts.find(build, run.progress.line)
        prefix = f"{ROOT}/builds/{build}"
        drift = build_drift(prefix, kept["build tree"], kept["sums"], receipt=None, artifact=artifact)
    if drift is not None:
        raise CommandFailed(_altered(name, generation, drift, others))
    return running(generation=generation, conf=conf)


def _choose(name: str, to: str, past: HostHistory) -> str:
    """Return the generation to go back to. Raises SiteError if there is none, or nothing is deployed."""
    there = past.generations
    has = f"it has {', '.join(there) or 'none'}"
    if to and to not in there:
        raise SiteError(f"{name}: --to {to}: no such generation here; {has}")
    if to:
        return to
    if not past.current:
        raise SiteError(f"{name}: {_nothing_deployed(past)}")
    before = previous(past.records, past.current, there)
    if before is None:
        raise SiteError(f"{name}: no generation ran here before the current one; {has}")
    return before


def _nothing_deployed(past: HostHistory) -> str:
    """Return that nothing is deployed, since when, and what to do."""
    words = "nothing is deployed here"
    if past.records and past.records[-1].generation == BEFORE:
        what = "uninstalled"
        if past.records[-1].task == "back":
            what = "the host went back to its previous time service"
        words += f" ({what} at {past.records[-1].when})"
    words += "; inv deploy deploys"
    if past.generations:
        words += f", --to GENERATION names one of {', '.join(past.generations)}"
    return words
