"""A key that a server refuses: unknown there, or with another secret."""

from dataclasses import replace

import pytest

from provision.common.results import Finding
from provision.host.target import parse_target
from provision.output.report import Report
from provision.output.status import HostStatus, Layer, SourceFault
from provision.verify.server_keys import has_refused_keys, tell_key_faults_apart
from tests.helpers.status_samples import FAULT, SOURCE, STATUS

REFUSED = SourceFault(layer=Layer.KEY_REFUSED, seen="those with key 7 are not", advice="compare the key's line")
NAMES = {"198.51.100.7": "ntp1", "198.51.100.8": "ntp2", "ntp1.example.net": "ntp1"}
SILENT = replace(SOURCE, state="not usable", authenticated=False, fault=REFUSED)


def client(*seen: str, subject: str = "", sources: tuple[object, ...] = (SILENT,)) -> Report:
    """Return the report of a client that the server ntp1 does not answer, with a finding for each text."""
    status = replace(STATUS, sources=sources)  # type: ignore[arg-type]
    findings = [Finding(id="x", claim="y", subject=subject, holds=False, seen=text) for text in seen]
    return Report(host=parse_target("web1"), status=status, findings=findings, tried=True)


def server(key_ids: str, name: str = "ntp1", **more: object) -> Report:
    status = replace(STATUS, key_ids=key_ids, **more)  # type: ignore[arg-type]
    return Report(host=parse_target(name), status=status, tried=True)


def fault_of(report: Report) -> SourceFault | None:
    assert report.status is not None
    return report.status.sources[0].fault


UNKNOWN = "ntp1 has no key 7 (its keys: 1-6,8)"
WRONG = "ntp1 has a key 7, with another secret or type"
KEYS = [
    pytest.param("1-6,8", Layer.KEY_UNKNOWN, UNKNOWN, id="another id"),
    pytest.param("", Layer.KEY_UNKNOWN, "ntp1 has no key 7 (its keys: none)", id="no key"),
    pytest.param("7", Layer.MAC_WRONG, WRONG, id="the id"),
    pytest.param("1-3,5-9", Layer.MAC_WRONG, WRONG, id="a range with the id"),
    pytest.param("17,70-79", Layer.KEY_UNKNOWN, "ntp1 has no key 7 (its keys: 17,70-79)", id="ids with its digit"),
]


@pytest.mark.parametrize(("ids", "layer", "note"), KEYS)
def test_the_ids_of_the_server_tell_which_it_is(ids: str, layer: Layer, note: str) -> None:
    report = client(f"1 of 2, limit 2; 198.51.100.7: {REFUSED}", f"198.51.100.7 is silent: {REFUSED}")
    tell_key_faults_apart([report, server(ids)], NAMES)
    fault = fault_of(report)
    assert fault is not None
    assert (fault.layer, fault.seen) == (layer, f"{REFUSED.seen}: {note}")
    assert [one.seen for one in report.findings] == [
        f"1 of 2, limit 2; 198.51.100.7: {fault}",
        f"198.51.100.7 is silent: {fault}",
    ]
    assert report.notes == [note]
    assert not has_refused_keys([report])


def test_a_finding_about_the_source_alone_is_known_by_its_subject() -> None:
    report = client(f"Authenticated: No; {REFUSED}", subject="key 7 at 198.51.100.7")
    other = Finding(id="x", claim="y", subject="key 7 at 198.51.100.8", holds=False, seen=str(REFUSED))
    report.findings.append(other)
    tell_key_faults_apart([report, server("7")], NAMES)
    assert report.findings[0].seen == f"Authenticated: No; {fault_of(report)}"
    assert report.findings[1] == other


def test_of_two_servers_with_equal_faults_each_has_its_own() -> None:
    second = replace(SILENT, name="198.51.100.8", address="198.51.100.8")
    report = client(f"198.51.100.7: {REFUSED}; 198.51.100.8: {REFUSED}", sources=(SILENT, second))
    tell_key_faults_apart([report, server("7"), server("1", "ntp2")], NAMES)
    assert report.status is not None
    first, other = (source.fault for source in report.status.sources)
    assert (first and first.layer, other and other.layer) == (Layer.MAC_WRONG, Layer.KEY_UNKNOWN)
    assert report.findings[0].seen == f"198.51.100.7: {first}; 198.51.100.8: {other}"


@pytest.mark.parametrize(
    ("others", "sources"),
    [
        pytest.param((), (SILENT,), id="a server that was not asked"),
        pytest.param((server("1", generation=""),), (SILENT,), id="a server whose chronyd does not run"),
        pytest.param((server("1"),), (replace(SILENT, address="192.0.2.1", name="a"),), id="no host of the site"),
        pytest.param((server("1"),), (replace(SILENT, fault=FAULT),), id="another fault"),
        pytest.param((Report(host=parse_target("ntp1"), error="refused"),), (SILENT,), id="a host without a state"),
    ],
)
def test_an_unknown_key_is_not_judged(others: tuple[Report, ...], sources: tuple[object, ...]) -> None:
    report = client(f"198.51.100.7: {REFUSED}", sources=sources)
    before: HostStatus | None = report.status
    tell_key_faults_apart([report, *others], NAMES)
    assert (report.status, report.notes) == (before, [])
    assert report.findings[0].seen == f"198.51.100.7: {REFUSED}"
