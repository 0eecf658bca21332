"""Judge evidence of a real server, in which one thing is otherwise: the findings of checks.build."""

from dataclasses import replace

import pytest

from provision.common.results import Finding
from provision.verify.checks import build, findings
from provision.verify.checks.build import unit_tests_finding
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation
from tests.helpers.evidence_samples import EXPECTED, SERVER

WRONG = [
    pytest.param(
        replace(SERVER, configure=replace(SERVER.configure, checks={"nettle": True})),
        EXPECTED,
        build.CONFIGURE.finding(holds=False, seen="nettle: Yes, CMAC in nettle: No, +SECHASH"),
        id="no CMAC",
    ),
    pytest.param(
        replace(SERVER, configure=replace(SERVER.configure, checks={"CMAC in nettle": True})),
        EXPECTED,
        build.CONFIGURE.finding(holds=False, seen="nettle: No, CMAC in nettle: Yes, +SECHASH"),
        id="no Nettle",
    ),
    pytest.param(
        replace(SERVER, build=replace(SERVER.build, chronyd="")),
        EXPECTED,
        build.VERSION.finding(holds=False, seen="it printed nothing, not 4.9 with SECHASH", subject="chronyd"),
        id="a program that prints nothing",
    ),
    pytest.param(
        replace(SERVER, build=replace(SERVER.build, missing_libraries=("libcap.so.2", "libedit.so.2"))),
        EXPECTED,
        build.LIBRARIES.finding(holds=False, seen="libcap.so.2, libedit.so.2"),
        id="libraries that are not there",
    ),
    pytest.param(SERVER, EXPECTED, build.LIBRARIES.finding(holds=True, seen="ldd found all"), id="all are there"),
    pytest.param(
        replace(SERVER, configure=replace(SERVER.configure, features=frozenset())),
        EXPECTED,
        build.CONFIGURE.finding(holds=False, seen="nettle: Yes, CMAC in nettle: Yes, -SECHASH"),
        id="no SECHASH",
    ),
    pytest.param(
        SERVER,
        replace(EXPECTED, version="4.6.1"),
        build.VERSION.finding(holds=False, seen=f"{SERVER.build.chronyc}, not 4.6.1 with SECHASH", subject="chronyc"),
        id="another version",
    ),
]


@pytest.mark.parametrize(("evidence", "expected", "finding"), WRONG)
def test_what_is_not_as_wanted_is_found(evidence: Evidence, expected: Expectation, finding: Finding) -> None:
    assert finding in findings(evidence, expected, [])


def test_unit_tests_that_did_not_run_are_not_checked() -> None:
    assert unit_tests_finding(passed=True).holds is True
    finding = unit_tests_finding(passed=False)
    assert (finding.id, finding.holds) == ("build.unit-tests", None)
    assert finding.seen.startswith("they run after a build, and this one existed already")
