"""Judge evidence of a real server, in which one thing is otherwise: the findings of checks.ports."""

from dataclasses import replace

import pytest

from provision.common.results import Finding
from provision.verify.checks import findings, ports
from provision.verify.checks.ports import port_finding
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation
from provision.verify.time_services import Process, TimeServices
from tests.helpers.evidence_samples import CLIENT, EXPECTED, OURS_323, SERVER, port

NTPD = Process(pid=7, program="/usr/sbin/ntpd", unit="x.service", reasons=("port",))
SENDS_FROM_NTP_PORT = replace(CLIENT, sends_from_ntp_port=True)
WRONG = [
    pytest.param(
        replace(port(123, ours=False), time_services=TimeServices(processes=(NTPD,))),
        EXPECTED,
        ports.NTP.finding(
            holds=False,
            seen="open: udp/123, udp/323, udp6/123, udp6/323; /usr/sbin/ntpd (pid 7, in x.service) has UDP port 123",
        ),
        id="who else has the port is named",
    ),
    pytest.param(
        replace(SERVER, ports=OURS_323),
        EXPECTED,
        ports.NTP.finding(holds=False, seen="open: udp/323"),
        id="a server without the port",
    ),
    pytest.param(
        port(123, ours=False),
        EXPECTED,
        ports.NTP.finding(holds=False, seen="open: udp/123, udp/323, udp6/123, udp6/323"),
        id="another listens, too",
    ),
    pytest.param(
        port(123, ours=False, protocol="udp6"),
        EXPECTED,
        ports.NTP.finding(holds=False, seen="open: udp/123, udp/323, udp6/123, udp6/323"),
        id="another listens with IPv6",
    ),
    pytest.param(
        port(123, ours=False),
        SENDS_FROM_NTP_PORT,
        ports.NTP_SHARED.finding(holds=False, seen="open: udp/123, udp/323, udp6/123, udp6/323"),
        id="another listens at the port of a client",
    ),
    pytest.param(
        SERVER,
        CLIENT,
        ports.NTP_UNUSED.finding(holds=False, seen="open: udp/123, udp/323, udp6/123, udp6/323"),
        id="a client that serves",
    ),
]


@pytest.mark.parametrize(("evidence", "expected", "finding"), WRONG)
def test_what_is_not_as_wanted_is_found(evidence: Evidence, expected: Expectation, finding: Finding) -> None:
    assert finding in findings(evidence, expected, [])


STEERS = Process(pid=8, program="/usr/sbin/phc2sys", unit="", reasons=("clock",))
RIGHT = [
    pytest.param(
        replace(SERVER, time_services=TimeServices(processes=(STEERS,))),
        EXPECTED,
        ports.NTP.finding(holds=True, seen="open: udp/123, udp/323, udp6/123, udp6/323"),
        id="who steers the clock has no port",
    ),
    pytest.param(
        port(123, ours=False, protocol="tcp"),
        EXPECTED,
        ports.NTP.finding(holds=True, seen="open: udp/123, udp/323, udp6/123, udp6/323"),
        id="TCP is another port",
    ),
    pytest.param(
        SERVER,
        SENDS_FROM_NTP_PORT,
        ports.NTP_SHARED.finding(holds=True, seen="open: udp/123, udp/323, udp6/123, udp6/323"),
        id="a client that sends from the port",
    ),
    pytest.param(
        replace(SERVER, ports=()), CLIENT, ports.NTP_UNUSED.finding(holds=True, seen="open: none"), id="no port at all"
    ),
]


@pytest.mark.parametrize(("evidence", "expected", "finding"), RIGHT)
def test_who_does_not_have_the_port_is_no_fault(evidence: Evidence, expected: Expectation, finding: Finding) -> None:
    assert port_finding(evidence, expected) == finding
