"""A host with a clock of its own, a virtual machine: what a deployment makes of a wrong clock, and what a boot does."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from provision.keys import Keys
from provision.verify.ntp.packet import Answer
from provision.verify.ntp.probe import probe
from tests.helpers.booted_hosts import login
from tests.helpers.operators import Operator
from tests.helpers.vm import ADDRESS, SOURCE, Machine, virtual_machine
from tests.helpers.waiting import await_true
from tests.integration.conftest import Deployed

pytestmark = [pytest.mark.integration, pytest.mark.vm]

SITE = f"""
[[time.servers]]
address = "{SOURCE}"
iburst = true
minpoll = 0
maxpoll = 2
"""
RIGHT = 0.2
"""Seconds; an emulated machine on a busy one keeps its clock to some milliseconds."""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with virtual_machine(tmp_path_factory.mktemp("vm")) as machine:
        yield machine


@pytest.fixture
def operator(deployed: Deployed, machine: Machine, tmp_path: Path) -> Operator:
    """Return somebody who logs in to the machine, and has the artifact of the host that all tests share."""
    operator = Operator(tmp_path)
    operator.share_artifacts(deployed.operator.artifacts.resolve())
    operator.meet(machine.host)
    return operator


def answer() -> Answer | None:
    """Return what the machine serves as the time."""
    return probe(ADDRESS, Keys(())).plain


def claims_to_know_the_time(said: Answer | None) -> bool:
    return said is not None and said.leap != 3


def is_right(said: Answer | None) -> bool:
    return said is not None and said.leap != 3 and abs(said.offset) < RIGHT


def test_a_wrong_clock_is_set_and_a_boot_believes_no_measurement_from_before(
    machine: Machine, operator: Operator
) -> None:
    machine.boot(ahead=timedelta(days=-1))
    deployment = operator.run("deploy", f"--host=root@{ADDRESS}", operator.site(SITE))
    deployment.assert_proven()
    assert f"the clock of root@{ADDRESS} is 24 hours behind this machine's" in " ".join(deployment.report["notes"])
    assert is_right(answer())

    machine.power_off()
    machine.source.answers = False
    machine.source.requests = 0
    machine.boot(ahead=timedelta(hours=1))
    # A chronyd that believes its old measurements serves them from its first second.
    while machine.source.requests < 5:
        said = answer()
        assert not claims_to_know_the_time(said), said

    machine.source.answers = True
    await_true(lambda: is_right(answer()), f"the clock is not set again: {answer()}", every=0.5)


def test_measurements_from_before_a_suspension_prove_no_time(machine: Machine) -> None:
    # After the test above: it runs, and its clock is right.
    machine.source.answers = False
    # rtcwake(8): suspend to RAM; the hardware clock wakes the machine. The connection of the login does not outlive it.
    login(machine.host, "systemd-run --quiet --on-active=1 rtcwake -m mem -s 30")
    await_true(lambda: answer() is None, "it does not fall asleep")
    await_true(lambda: answer() is not None, "it does not wake up", every=0.1)
    machine.source.requests = 0
    while machine.source.requests < 5:
        said = answer()
        assert not claims_to_know_the_time(said), said
    assert "Forward time jump detected!" in login(machine.host, "journalctl -b -u chronyd --no-pager")

    machine.source.answers = True
    await_true(lambda: is_right(answer()), f"the clock is not set again: {answer()}", every=0.5)
