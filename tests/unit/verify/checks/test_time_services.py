"""Judge evidence of a real server, in which one thing is otherwise: the findings of checks.time_services."""

from dataclasses import replace

import pytest

from provision.common.results import Finding
from provision.verify.checks import findings, time_services
from provision.verify.checks.time_services import restored_findings
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation
from provision.verify.time_services import Process, Service, TimeServices, parse_restored
from tests.helpers.evidence_samples import SERVER, case
from tests.helpers.step_samples import TIMESYNCD

OPENNTPD = Service(unit="openntpd.service", load="loaded", active="active", enabled="enabled", file="/lib/x")
NTPD = Process(pid=7, program="/usr/sbin/ntpd", unit="x.service", reasons=("port",))


def beside(*services: Service, processes: tuple[Process, ...] = ()) -> Evidence:
    """Return the evidence of a server beside which these services and processes are."""
    return replace(SERVER, time_services=TimeServices(services=services, processes=processes))


WRONG = [
    case(
        "another daemon that was installed later",
        beside(OPENNTPD),
        time_services.ALONE,
        "openntpd.service is active, enabled",
        vital=False,
    ),
    case(
        "a daemon and a process",
        beside(OPENNTPD, processes=(NTPD,)),
        time_services.ALONE,
        "openntpd.service is active, enabled; /usr/sbin/ntpd (pid 7, in x.service) has UDP port 123",
        vital=False,
    ),
    case(
        "one that neither runs nor starts at boot",
        beside(replace(OPENNTPD, active="inactive", enabled="disabled")),
        time_services.ALONE,
        "none",
        holds=True,
        vital=False,
    ),
    case(
        "one that was started once",
        beside(replace(OPENNTPD, enabled="disabled")),
        time_services.ALONE,
        "openntpd.service is active, disabled",
        vital=False,
    ),
    case(
        "one that starts by a link in /run",
        beside(replace(OPENNTPD, active="inactive", enabled="enabled-runtime")),
        time_services.ALONE,
        "openntpd.service is inactive, enabled-runtime",
        vital=False,
    ),
    case(
        "one that starts at boot",
        beside(replace(OPENNTPD, active="inactive")),
        time_services.ALONE,
        "openntpd.service is inactive, enabled",
        vital=False,
    ),
]


@pytest.mark.parametrize(("evidence", "expected", "finding"), WRONG)
def test_a_fault_is_found(evidence: Evidence, expected: Expectation, finding: Finding) -> None:
    assert finding in findings(evidence, expected, [])


OURS_GONE = "Id=chronyd.service\nActiveState=inactive"
DEBIANS = "Id=chrony.service\nActiveState=active\nchrony.service|loaded|active|enabled|/lib/x"
RESTORED = [
    pytest.param(DEBIANS, ("chrony.service",), [(True, "chrony.service")], id="it runs again"),
    pytest.param("Id=chronyd.service\nActiveState=active", (), [(True, "chronyd.service")], id="another of our name"),
    pytest.param(OURS_GONE, (), [], id="a bare host is bare again"),
    pytest.param(
        OURS_GONE,
        ("chrony.service",),
        [
            (
                False,
                "none does; chrony.service did before the first deployment: install or start a time service",
            )
        ],
        id="its package was purged",
    ),
    pytest.param(
        f"{OURS_GONE}\n{TIMESYNCD}",
        ("chrony.service",),
        [(True, "systemd-timesyncd.service; chrony.service does not run any more")],
        id="another one was installed",
    ),
    pytest.param(
        f"{DEBIANS}\n{TIMESYNCD}",
        ("openntpd.service", "ntpsec.service"),
        [
            (
                True,
                "chrony.service, systemd-timesyncd.service; openntpd.service, ntpsec.service do not run any more",
            )
        ],
        id="two others run, and two are gone",
    ),
    pytest.param(
        OURS_GONE,
        ("openntpd.service", "ntpsec.service"),
        [
            (
                False,
                (
                    "none does; openntpd.service, ntpsec.service did before the first deployment: "
                    "install or start a time service"
                ),
            )
        ],
        id="two are gone",
    ),
]


@pytest.mark.parametrize(("seen", "before", "found"), RESTORED)
def test_what_keeps_time_after_an_uninstallation(
    seen: str, before: tuple[str, ...], found: list[tuple[bool, str]]
) -> None:
    findings = tuple(restored_findings(parse_restored(seen), before))
    assert [(finding.holds, finding.seen) for finding in findings] == found
    assert all(finding.id == "time-services.restored" for finding in findings)
