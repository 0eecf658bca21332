"""All checks together: what is found for a real server, what one fault changes, and what is expected of whom."""
# ruff: noqa: FBT001 -- a parameter of a case

from dataclasses import replace

import pytest

from provision.common.text import seconds_text
from provision.verify.checks import ports, process
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation
from tests.helpers.evidence_samples import (
    ARGUMENTS,
    BUILD,
    CLIENT,
    EXPECTED,
    HERE,
    KEY_HERE,
    KEY_THERE,
    OURS_323,
    PROBE,
    SERVER,
    SILENCE,
    STOPPED,
    THERE,
    judged,
    port,
    process_with,
)


def test_a_good_server_is_found_good() -> None:
    found = judged(SERVER, EXPECTED, PROBE)
    assert {finding.holds for finding in found.values()} == {True}
    assert [(*name, finding.seen) for name, finding in found.items()] == [
        ("process.build", "", f"{BUILD}/sbin/chronyd"),
        ("process.generation", "", "ff3107c3083169da"),
        ("process.unprivileged", "", "user _chrony"),
        ("process.seccomp", "", f"Seccomp: 2, {ARGUMENTS}"),
        ("unit.not-overridden", "", "no drop-in changes it"),
        ("unit.loaded", "", "/etc/systemd/system/chronyd.service, as it was deployed"),
        ("unit.process", "", ARGUMENTS),
        ("build.configure", "", "nettle: Yes, CMAC in nettle: Yes, +SECHASH"),
        ("build.version", "chronyd", SERVER.build.chronyd),
        ("build.version", "chronyc", SERVER.build.chronyc),
        ("build.libraries", "", "ldd found all"),
        ("build.keygen", "", SERVER.build.keygen_output),
        ("process.log", "", "nothing in the journal since it started"),
        ("ports.ntp", "", "open: udp/123, udp/323, udp6/123, udp6/323"),
        ("time-services.alone", "", "none"),
        ("clock.synchronised", "", f"to 198.19.0.2, stratum 2, error bound {bound()}, limit 1 s"),
        ("server.plain-request", HERE, "offset below 1 µs"),
        ("server.key", KEY_HERE, "offset 2 µs"),
        ("server.wrong-key", HERE, "no answer to 2 such requests"),
        ("client.plain-request", THERE, "stratum 2, 0.2 ms"),
        ("client.key", KEY_THERE, "valid MAC"),
        ("client.wrong-key", THERE, "no answer to 2 such requests"),
    ]


def bound() -> str:
    assert SERVER.tracking is not None
    return seconds_text(SERVER.tracking.error_bound)


def test_what_depends_on_a_daemon_that_does_not_run_is_not_checked() -> None:
    found = judged(STOPPED, replace(EXPECTED, authenticated_sources=1), SILENCE)
    assert [(*name, finding.holds) for name, finding in found.items()] == [
        ("process.running", "", False),
        ("process.build", "", None),
        ("process.generation", "", None),
        ("process.unprivileged", "", None),
        ("process.seccomp", "", None),
        ("unit.not-overridden", "", True),
        ("unit.loaded", "", True),
        ("unit.process", "", None),
        ("build.configure", "", True),
        ("build.version", "chronyd", True),
        ("build.version", "chronyc", True),
        ("build.libraries", "", True),
        ("build.keygen", "", True),
        ("process.log", "", None),
        ("ports.ntp", "", None),
        ("time-services.alone", "", True),
        ("clock.synchronised", "", None),
        ("sources.authenticated", "every source with a key or NTS", None),
        ("sources.known", "", None),
        ("server.requests", "", None),
        ("client.requests", "", None),
    ]
    assert {finding.seen for finding in found.values() if finding.holds is None} == {"chronyd does not run"}


def test_what_rests_on_chronyc_is_not_checked_where_it_gets_no_answer() -> None:
    mute = replace(SERVER, tracking=None, sources=(), associations=None, access=None)
    found = judged(mute, replace(EXPECTED, authenticated_sources=1), PROBE)
    assert [(*name, finding.holds, finding.seen) for name, finding in found.items() if not finding.holds] == [
        ("process.chronyc", "", False, "it could not"),
        ("clock.synchronised", "", None, "chronyc cannot talk to chronyd"),
        ("sources.authenticated", "every source with a key or NTS", None, "chronyc cannot talk to chronyd"),
        ("sources.known", "", None, "chronyc cannot talk to chronyd"),
    ]


@pytest.mark.parametrize(
    ("expected", "id_"),
    [(CLIENT, "ports.ntp-unused"), (replace(CLIENT, sends_from_ntp_port=True), "ports.ntp-shared")],
)
def test_the_ports_of_a_client_that_does_not_run_are_not_checked(expected: Expectation, id_: str) -> None:
    assert judged(STOPPED, expected)[id_, ""].seen == "chronyd does not run"


def test_a_process_is_not_compared_with_a_foreign_unit() -> None:
    properties = {**SERVER.unit.properties, "FragmentPath": "/usr/lib/systemd/system/chronyd.service"}
    found = judged(replace(SERVER, unit=replace(SERVER.unit, properties=properties)), EXPECTED, PROBE)
    assert found["unit.loaded", ""].holds is False
    process_finding = found["unit.process", ""]
    assert (process_finding.holds, process_finding.seen) == (
        None,
        "systemd has not loaded chronyd's unit of the deployment",
    )


def test_one_fault_is_one_finding() -> None:
    found = judged(process_with(user="root"), EXPECTED, PROBE)
    assert [finding.id for finding in found.values() if not finding.holds] == ["process.unprivileged"]


CLAIMS = [
    pytest.param(
        SERVER,
        replace(CLIENT, sends_from_ntp_port=True),
        ports.NTP_SHARED.id,
        True,
        id="a client that asks from the NTP port",
    ),
    pytest.param(replace(SERVER, ports=OURS_323), CLIENT, ports.NTP_UNUSED.id, True, id="a client"),
    pytest.param(SERVER, CLIENT, "server.", False, id="nobody asks a client"),
    pytest.param(SERVER, CLIENT, "client.", False, id="nor does this machine"),
    pytest.param(
        process_with(seccomp="0"), replace(EXPECTED, seccomp=False), process.SECCOMP.id, False, id="no filter wanted"
    ),
    pytest.param(
        replace(SERVER, sources=()), replace(EXPECTED, follows=False), "clock.", False, id="only its own clock"
    ),
    pytest.param(port(123, ours=False, protocol="tcp"), EXPECTED, ports.NTP.id, True, id="TCP is no NTP"),
]


@pytest.mark.parametrize(("evidence", "expected", "id_", "made"), CLAIMS)
def test_only_expected_results_are_claimed(evidence: Evidence, expected: Expectation, id_: str, made: bool) -> None:
    found = judged(evidence, expected, PROBE).values()
    assert [finding.holds for finding in found if finding.id.startswith(id_)] == [True] * made
