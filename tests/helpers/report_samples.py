"""Reports on a host: ok, failed, not tried, and with something to change."""

from dataclasses import replace
from typing import Any

from provision.common.results import Finding, Outcome, Status, SwitchState
from provision.host.target import parse_target
from provision.output.report import Report

DIFF = "--- chrony.conf\n+++ chrony.conf (new)\n-pool old.example"

CHANGED = Outcome(
    id="build", title="chrony 4.9 built", status=Status.CHANGED, reason="no finished build of this recipe"
)

UNCHANGED = Outcome(id="account", title="account _chrony", status=Status.UNCHANGED)

PENDING = Outcome(id="staged", title="generation 3f0c staged", status=Status.PENDING, reason="not there yet", diff=DIFF)

GOOD = Finding(id="process.generation", claim="chronyd runs the current generation", holds=True, seen="3f0c")

BAD = Finding(
    id="clock.synchronised",
    claim="the clock is synchronised",
    holds=False,
    seen="0 of 4 sources answer, none is selected",
)

SWITCHED = Outcome(id="active", title="generation 3f0c running", status=Status.CHANGED)

ROLLED_BACK = SwitchState(generation="3f0c", begun=True, rolled_back=True)

UNTRIED = Finding(
    id="client.requests",
    claim="requests from this machine are answered",
    subject="198.51.100.7",
    holds=None,
    seen="no answer reaches this machine",
)


def report(**changes: Any) -> Report:
    """Return the report on a host that was tried, with these changes."""
    made = Report(host=parse_target("ntp1"), tried=True, log="/log/ntp1.log", round_trips=3, seconds=0.94)
    return replace(made, **changes)


OK = report()

WRONG = report(findings=[BAD])

FAILED = report(error="x")

NOT_TRIED = report(error="x", tried=False)

WOULD = report(outcomes=[PENDING])
