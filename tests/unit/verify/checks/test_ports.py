"""Judge evidence of a real server, in which one thing is otherwise: the findings of checks.ports."""

from dataclasses import replace

import pytest

from provision.common.results import Finding
from provision.verify.checks import findings, ports
from provision.verify.checks.ports import port_finding
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation
from provision.verify.time_services import Process, TimeServices
from tests.helpers.evidence_samples import CLIENT, OURS_323, SERVER, case, port

NTPD = Process(pid=7, program="/usr/sbin/ntpd", unit="x.service", reasons=("port",))
ALL_OPEN = "open: udp/123, udp/323, udp6/123, udp6/323"
SENDS_FROM_NTP_PORT = replace(CLIENT, sends_from_ntp_port=True)
WRONG = [
    case(
        "who else has the port is named",
        replace(port(123, ours=False), time_services=TimeServices(processes=(NTPD,))),
        ports.NTP,
        f"{ALL_OPEN}; /usr/sbin/ntpd (pid 7, in x.service) has UDP port 123",
    ),
    case("a server without the port", replace(SERVER, ports=OURS_323), ports.NTP, "open: udp/323"),
    case("another listens, too", port(123, ours=False), ports.NTP, ALL_OPEN),
    case(
        "another listens with IPv6",
        port(123, ours=False, protocol="udp6"),
        ports.NTP,
        ALL_OPEN,
    ),
    case(
        "another listens at the port of a client",
        port(123, ours=False),
        ports.NTP_SHARED,
        ALL_OPEN,
        expected=SENDS_FROM_NTP_PORT,
    ),
    case("a client that serves", SERVER, ports.NTP_UNUSED, ALL_OPEN, expected=CLIENT),
]


@pytest.mark.parametrize(("evidence", "expected", "finding"), WRONG)
def test_a_fault_is_found(evidence: Evidence, expected: Expectation, finding: Finding) -> None:
    assert finding in findings(evidence, expected, [])


STEERS = Process(pid=8, program="/usr/sbin/phc2sys", unit="", reasons=("clock",))
RIGHT = [
    case(
        "who steers the clock has no port",
        replace(SERVER, time_services=TimeServices(processes=(STEERS,))),
        ports.NTP,
        ALL_OPEN,
        holds=True,
    ),
    case(
        "TCP is another port",
        port(123, ours=False, protocol="tcp"),
        ports.NTP,
        ALL_OPEN,
        holds=True,
    ),
    case(
        "a client that sends from the port",
        SERVER,
        ports.NTP_SHARED,
        ALL_OPEN,
        expected=SENDS_FROM_NTP_PORT,
        holds=True,
    ),
    case("no port at all", replace(SERVER, ports=()), ports.NTP_UNUSED, "open: none", expected=CLIENT, holds=True),
]


@pytest.mark.parametrize(("evidence", "expected", "finding"), RIGHT)
def test_who_does_not_have_the_port_is_no_fault(evidence: Evidence, expected: Expectation, finding: Finding) -> None:
    assert port_finding(evidence, expected) == finding
