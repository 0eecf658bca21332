"""The stories of a host's past: what it was switched to, and how to go back to that."""

import re
from collections.abc import Mapping

from provision import remote
from provision.build_evidence import sections
from provision.errors import ParseError, SiteError
from provision.expectation import expect
from provision.generation import SWITCH
from provision.history import Event, history_text, parse_history, previous
from provision.keys import parse_keys
from provision.plan import Switch, refuse_without_systemd, switching_steps
from provision.recipe import ROOT
from provision.rollout import Gate, Held
from provision.run import Run
from provision.service import seccomp_level
from provision.steps.file import File


def history(run: Run) -> None:
    """Show what a host was switched to: when, by whom, what changed, and what became of it."""
    events, current, _ = _past(run)
    run.progress.say(history_text(events, current) if events else "  nothing was ever deployed here")


def rollback(run: Run, *, to: str) -> None:
    """Switch to a generation that a host has still, and prove it; ``to`` is its id, or empty for the one before."""
    host, facts = run.session.host, run.session.facts
    refuse_without_systemd(host.name, facts)
    events, current, there = _past(run)
    generation = _choose(host.name, to, there, previous(events, current, there))
    kept = _kept(run, generation)
    build = kept["build"]
    keys = parse_keys(kept["chrony.keys"], f"{host.name}: the keys of generation {generation}")
    run.log.hide(keys.secrets)
    version = re.match(r"chrony-(.+?)-nettle-", build)
    if version is None:
        raise ParseError(f"{host.name}: generation {generation} names a build that is none of ours: {build!r}")
    seccomp = seccomp_level(kept["chronyd.service"]) > 0
    expected = expect(kept["chrony.conf"], version=version[1], seccomp=seccomp, facts=facts)
    steps = switching_steps(
        Switch(generation=generation, unit_sha256=kept["unit"].split()[0], build=f"{ROOT}/builds/{build}"),
        who=run.who,
        confirm_within=run.wish.confirm_within,
        is_answered=lambda: expected.serves and run.is_answered(),
        has_switched=lambda: run.has_switched,
        prove=lambda: run.prove_switch(expected, keys),
        # What else lies here may be wanted next.
        keep=None,
    )
    run.converge([File(SWITCH, remote.switch(), mode="0755"), *steps], gates={Held(Gate.SWITCH): steps})
    if not run.report.findings:
        run.progress.begin("collecting evidence")
        run.found(run.prove(expected, keys, patience=run.wish.patience))
    run.report.notes.append("the next deployment puts back what the site says: change the site, too")


def _past(run: Run) -> tuple[tuple[Event, ...], str, tuple[str, ...]]:
    """Return the history, the current generation, and the generations that are there."""
    said = sections(run.session.host.ask(remote.load("past", ROOT)))
    return parse_history(said["history"]), said["current"].strip(), tuple(said["generations"].split())


def _kept(run: Run, generation: str) -> Mapping[str, str]:
    """Return the parts of a generation. They hold keys; ask() does not log them."""
    return sections(run.session.host.ask(remote.load("kept", f"{ROOT}/generations/{generation}")))


def _choose(name: str, to: str, there: tuple[str, ...], before: str | None) -> str:
    has = f"it has {', '.join(there) or 'none'}"
    if to and to not in there:
        raise SiteError(f"{name}: --to {to}: no such generation here; {has}")
    if not to and before is None:
        raise SiteError(f"{name}: no generation ran here before the current one; {has}")
    return to or before or ""
