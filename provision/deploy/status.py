"""Show the state of chronyd, of its clock and of its sources on one host."""

from collections.abc import Mapping

from provision.build.evidence import sections
from provision.common.errors import ParseError, understood
from provision.deploy.evidence_script import NOT_DEPLOYED
from provision.deploy.not_deployed import not_deployed
from provision.deploy.proof import Proof
from provision.deploy.run import Run
from provision.host import scripts
from provision.host.paths import ROOT
from provision.output.status import ClockLimits, HostStatus
from provision.output.status_text import status_text
from provision.site.limits import Limits
from provision.verify.checks.clock import status_findings
from provision.verify.checks.limits import limit_findings
from provision.verify.checks.nts import files_finding
from provision.verify.expectation import Expectation, expect
from provision.verify.host_status import Answers, host_status, parse_answers
from provision.verify.nts_files import parse_nts_files


def status(run: Run) -> None:
    """Show the state of a host, and judge whether its clock is synchronised."""
    session = run.session
    answer = session.host.ask(scripts.load("print_status", ROOT))
    if answer.startswith(NOT_DEPLOYED):
        raise not_deployed(run)
    said = sections(answer)
    with understood(f"{session.host.name}: the state of chronyd"):
        if "finished" not in said:
            raise ParseError("the answer is incomplete; the host may have been cut off")
        state, answers, expected = read_state(
            run, said, generation=said["generation"].strip(), executable=said["executable"].strip()
        )
    run.report.status = state
    run.report.role = state.role.value
    run.progress.detail(status_text(state))
    findings = [
        *status_findings(answers.tracking, answers.sources, expected, answers.faults, runs=bool(state.generation))
    ]
    if state.limits is not None:
        findings += limit_findings(state, expected, state.limits)
    with understood(f"{session.host.name}: the certificate of NTS"):
        files = parse_nts_files(said)
    if files is not None:
        findings.append(files_finding(files))
    run.found(Proof(tuple(findings), sources=answers.associations))


def read_state(
    run: Run, said: Mapping[str, str], *, generation: str, executable: str
) -> tuple[HostStatus, Answers, Expectation]:
    """Return the state of a host, chronyc's answers, and the expectation by the chrony.conf of the host.

    ``said`` are the sections that a script has printed; ``generation`` and ``executable`` are those of the chronyd that
    runs, or empty. Raises ParseError, KeyError, ValueError.
    """
    # Its version and its filter of system calls are no part of the state.
    expected = expect(said["chrony.conf"], version="", seccomp=False, facts=run.session.facts)
    answers = parse_answers(said)
    state = host_status(
        said,
        answers,
        expected,
        generation=generation,
        executable=executable,
        limits=_limits(run.settings.site.limits, expected),
        wanted_release=run.settings.chrony.version,
    )
    return state, answers, expected


def _limits(limits: Limits, expected: Expectation) -> ClockLimits:
    return ClockLimits(
        offset_seconds=limits.offset_seconds,
        error_seconds=limits.error.seconds,
        least_sources=limits.least_sources(expected.selectable_sources),
        authenticated=limits.authenticated,
    )
