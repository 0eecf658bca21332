"""Check a chronyd that was tried beside the running one."""

from collections.abc import Iterator

from provision.common.results import Finding
from provision.verify.checks.check import Check
from provision.verify.checks.nts import REHEARSAL as NTS
from provision.verify.checks.nts import answer_findings
from provision.verify.checks.requests import local_findings, request_checks
from provision.verify.rehearsal import RUNNING, Rehearsal

STARTED = Check("rehearsal.running", "chronyd runs in the rehearsal, and complains of nothing")
ACCESS = Check("rehearsal.access-rules", "the access rules admit clients in the rehearsal")
REQUESTS = request_checks("rehearsal", "in the rehearsal")

AT_MOST = 3
"""Reasons in one message."""


def rehearsal_findings(rehearsal: Rehearsal) -> Iterator[Finding]:
    """Judge how the daemon did."""
    is_running = rehearsal.ending == RUNNING and not rehearsal.complaints and bool(rehearsal.local_answers)
    yield STARTED.finding(holds=is_running, seen="; ".join(_seen(rehearsal)))
    for answers in rehearsal.local_answers:
        yield from local_findings(REQUESTS, answers)
    if rehearsal.nts_answers is not None:
        yield from answer_findings(NTS, "", rehearsal.nts_answers)
    if not rehearsal.local_answers:
        yield REQUESTS.requests.not_checked("chronyd did not run, or chronyc got no answer from it")
    if rehearsal.remark:
        yield ACCESS.not_checked(rehearsal.remark)


def failures(rehearsal: Rehearsal) -> tuple[str, ...]:
    """Return why a rehearsal failed, only its causes and not their consequences; none if it passed."""
    if rehearsal.complaints:
        return _first([f"chronyd says: {line}" for line in rehearsal.complaints])
    return _first([finding.failure for finding in rehearsal_findings(rehearsal) if finding.holds is False])


def _seen(rehearsal: Rehearsal) -> Iterator[str]:
    yield from rehearsal.complaints
    if rehearsal.ending == "killed by SIGSYS":
        yield "killed by SIGSYS: the filter of system calls is too strict here; try another level, service.seccomp"
    elif rehearsal.ending != RUNNING:
        yield rehearsal.ending
    elif not rehearsal.local_answers:
        yield "chronyc gets no answer from it"
    if rehearsal.log:
        yield f"its last line: {rehearsal.log[-1]}"


def _first(reasons: list[str]) -> tuple[str, ...]:
    rest = len(reasons) - AT_MOST
    if rest > 0:
        return (*reasons[:AT_MOST], f"and {rest} more")
    return tuple(reasons)
