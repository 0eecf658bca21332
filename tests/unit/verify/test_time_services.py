"""Other time services, parsed from what the script prints."""

import pytest

from provision.common.errors import ParseError
from provision.verify.time_services import Process, Service, Suspect, TimeServices, parse_time_services
from tests.helpers.step_samples import TIMESYNCD

CONFLICTS = [
    pytest.param("", (), id="none"),
    pytest.param("chrony.service|not-found|inactive||", (), id="not installed"),
    pytest.param("chrony.service|masked|inactive|masked|/dev/null", (), id="masked"),
    pytest.param("chrony.service|masked|active|masked|/dev/null", ("active, masked",), id="masked, and still runs"),
    pytest.param(TIMESYNCD, ("active, enabled",), id="active"),
    pytest.param(
        TIMESYNCD.replace("active|enabled", "inactive|disabled"),
        ("inactive, disabled",),
        id="idle and disabled, but an upgrade could start it",
    ),
    pytest.param("ntp.service|loaded|failed||/run/systemd/generator.late/ntp.service", ("failed, static",), id="SysV"),
    pytest.param(
        "ntp.service|loaded|inactive|disabled|/etc/systemd/system/ntp.service", (), id="the admin's, disabled"
    ),
    pytest.param(
        "ntp.service|loaded|inactive|enabled|/etc/systemd/system/ntp.service",
        ("inactive, enabled",),
        id="the admin's, enabled",
    ),
    pytest.param(
        "ntp.service|loaded|active|disabled|/etc/systemd/system/ntp.service",
        ("active, disabled",),
        id="the admin's, started by hand",
    ),
    pytest.param("chronyd.service|loaded|active|enabled|/etc/systemd/system/chronyd.service", (), id="our own"),
    pytest.param(f"{TIMESYNCD}\n{TIMESYNCD}", ("active, enabled",), id="seen twice"),
]


@pytest.mark.parametrize(("seen", "states"), CONFLICTS)
def test_a_service_conflicts_where_it_runs_or_could(seen: str, states: tuple[str, ...]) -> None:
    services = parse_time_services(f"current=generations/a\n{seen}").conflicting
    assert tuple(str(service).split(" is ")[1] for service in services) == states


@pytest.mark.parametrize("line", ["a|b", "process|me|/usr/sbin/chronyd|x.scope|port"])
def test_an_unknown_line_is_refused(line: str) -> None:
    with pytest.raises(ParseError, match="cannot be read"):
        parse_time_services(line)


def test_values_are_typed() -> None:
    seen = parse_time_services(
        f"{TIMESYNCD}\nprocess|7|/x/ntpd||port clock\nsuspect||/etc/cron.d/x||its lines set the clock"
    )
    assert seen == TimeServices(
        services=(
            Service(
                unit="systemd-timesyncd.service",
                load="loaded",
                active="active",
                enabled="enabled",
                file="/lib/systemd/system/systemd-timesyncd.service",
            ),
        ),
        processes=(Process(pid=7, program="/x/ntpd", unit="", reasons=("port", "clock")),),
        suspects=(Suspect(name="/etc/cron.d/x", reason="its lines set the clock"),),
    )
    assert str(seen.processes[0]) == "/x/ntpd (pid 7) has UDP port 123 and may set the clock"


def test_a_reason_is_named_once() -> None:
    seen = parse_time_services("process|7|/usr/sbin/chronyd|ssh.service|pidfile port pidfile\n")
    assert seen.processes[0].reasons == ("pidfile", "port")
