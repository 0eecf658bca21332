"""The story of one host: connect, plan, converge, prove, report."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_bytes
from typing import TYPE_CHECKING

from provision import remote
from provision.converge import Status, converge
from provision.errors import FetchError, HostUnreachable, ProvisionError, SandboxError, SiteError
from provision.findings import Finding
from provision.keys import Key, Keys, parse_keys, write_keys
from provision.log import Log
from provision.plan import (
    Tarballs,
    build_steps,
    choose_generation,
    choose_recipe,
    refuse_without_systemd,
    service_steps,
)
from provision.progress import Progress
from provision.prove import access_of, prove, prove_build
from provision.recipe import ROOT, Recipe
from provision.releases import Release
from provision.report import Report, ending_text, finding_text
from provision.session import Session, connect
from provision.site import choose_sources
from provision.steps import Step
from provision.target import Target
from provision.wish import Wish, check_keys

if TYPE_CHECKING:
    from provision.fetch import Tarball

NOT_TRIED = (SiteError, FetchError, HostUnreachable, SandboxError)
"""Errors after which, if nothing was changed yet, the host is as it was."""


@dataclass(slots=True)
class Run:
    """One run on one host."""

    session: Session
    wish: Wish
    keys: Keys | None
    """The operator's; None: there are none yet."""
    report: Report
    progress: Progress
    log: Log

    def converge(self, steps: list[Step], *, dry_run: bool = False) -> None:
        """Bring the host to the wanted states; a step that was reported before is not reported again."""
        known = {outcome.title for outcome in self.report.outcomes}
        for outcome in converge(self.session.host, steps, dry_run=dry_run, begin=self._begin):
            if outcome.title not in known:
                self.report.outcomes.append(outcome)
                self.progress.outcome(outcome)

    def _begin(self, title: str) -> None:
        self.report.begun = True
        self.progress.begin(title)

    def prove(self, keys: Keys, *, patience: int) -> tuple[Finding, ...]:
        """Collect evidence and judge it."""
        site, session = self.wish.site, self.session
        sources = choose_sources(site, time_source=session.time_source, ec2=session.facts.ec2)
        version = self.wish.chrony.version
        return prove(session, site, keys, version=version, follows=bool(sources), patience=patience)

    def found(self, findings: Iterable[Finding]) -> None:
        """Take findings into the report."""
        for finding in findings:
            self.report.findings.append(finding)
            self.progress.say(finding_text(finding))


Story = Callable[[Run], None]


def run_on(target: Target, wish: Wish, progress: Progress, story: Story) -> Report:
    """Tell a story on one host; what the outside world gets wrong on the way ends in the report."""
    begun = time.monotonic()
    report = Report(host=str(target))
    log = Log(str(target))
    progress.say(str(target))
    try:
        # Its name takes a while to compute, on purpose: meanwhile we connect.
        keys = wish.read_keys()
        threading.Thread(target=lambda: keys and keys.digest, daemon=True).start()
        with connect(
            target, accept_new=wish.accept_new, log=log.write, progress=progress.line, say=progress.say
        ) as session:
            report.platform = session.facts.platform
            try:
                story(Run(session, wish, keys, report, progress, log))
            finally:
                report.round_trips = session.host.trips
    except ProvisionError as error:
        report.error = str(error)
        # A connection may be lost in the middle of a step; a fetch that fails has not touched the host.
        cut_off = report.begun and isinstance(error, HostUnreachable)
        report.tried = cut_off or report.changed > 0 or not isinstance(error, NOT_TRIED)
        with suppress(SiteError):  # the error may be that the log cannot be written
            log.write(f"error: {error}")
    else:
        report.tried = True
    report.log = log.path
    log.close()
    report.seconds = round(time.monotonic() - begun, 2)
    progress.say(ending_text(report))
    return report


def deploy(run: Run) -> None:
    """Everything: build, configuration, keys, service, proof."""
    _to_service(run, dry_run=False)


def plan(run: Run) -> None:
    """Show what deploy would do; change nothing, here or there."""
    _to_service(run, dry_run=True)


def build(run: Run) -> None:
    """Build and verify only; needs no systemd."""
    recipe = _recipe(run)
    run.converge(_build_steps(run, recipe))
    run.found(prove_build(run.session.host, recipe))
    _note_checks(run, recipe)


