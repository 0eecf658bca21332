"""The summary of many hosts: counts, causes, authenticated sources and notes."""

from dataclasses import replace

import pytest

from provision.chrony.chronyc.associations import Association
from provision.host.target import parse_target
from provision.output.fleet_text import MOST_NAMED, fleet_text
from provision.output.report import Report
from tests.helpers.report_samples import (
    BAD,
    CHANGED,
    OK,
    WOULD,
    WRONG,
    report,
)

CHANGED_HOST = report(outcomes=[CHANGED], may_have_changed=True)

SUMMARIES = [
    pytest.param([OK, OK], "2 hosts: 2 ok; nothing changed", id="nothing to do"),
    pytest.param(
        [CHANGED_HOST, report(error="x", outcomes=[CHANGED], may_have_changed=True)],
        "2 hosts: 1 ok, 1 FAILED; 2 changed",
        id="failed after a step",
    ),
    pytest.param(
        [CHANGED_HOST, report(error="x", may_have_changed=True)],
        "2 hosts: 1 ok, 1 FAILED; 1 changed, 1 may have changed",
        id="failed within the first step",
    ),
    pytest.param(
        [OK, report(error="x", may_have_changed=True)],
        "2 hosts: 1 ok, 1 FAILED; 1 may have changed",
        id="no step was completed",
    ),
    pytest.param(
        [WOULD, report(error="x", tried=False, outcomes=[CHANGED])],
        "2 hosts: 1 would change, 1 not tried; nothing changed",
        id="only this machine was changed",
    ),
]


@pytest.mark.parametrize(("reports", "line"), SUMMARIES)
def test_the_summary_counts_hosts_that_may_have_changed(reports: list[Report], line: str) -> None:
    assert fleet_text(reports).splitlines()[0] == line


def asked(address: str, key: int | None, *, authenticated: bool = True) -> Association:
    return Association(address=address, key=key, received=3, authenticated=authenticated)


def test_the_summary_of_a_fleet_names_failed_and_unknown_hosts() -> None:
    reports = [
        report(host=parse_target("ntp1"), address="198.51.100.7", sources=(asked("198.51.100.1", None),)),
        report(host=parse_target("ntp2"), address="198.51.100.8", findings=[BAD]),
        report(host=parse_target("own"), address="198.51.100.10", findings=[BAD], sources=()),
        report(host=parse_target("web1"), sources=(asked("198.51.100.7", 1), asked("198.51.100.8", 7))),
        report(host=parse_target("web2"), sources=(asked("198.51.100.7", 1, authenticated=False),), findings=[BAD]),
        report(host=parse_target("web3"), error="web3: no answer", tried=False),
        report(host=parse_target("web4")),
    ]
    assert fleet_text(reports).splitlines() == [
        "7 hosts: 3 ok, 3 FAILED, 1 not tried; nothing changed",
        "  3 hosts (ntp2, own, web2): FAILED: the clock is synchronised",
        "  1 host (web3): no answer",
        "  authenticated  ntp1            ntp2",
        "  ntp2           not known       not known",
        "  web1           key 1           key 7",
        "  web2           NOT with key 1  -",
        "  web3           not known       not known",
    ]


def test_each_note_is_in_the_summary_once_with_its_hosts() -> None:
    made, follows = "made key 1 (AES128), kept in /k", "it follows one server alone, 198.51.100.1"
    reports = [
        report(notes=[made, follows, follows]),
        report(host=parse_target("web1"), notes=[follows]),
        report(host=parse_target("web2")),
    ]
    assert fleet_text(reports).splitlines()[1:] == [
        f"  note         {made}: ntp1",
        f"  note         {follows}: ntp1, web1",
    ]


def test_a_note_on_each_of_many_hosts_does_not_name_them() -> None:
    reports = [report(host=parse_target(f"web{number}"), notes=["x"]) for number in range(MOST_NAMED + 1)]
    assert fleet_text(reports).splitlines()[1:] == ["  note         x: all 11 hosts"]
    reports[2].notes.clear()
    reports[7].notes.clear()
    assert fleet_text(reports).splitlines()[1:] == ["  note         x: all of the 11 hosts but web2, web7"]


def test_claims_about_keys_that_fail_alike_are_one_cause() -> None:
    bad = [replace(BAD, id="client.key", subject=f"key {number} at ::1", claim="c") for number in (1, 2)]
    (cause,) = fleet_text([OK, report(findings=bad)]).splitlines()[1:]
    assert cause == "  1 host (ntp1): FAILED: keys 1, 2 at ::1: c"


def test_without_sources_that_have_keys_there_is_no_table() -> None:
    assert "authenticated" not in fleet_text([report(sources=(asked("198.51.100.1", None),)), WRONG])


def test_equal_causes_are_one_for_hosts_of_any_name_and_other_words_stay() -> None:
    errors = {
        "a": "a: no connection to 192.0.2.1 port 22: connection refused",
        "b": "b: no connection to 2001:db8::1 port 22: connection refused",
        "c": "c: no answer from ntp1 port 22 in 10 s",
        "d": "d: cannot resolve ntp1.example.com: unknown",
        "e": "e: the keys come from chrony.keys: line 1: wrong",
    }
    reports = [Report(host=parse_target(name), error=error) for name, error in errors.items()]
    assert [line.strip() for line in fleet_text(reports).splitlines()[1:6]] == [
        "2 hosts (a, b): no connection to the host port 22: connection refused",
        "1 host (c): no answer from the host port 22 in 10 s",
        "1 host (d): cannot resolve the host: unknown",
        "1 host (e): the keys come from chrony.keys: line 1: wrong",
    ]
