"""Judge evidence of a real server, in which one thing is otherwise: the findings of checks.build."""

from dataclasses import replace

import pytest

from provision.common.results import Finding
from provision.verify.checks import build, findings
from provision.verify.checks.build import unit_tests_finding
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation
from tests.helpers.evidence_samples import EXPECTED, SERVER, case

WRONG = [
    case(
        "no CMAC",
        replace(SERVER, configure=replace(SERVER.configure, checks={"nettle": True})),
        build.CONFIGURE,
        "nettle: Yes, CMAC in nettle: No, +SECHASH",
    ),
    case(
        "no Nettle",
        replace(SERVER, configure=replace(SERVER.configure, checks={"CMAC in nettle": True})),
        build.CONFIGURE,
        "nettle: No, CMAC in nettle: Yes, +SECHASH",
    ),
    case(
        "a program that prints nothing",
        replace(SERVER, build=replace(SERVER.build, chronyd="")),
        build.VERSION,
        "it printed nothing, not 4.9 with SECHASH",
        subject="chronyd",
    ),
    case(
        "libraries that are not there",
        replace(SERVER, build=replace(SERVER.build, missing_libraries=("libcap.so.2", "libedit.so.2"))),
        build.LIBRARIES,
        "libcap.so.2, libedit.so.2",
    ),
    case("all are there", SERVER, build.LIBRARIES, "ldd found all", holds=True),
    case(
        "no SECHASH",
        replace(SERVER, configure=replace(SERVER.configure, features=frozenset())),
        build.CONFIGURE,
        "nettle: Yes, CMAC in nettle: Yes, -SECHASH",
    ),
    case(
        "another version",
        SERVER,
        build.VERSION,
        f"{SERVER.build.chronyc}, not 4.6.1 with SECHASH",
        expected=replace(EXPECTED, version="4.6.1"),
        subject="chronyc",
    ),
]


@pytest.mark.parametrize(("evidence", "expected", "finding"), WRONG)
def test_a_fault_is_found(evidence: Evidence, expected: Expectation, finding: Finding) -> None:
    assert finding in findings(evidence, expected, [])


def test_unit_tests_that_did_not_run_are_not_checked() -> None:
    assert unit_tests_finding(passed=True).holds is True
    finding = unit_tests_finding(passed=False)
    assert (finding.id, finding.holds) == ("build.unit-tests", None)
    assert finding.seen.startswith("they run after a build, and this one existed already")
