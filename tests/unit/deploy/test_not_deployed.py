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


TRACKING = "C6130002,198.19.0.2,2,1795849602.5,-0.000009,0.0,0.0,-14.2,0.1,0.2,0.0001,0.0002,16.2,"


@pytest.mark.parametrize(
    ("tracking", "words"),
    [
        (f"{TRACKING}Normal", ", synchronised to 198.19.0.2, stratum 2, offset 9 µs; inv deploy deploys"),
        (f"{TRACKING}Not synchronised", ", not synchronised; inv deploy deploys"),
        ("", "; inv deploy deploys"),
    ],
    ids=["synchronised", "not synchronised", "without chronyc"],
)
def test_the_clock_of_its_own_chronyd_is_shown(operator: Operator, tracking: str, words: str) -> None:
    operator.host.existing = CHRONY
    operator.host.answers["print_own_clock"] = tracking
    assert operator.run(status).error == (
        f"ntp1: nothing is deployed here; chrony.service (chrony 4.3) keeps time{words}"
    )


def test_a_chronyc_that_says_what_nobody_understands_is_one_line(operator: Operator) -> None:
    operator.host.existing = CHRONY
    operator.host.answers["print_own_clock"] = "a,b"
    assert operator.run(status).error == "ntp1: chronyc tracking: unexpected answer 'a,b'"


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
