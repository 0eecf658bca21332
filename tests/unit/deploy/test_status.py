"""Status on a host that is a table: the values, the text that is made of them, and the verdict."""

import json
from typing import Any

import pytest

from provision.deploy.deploy import deploy
from provision.deploy.history import history
from provision.deploy.status import status
from provision.output.json_report import json_text
from provision.output.report import Report
from provision.output.status import HostStatus
from tests.helpers.command_reports import command_report
from tests.helpers.report_schema import checked
from tests.helpers.samples import CASES
from tests.unit.deploy.conftest import Operator

SERVER = (CASES / "evidence" / "server.txt").read_text()
TRACKING = "C6130002,198.19.0.2,2,"
NOT_SYNCHRONISED = SERVER.replace(TRACKING, "00000000,,0,").replace(",4.1,Normal", ",4.1,Not synchronised")


def state(operator: Operator, evidence: str = SERVER, *, failed: tuple[str, ...] = ()) -> HostStatus:
    """Return the state of a deployed host, of which these checks fail."""
    operator.host.evidence = evidence
    report = operator.run(status)
    assert (report.error, tuple(one.id for one in report.findings if one.holds is False)) == (None, failed)
    assert report.status is not None
    return report.status


@pytest.fixture
def deployed(operator: Operator) -> Operator:
    """Return an operator with a deployed host, of whose sources one has to be usable."""
    operator.site += "\n[limits]\nsources = 1\n"
    assert operator.run(deploy).ok
    return operator


def test_a_host_without_a_deployment_gets_the_command_that_deploys(operator: Operator) -> None:
    operator.host.answers["print_status"] = "==> not deployed\n"
    report = operator.run(status)
    assert (report.error, report.tried) == ("ntp1: nothing is deployed here; inv deploy deploys", True)


def test_a_host_beyond_the_limits_of_its_site_fails(deployed: Operator) -> None:
    deployed.site = deployed.site.replace("sources = 1", 'sources = 2\noffset = "1 us"\nauthenticated = true')
    state(deployed, failed=("limits.offset", "limits.sources", "limits.authenticated"))


def test_status_has_the_release_the_keys_and_the_requests(deployed: Operator) -> None:
    seen = state(deployed)
    assert (seen.release, seen.wanted_release, seen.key_ids) == ("4.9", "4.9", "1-2,7")
    assert seen.server is not None
    assert (seen.server.ntp_received, seen.server.ntp_dropped, seen.server.ntp_authenticated) == (120, 3, 110)


def test_each_value_of_the_clock_has_its_unit(deployed: Operator) -> None:
    seen = state(deployed)
    clock = seen.clock
    assert clock is not None
    assert (seen.role, seen.generation, seen.confirmed) == ("server", deployed.host.current, True)
    assert (clock.synchronised, clock.reference, clock.stratum, clock.leap) == (True, "198.19.0.2", 2, "normal")
    assert clock.offset_seconds == pytest.approx(-3.632e-6)
    assert clock.error_bound_seconds == pytest.approx(3.632e-6 + 3.362e-6 + 37.021e-6 / 2)
    assert (clock.frequency_ppm, clock.skew_ppm) == (0.101, 0.164)


def test_each_source_has_its_state_and_how_it_is_authenticated(deployed: Operator) -> None:
    text = SERVER.replace("198.19.0.2,-,0,0,0,4294967295", "198.19.0.2,SK,7,13,128,4294967295")
    (source,) = state(deployed, text).sources
    assert (source.name, source.address, source.kind, source.state) == (
        "198.19.0.2",
        "198.19.0.2",
        "server",
        "selected",
    )
    assert (source.poll_seconds, source.reach, source.last_answer_seconds) == (4.0, 255, 1)
    assert (source.authentication, source.key_id, source.authenticated) == ("key", 7, False)
    (source,) = state(deployed, text.replace(",111,111,1111,No,No,", ",111,111,1111,No,Yes,")).sources
    assert source.authenticated is True
    (source,) = state(deployed, text.replace(",SK,7,", ",NTS,1,")).sources
    assert (source.authentication, source.key_id) == ("nts", None)


def test_an_address_that_begins_with_a_five_is_no_error_of_chronyc(deployed: Operator) -> None:
    text = SERVER.replace("198.19.0.2,-,0,0,0,4294967295", "198.19.0.2,SK,7,13,128,4294967295")
    (source,) = state(deployed, text.replace("198.19.0.2", "52.19.0.2")).sources
    assert (source.authentication, source.key_id) == ("key", 7)


def test_authentication_that_chronyc_does_not_tell_is_unknown(deployed: Operator) -> None:
    text = SERVER.replace("198.19.0.2,-,0,0,0,4294967295,0,0,0,0", "501 Not authorised")
    (source,) = state(deployed, text).sources
    assert (source.authentication, source.key_id, source.authenticated) == ("unknown", None, None)


