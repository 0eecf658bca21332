"""What status and verify say of a host where nothing is deployed."""

import pytest

from provision.deploy.status import status
from provision.deploy.verify import verify
from provision.host.transport import Output
from tests.unit.deploy.conftest import Operator

CHRONY = """\
service=chrony.service
runs=yes
kind=chrony
version=chronyd (chrony) version 4.3 (+CMDMON)
service=ntpsec.service
runs=no
kind=ntpd
finished
"""


@pytest.fixture(autouse=True)
def nothing_there(operator: Operator) -> None:
    operator.host.answers["print_status"] = "==> not deployed\n"


def test_the_service_that_keeps_time_is_named(operator: Operator) -> None:
    operator.host.existing = CHRONY
    for operation in (status, verify):
        assert operator.run(operation).error == (
            "ntp1: nothing is deployed here; chrony.service (chrony 4.3) keeps time; inv deploy deploys"
        )


def test_several_services_are_named(operator: Operator) -> None:
    operator.host.existing = CHRONY.replace("runs=no", "runs=yes")
    error = operator.run(status).error
    assert error is not None
    assert "chrony.service (chrony 4.3) and ntpsec.service (ntpd) keep time" in error


def test_a_host_that_does_not_tell_is_told_what_deploys(operator: Operator) -> None:
    operator.host.answers["print_existing"] = Output(1, "", "systemctl: not found\n")
    assert operator.run(status).error == "ntp1: nothing is deployed here; inv deploy deploys"


def test_a_service_cannot_write_to_the_terminal(operator: Operator) -> None:
    operator.host.existing = CHRONY.replace("chrony.service", "chrony\x1b[2J.service")
    error = operator.run(status).error
    assert error is not None
    assert "\x1b" not in error
