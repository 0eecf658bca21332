"""Judge evidence of a real server, in which one thing is otherwise: the findings of checks.process."""
# ruff: noqa: FBT001 -- a parameter of a case

from dataclasses import replace

import pytest

from provision.common.results import Finding
from provision.verify.checks import findings, process
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation
from tests.helpers.evidence_samples import ARGUMENTS, BUILD, SERVER, STOPPED, case, judged, one, process_with

WRONG = [
    case(
        "folders that a purged package took away",
        replace(SERVER, missing_folders=("/run/chrony", "/var/lib/chrony")),
        process.FOLDERS,
        "missing or open to others: /run/chrony /var/lib/chrony; a restart mends them: deploy again",
    ),
    case("dead", STOPPED, process.RUNNING, "systemd has no process of chronyd.service"),
    case("mute", replace(SERVER, tracking=None), process.CHRONYC, "it could not"),
    case("the package's daemon", process_with(executable="/usr/sbin/chronyd"), process.BUILD, "/usr/sbin/chronyd"),
    case(
        "a build that was replaced",
        process_with(executable=f"{BUILD}/sbin/chronyd (deleted)"),
        process.BUILD,
        f"{BUILD}/sbin/chronyd (deleted)",
    ),
    case("an older generation", process_with(generation="0123456789abcdef"), process.GENERATION, "0123456789abcdef"),
    case("no generation", process_with(generation=""), process.GENERATION, "none"),
    case("runs as root", process_with(user="root"), process.UNPRIVILEGED, "user root"),
    case("no account", process_with(user="UNKNOWN"), process.UNPRIVILEGED, "user UNKNOWN"),
    case("no filter in the kernel", process_with(seccomp="0"), process.SECCOMP, f"Seccomp: 0, {ARGUMENTS}"),
    case(
        "only systemd's filter", process_with(arguments="chronyd -n -U "), process.SECCOMP, "Seccomp: 2, chronyd -n -U"
    ),
]


@pytest.mark.parametrize(("evidence", "expected", "finding"), WRONG)
def test_a_fault_is_found(evidence: Evidence, expected: Expectation, finding: Finding) -> None:
    assert finding in findings(evidence, expected, [])


WARNED = "Timezone right/UTC failed leap second check, ignoring"
JOURNALS = [
    pytest.param((*SERVER.journal, WARNED), False, WARNED, id="a warning"),
    pytest.param((WARNED,), False, WARNED, id="a warning, and no start"),
    pytest.param(
        (*SERVER.journal, *(f"{n} failed" for n in range(5))),
        False,
        "0 failed; 1 failed; 2 failed; and 2 more",
        id="many",
    ),
    pytest.param(
        (*SERVER.journal, *(f"{n} failed" for n in range(3))), False, "0 failed; 1 failed; 2 failed", id="three"
    ),
    pytest.param((), None, "the host's journal does not reach back to the start of chronyd", id="no journal"),
]


@pytest.mark.parametrize(("journal", "holds", "seen"), JOURNALS)
def test_a_warning_in_the_journal_is_found(journal: tuple[str, ...], holds: bool | None, seen: str) -> None:
    finding = one(judged(replace(SERVER, journal=journal)), process.LOG)
    assert (finding.holds, finding.seen) == (holds, seen)
    assert not finding.vital, "it is told, and no reason to go back"


def test_folders_are_missed_only_while_chronyd_runs() -> None:
    found = judged(replace(STOPPED, missing_folders=("/run/chrony",)))
    assert (process.FOLDERS.id, "") not in found
    assert list(process.folder_findings(replace(STOPPED, missing_folders=("/run/chrony",)))) == []
