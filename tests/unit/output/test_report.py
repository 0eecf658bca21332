"""The exit status of a command, which follows from the reports on its hosts."""

import pytest

from provision.deploy.steps.active import Active
from provision.deploy.steps.daemon_unaltered import Unaltered
from provision.deploy.steps.process_as_unit import AsUnitSays
from provision.output.report import BY_URGENCY, SWITCHING, Report, Verdict, exit_status
from tests.helpers.report_samples import FAILED, GOOD, NOT_TRIED, OK, UNTRIED, WOULD, WRONG, report

STATUSES = [
    pytest.param([OK], 0, id="ok"),
    pytest.param([report(findings=[GOOD, UNTRIED])], 0, id="a claim that was not checked is no failure"),
    pytest.param([WRONG], 1, id="a finding does not hold"),
    pytest.param([FAILED], 1, id="failed on the way"),
    pytest.param([NOT_TRIED], 2, id="not tried"),
    pytest.param([WOULD], 3, id="would change"),
    pytest.param([OK, NOT_TRIED], 2, id="one not tried"),
    pytest.param([NOT_TRIED, FAILED], 1, id="the worst counts"),
    pytest.param([WOULD, OK], 3, id="one would change"),
    pytest.param([WOULD, NOT_TRIED], 2, id="an error before a change"),
]


@pytest.mark.parametrize(("reports", "status"), STATUSES)
def test_the_exit_status_tells(reports: list[Report], status: int) -> None:
    assert exit_status(reports) == status


def test_each_verdict_but_ok_has_its_place_in_the_order() -> None:
    assert {*BY_URGENCY, Verdict.OK} == set(Verdict)


def test_the_steps_that_a_rollback_takes_back_are_those_that_start_chronyd() -> None:
    assert {Active.id, AsUnitSays.id, Unaltered.id} == SWITCHING
