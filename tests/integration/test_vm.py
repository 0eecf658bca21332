"""A host with a clock of its own, a virtual machine: what a deployment makes of a wrong clock, and what a boot does."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from provision.verify.ntp.packet import Answer
from tests.helpers.booted_hosts import login
from tests.helpers.operators import Operator
from tests.helpers.vm import SOURCE, Machine, is_right, virtual_machine
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


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with virtual_machine(ahead=timedelta(days=-1)) as machine:
        yield machine


@pytest.fixture
def operator(deployed: Deployed, machine: Machine, tmp_path: Path) -> Operator:
    """Return somebody who logs in to the machine, and has the artifact of the host that all tests share."""
    return machine.operator(tmp_path, deployed.operator.artifacts)


def claims_to_know_the_time(said: Answer | None) -> bool:
    return said is not None and said.leap != 3


def test_a_wrong_clock_is_set_and_a_boot_believes_no_measurement_from_before(
    machine: Machine, operator: Operator
) -> None:
    host = f"root@{machine.host.address}"
    deployment = operator.run("deploy", f"--host={host}", operator.site(SITE))
    deployment.assert_proven()
    assert f"the clock of {host} is 24 hours behind this machine's" in " ".join(deployment.report["notes"])
    assert is_right(machine.answer())

    machine.power_off()
    machine.source.answers = False
    machine.source.requests = 0
    machine.boot(ahead=timedelta(hours=1))
    # A chronyd that believes its old measurements serves them from its first second.
    while machine.source.requests < 5:
        said = machine.answer()
        assert not claims_to_know_the_time(said), said

    machine.source.answers = True
    machine.await_right()


def test_measurements_from_before_a_suspension_prove_no_time(machine: Machine) -> None:
    # After the test above: it runs, and its clock is right.
    machine.source.answers = False
    # rtcwake(8): suspend to RAM; the hardware clock wakes the machine. The connection of the login does not outlive it.
    login(machine.host, "systemd-run --quiet --on-active=1 rtcwake -m mem -s 30")
    await_true(lambda: machine.answer() is None, "it does not fall asleep")
    await_true(lambda: machine.answer() is not None, "it does not wake up", every=0.1)
    machine.source.requests = 0
    while machine.source.requests < 5:
        said = machine.answer()
        assert not claims_to_know_the_time(said), said
    assert "Forward time jump detected!" in login(machine.host, "journalctl -b -u chronyd --no-pager")

    machine.source.answers = True
    machine.await_right()
