"""One run on one host: connect, tell a story, report. What the outside world gets wrong ends in the report."""

import getpass
import platform
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from provision.converge import converge
from provision.errors import FetchError, HostUnreachable, ProvisionError, SandboxError, SiteError
from provision.expectation import Expectation
from provision.findings import Finding
from provision.keys import Keys
from provision.log import Log
from provision.ntp import probe
from provision.progress import Progress
from provision.prove import Proof, prove
from provision.report import Report, ending_text, finding_text
from provision.session import Session, connect
from provision.steps import Step
from provision.steps.fetched import Fetched
from provision.target import Target
from provision.wish import Wish

NOT_TRIED = (SiteError, FetchError, HostUnreachable, SandboxError)
"""Errors after which, if nothing was changed yet, the host is as it was."""
WAIT_SECONDS = 3600
"""How long ``--wait`` waits for somebody else."""
RETURN_SECONDS = 10
"""What is left of the time to confirm, at least, when we stop waiting for a clock to be synchronised."""


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
    who: str
    """Who runs it, and where, for the host's history and its lock."""

    def converge(self, steps: list[Step], *, dry_run: bool = False) -> None:
        """Bring the host to the wanted states; a step that was reported before is not reported again."""
        known = {outcome.title for outcome in self.report.outcomes}
        for outcome in converge(self.session.host, steps, dry_run=dry_run, begin=self._begin):
            if outcome.title not in known:
                self.report.outcomes.append(outcome)
                self.progress.outcome(outcome)

    def _begin(self, step: Step) -> bool:
        # What is fetched does not change the host.
        claimed = not isinstance(step, Fetched) and self.claim()
        self.report.begun = True
        self.progress.begin(step.title)
        return claimed

    def claim(self) -> bool:
        """Keep everybody else from changing the host until the run ends; True: we do since now."""
        session, patience = self.session, WAIT_SECONDS if self.wish.wait else 0
        return session.host.claim(who=self.who, uid=session.facts.uid, patience=patience, say=self.progress.say)

    def prove(self, expected: Expectation, keys: Keys, *, patience: int) -> Proof:
        """Collect evidence and judge it."""
        return prove(self.session, expected, keys, patience=patience)

    def is_answered(self) -> bool:
        """Say whether an NTP server on the host answers us, and by the way by which we came."""
        return self.session.direct and probe(self.session.address, Keys(())).answered

    def prove_switch(self, expected: Expectation, keys: Keys) -> tuple[Finding, ...]:
        """Prove what a switch has started, before the host goes back by itself; report what was found."""
        patience = min(self.wish.patience, self.wish.confirm_within - RETURN_SECONDS)
        proof = self.prove(expected, keys, patience=patience)
        self.found(proof)
        return proof.findings

    def found(self, proof: Proof) -> None:
        """Take what was found into the report."""
        for finding in proof.findings:
            self.report.findings.append(finding)
            self.progress.say(finding_text(finding))
        self.report.notes.extend(proof.advice)


Story = Callable[[Run], None]


def run_on(target: Target, wish: Wish, progress: Progress, story: Story) -> Report:
    """Tell a story on one host; what the outside world gets wrong on the way ends in the report."""
    begun = time.monotonic()
    report = Report(host=str(target), notes=list(wish.warnings))
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
                story(Run(session, wish, keys, report, progress, log, who=_who()))
            finally:
                session.host.leave()
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


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an id without a name, as in containers
        user = "somebody"
    return re.sub(r"[^A-Za-z0-9_.@-]", "-", f"{user}@{platform.node()}")
