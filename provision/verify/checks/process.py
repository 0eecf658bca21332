"""Check the process of chronyd: its program, generation and privileges, its log and its folders."""

from collections.abc import Iterator

from provision.chrony.chronyd_log import complaints, tells_start
from provision.common.results import Finding
from provision.verify.checks.check import Check
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation

RUNNING = Check("process.running", "chronyd runs")
BUILD = Check("process.build", "chronyd runs from the deployed build")
GENERATION = Check("process.generation", "chronyd runs the current generation")
UNPRIVILEGED = Check("process.unprivileged", "chronyd does not run as root")
SECCOMP = Check("process.seccomp", "chronyd's system calls are filtered")
FOLDERS = Check("process.folders", "chronyd's folders exist")
LOG = Check("process.log", "chronyd's log has no complaint about its configuration")
CHRONYC = Check("process.chronyc", "chronyc can talk to chronyd")

NOT_RUNNING = "chronyd does not run"
"""The reason why a claim about the running chronyd is not checked."""
NO_ANSWER = "chronyc cannot talk to chronyd"
"""The reason why a claim that rests on the answers of chronyd to chronyc is not checked."""
MOST_LINES = 3
"""Lines of the log that one finding shows."""


def not_running_finding() -> Finding:
    """Return the finding that there is no process."""
    return RUNNING.finding(holds=False, seen="systemd has no process of chronyd.service")


def process_findings(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    """Judge the process against the deployed generation."""
    process = evidence.process
    executable = process["executable"]
    yield BUILD.finding(holds=executable == f"{process['build']}/sbin/chronyd", seen=executable)
    generation = process["generation"]
    yield GENERATION.finding(holds=generation == process["current"], seen=generation or "none")
    user = process["user"]
    yield UNPRIVILEGED.finding(holds=user not in {"root", "UNKNOWN"}, seen=f"user {user}")
    if expected.seccomp:
        arguments = process["arguments"]
        is_filtered = process["seccomp"] == "2" and " -F " in arguments
        yield SECCOMP.finding(holds=is_filtered, seen=f"Seccomp: {process['seccomp']}, {arguments.strip()}")


def unchecked_process(expected: Expectation, reason: str) -> Iterator[Finding]:
    """Yield the checks of a process that there is not."""
    yield BUILD.not_checked(reason)
    yield GENERATION.not_checked(reason)
    yield UNPRIVILEGED.not_checked(reason)
    if expected.seccomp:
        yield SECCOMP.not_checked(reason)


def folder_findings(evidence: Evidence) -> Iterator[Finding]:
    """Report folders of chronyd that are missing, or open to others, while it runs."""
    if evidence.runs and evidence.missing_folders:
        missing = " ".join(evidence.missing_folders)
        yield FOLDERS.finding(
            holds=False, seen=f"missing or open to others: {missing}; a restart mends them: deploy again"
        )


def log_finding(evidence: Evidence) -> Finding:
    """Judge the log of chronyd since its start."""
    if not evidence.runs:
        return LOG.not_checked(NOT_RUNNING, vital=False)
    found = complaints(evidence.journal)
    if found:
        seen = "; ".join(found[:MOST_LINES])
        if len(found) > MOST_LINES:
            seen += f"; and {len(found) - MOST_LINES} more"
        return LOG.finding(holds=False, seen=seen, vital=False)
    if not tells_start(evidence.journal):
        return LOG.not_checked("the host's journal does not reach back to the start of chronyd", vital=False)
    return LOG.finding(holds=True, seen="nothing in the journal since it started", vital=False)
