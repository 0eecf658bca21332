"""Judge evidence of a real server, in which one thing is otherwise: the findings of checks.process."""
# ruff: noqa: FBT001 -- a parameter of a case

from dataclasses import replace

import pytest

from provision.common.results import Finding
from provision.verify.checks import findings, process
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation
from tests.helpers.evidence_samples import ARGUMENTS, BUILD, EXPECTED, SERVER, STOPPED, judged, one, process_with

WRONG = [
    pytest.param(
        replace(SERVER, missing_folders=("/run/chrony", "/var/lib/chrony")),
        EXPECTED,
        process.FOLDERS.finding(
            holds=False, seen="missing: /run/chrony /var/lib/chrony; a restart makes them: deploy again"
        ),
        id="folders that a purged package took away",
    ),
    pytest.param(
        STOPPED,
        EXPECTED,
        process.RUNNING.finding(holds=False, seen="systemd has no process of chronyd.service"),
        id="dead",
    ),
    pytest.param(
        replace(SERVER, tracking=None),
        EXPECTED,
        process.CHRONYC.finding(holds=False, seen="it could not"),
        id="mute",
    ),
    pytest.param(
        process_with(executable="/usr/sbin/chronyd"),
        EXPECTED,
        process.BUILD.finding(holds=False, seen="/usr/sbin/chronyd"),
        id="the package's daemon",
    ),
    pytest.param(
        process_with(executable=f"{BUILD}/sbin/chronyd (deleted)"),
        EXPECTED,
        process.BUILD.finding(holds=False, seen=f"{BUILD}/sbin/chronyd (deleted)"),
        id="a build that was replaced",
    ),
    pytest.param(
        process_with(generation="0123456789abcdef"),
        EXPECTED,
        process.GENERATION.finding(holds=False, seen="0123456789abcdef"),
        id="an older generation",
    ),
    pytest.param(
        process_with(generation=""), EXPECTED, process.GENERATION.finding(holds=False, seen="none"), id="no generation"
    ),
    pytest.param(
        process_with(user="root"),
        EXPECTED,
        process.UNPRIVILEGED.finding(holds=False, seen="user root"),
        id="runs as root",
    ),
    pytest.param(
        process_with(user="UNKNOWN"),
        EXPECTED,
        process.UNPRIVILEGED.finding(holds=False, seen="user UNKNOWN"),
        id="no account",
    ),
    pytest.param(
        process_with(seccomp="0"),
        EXPECTED,
        process.SECCOMP.finding(holds=False, seen=f"Seccomp: 0, {ARGUMENTS}"),
        id="no filter in the kernel",
    ),
    pytest.param(
        process_with(arguments="chronyd -n -U "),
        EXPECTED,
        process.SECCOMP.finding(holds=False, seen="Seccomp: 2, chronyd -n -U"),
        id="only systemd's filter",
    ),
]


@pytest.mark.parametrize(("evidence", "expected", "finding"), WRONG)
def test_what_is_not_as_wanted_is_found(evidence: Evidence, expected: Expectation, finding: Finding) -> None:
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