def test_a_clock_that_is_not_synchronised_is_a_failure(deployed: Operator, capsys: pytest.CaptureFixture[str]) -> None:
    text = NOT_SYNCHRONISED.replace("^,*,198.19.0.2,", "^,?,198.19.0.2,")
    clock = state(deployed, text, failed=("clock.synchronised", "limits.sources")).clock
    assert clock is not None
    assert (clock.synchronised, clock.reference, clock.leap) == (False, "", "not synchronised")
    assert "reference   none, stratum 0, leap not synchronised" in capsys.readouterr().out


def test_a_host_that_serves_its_own_clock_need_not_follow_another(deployed: Operator) -> None:
    deployed.site = "[time]\nservers = []\nlocal = { stratum = 10 }\n"
    assert deployed.run(deploy).error is None
    text = SERVER.replace(TRACKING, "7F7F0101,,10,")
    for name in ("sources", "authdata", "ntpdata"):
        before, _, rest = text.partition(f"==> {name}\n")
        text = f"{before}==> {name}\n==> {rest.partition('==> ')[2]}"
    clock = state(deployed, text).clock
    assert clock is not None
    assert (clock.reference, clock.synchronised) == ("local", False)


def test_a_source_has_its_samples_and_its_last_answer_unless_chronyc_does_not_tell(deployed: Operator) -> None:
    (source,) = state(deployed).sources
    assert source.statistics is not None
    assert source.measurement is not None
    assert (source.statistics.samples, source.statistics.runs) == (6, 3)
    assert (source.measurement.offset_seconds, source.measurement.delay_seconds) == (-0.000000441, 0.000043687)


def test_the_state_has_the_limits_by_which_it_was_judged(deployed: Operator) -> None:
    limits = state(deployed).limits
    assert limits is not None
    assert (limits.offset_seconds, limits.error_seconds, limits.least_sources) == (0.05, 1.0, 1)


def test_a_daemon_that_is_silent_or_gone_is_a_failure(deployed: Operator) -> None:
    text = SERVER.replace("==> tracking\n", "==> tracking\n506 Cannot talk to daemon\n==> spare\n")
    assert state(deployed, text, failed=("process.chronyc",)).clock is None
    deployed.host.running = ""
    assert state(deployed, text, failed=("process.running",)).generation == ""


def test_an_unconfirmed_switch_names_the_next_generation_and_the_time(
    deployed: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.host.unconfirmed = deployed.host.current
    seen = state(deployed)
    assert seen.unconfirmed is not None
    assert (seen.confirmed, seen.unconfirmed.reverts_at, seen.unconfirmed.seconds_left) == (
        False,
        "2026-11-22T20:01:30Z",
        60,
    )
    words = "unconfirmed: the host goes back to the previous time service at 20:01:30 UTC by its clock, in 60 s"
    assert f"{deployed.host.current}, {words}" in capsys.readouterr().out


def test_the_text_is_made_of_the_values(deployed: Operator, capsys: pytest.CaptureFixture[str]) -> None:
    state(deployed)
    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index("  role        server") :][:14] == [
        "  role        server",
        f"  generation  {deployed.host.current}, confirmed",
        "  release     chrony 4.9",
        "  keys        1-2,7",
        "  requests    120 received, 110 authenticated, 3 dropped",
        "  reference   198.19.0.2, stratum 2, leap normal",
        "  offset      -3.63 µs, error bound 25.5 µs",
        "  frequency   +0.101 ppm, skew 0.164 ppm",
        "  source      state     stratum  poll  reach  last answer  offset   error    authentication",
        "  198.19.0.2  selected  1        4 s   377    1 s ago      -892 ns  26.3 µs  none",
        "  ok           the clock is synchronised  (to 198.19.0.2, stratum 2, error bound 25.5 µs, limit 1 s)",
        "  ok           the offset is within the limit  (3.63 µs, limit 50 ms)",
        "  ok           the error bound is within the limit  (25.5 µs, limit 1 s)",
        "  ok           enough sources can be selected  (1 of 1, limit 1)",
    ]


def json_of(report: Report) -> dict[str, Any]:
    """Return the data of the host in the JSON document."""
    (host,) = checked(json.loads(json_text(command_report(report))))["hosts"]
    assert isinstance(host, dict)
    return host


def test_json_has_the_state_and_the_history(deployed: Operator) -> None:
    host = json_of(deployed.run(status))
    assert host["history"] is None
    seen = host["status"]
    assert host["role"] == "server"
    assert (seen["role"], seen["clock"]["stratum"], seen["sources"][0]["reach"]) == ("server", 2, 255)
    host = json_of(deployed.run(history))
    assert host["status"] is None
    (event,) = host["history"]
    assert (event["kind"], event["result"], event["current"]) == ("deployed", "proven and confirmed", True)