def verify(run: Run) -> None:
    """Prove what runs now; change nothing."""
    refuse_without_systemd(run.session.host.name, run.session.facts)
    keys = run.keys or _keys_on_host(run.session) or Keys(())
    run.log.hide(keys.secrets)
    run.progress.begin("collecting evidence")
    run.found(run.prove(keys, patience=run.wish.patience))


def status(run: Run) -> None:
    """Show tracking and sources, as chronyc prints them."""
    run.progress.say(run.session.host.ask(remote.load("status", ROOT)).rstrip())


def _to_service(run: Run, *, dry_run: bool) -> None:
    session, wish = run.session, run.wish
    refuse_without_systemd(session.host.name, session.facts)
    recipe = _recipe(run)
    building = _build_steps(run, recipe)
    keys = run.keys
    if keys is None:
        # Keys are made by the chronyc that was built, so the build comes first.
        if not dry_run:
            run.converge(building)
        keys = _new_keys(run, recipe, dry_run=dry_run)
    else:
        _refuse_other_keys(run, keys)
    run.log.hide(keys.secrets)
    generation = choose_generation(wish.site, session.facts, recipe=recipe, keys=keys, time_source=session.time_source)
    with ThreadPoolExecutor(max_workers=1) as pool:
        # While the survey is under way, for the run that changes nothing; after a change it says nothing.
        early = pool.submit(run.prove, keys, patience=0) if run.keys and not dry_run else None
        run.converge([*building, *service_steps(generation)], dry_run=dry_run)
    _add_notes(run, recipe)
    if run.report.pending:
        return
    found = early.result() if early and not run.report.changed else ()
    if not found or any(finding.holds is False for finding in found):
        run.progress.begin("collecting evidence")
        found = run.prove(keys, patience=wish.patience)
    run.found(found)


def _recipe(run: Run) -> Recipe:
    return choose_recipe(run.wish.site, run.session.facts, chrony=run.wish.chrony, nettle=run.wish.nettle)


def _build_steps(run: Run, recipe: Recipe) -> list[Step]:
    # Imported when asked: a run that builds nothing does not pay for what downloads.
    def at_hand(release: Release) -> bool:
        from provision.fetch import Store  # noqa: PLC0415

        return Store.default().find(release, run.progress.line) is not None

    def fetched(release: Release) -> "Tarball":
        from provision.fetch import Store, fetch  # noqa: PLC0415

        return fetch(release, store=Store.default(), sources=run.wish.sources, say=run.progress.line)

    tarballs = Tarballs(
        at_hand=at_hand,
        path=lambda release: fetched(release).path,
        origin=lambda release: fetched(release).in_words,
    )
    return build_steps(run.session.host.name, run.session.facts, recipe, tarballs, check=run.wish.check)


def _new_keys(run: Run, recipe: Recipe, *, dry_run: bool) -> Keys:
    """Return the keys that the host serves with already, or make the first; keep them in the operator's file."""
    path, session = run.wish.key_file, run.session
    keys = _keys_on_host(session)
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
        write_keys(path, keys)
    return keys


def _refuse_other_keys(run: Run, keys: Keys) -> None:
    """Raise SiteError where a run over several hosts would replace the keys of one by those of the one before it."""
    there = None if run.wish.has_keys else _keys_on_host(run.session)
    if there is not None and there.text != keys.text:
        raise SiteError(
            f"{run.session.host.name}: has other keys than {run.wish.key_file}, which this run made for a host before "
            "it; put the keys of both into that file, or deploy this host with a site of its own"
        )


def _keys_on_host(session: Session) -> Keys | None:
    there = session.host.ask(f"if [ -e {ROOT}/current/chrony.keys ]; then cat {ROOT}/current/chrony.keys; fi")
    return parse_keys(there, f"{session.host.name}: {ROOT}/current/chrony.keys") if there else None


def _note_checks(run: Run, recipe: Recipe) -> None:
    built = any(str(recipe) in outcome.title and outcome.status is Status.CHANGED for outcome in run.report.outcomes)
    if run.wish.check and not built:
        run.report.notes.append("chrony's unit tests run after a build, and this build was there already")


def _add_notes(run: Run, recipe: Recipe) -> None:
    _note_checks(run, recipe)
    site = run.wish.site
    if site.serve.role == "server":
        access = access_of(site)
        warning = ": the whole world, that is" if access.is_public else ""
        run.report.notes.append(f"may query: {access.in_words()}{warning}")
    if not run.session.facts.can_set_clock:
        run.report.notes.append("this host may not set its clock: chronyd runs with -x and only serves and measures")
