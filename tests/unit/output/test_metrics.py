"""The states of hosts as metrics: names that dashboards know, values that are never stale, and any name escaped."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as families_of_prometheus

from provision.chrony.chronyc.associations import Measurement
from provision.chrony.chronyc.serverstats import parse_server_counters
from provision.chrony.chronyc.sources import NEVER, SourceStatistics
from provision.chrony.reference_id import LOCAL_REFERENCE
from provision.common.results import Finding
from provision.host.target import Kind, Target
from provision.host.unconfirmed import UnconfirmedSwitch
from provision.output.metric_names import HELP, OURS
from provision.output.metrics import KeyDate, metrics_text
from provision.output.report import Report
from provision.output.status import REFERENCE_CLOCK, Authentication, Clock, Layer, SourceFault
from tests.helpers.booted_hosts import ROOT
from tests.helpers.report_samples import BAD, GOOD, UNTRIED, report
from tests.helpers.status_samples import CLOCK, SOURCE, STATUS

Labels = frozenset[tuple[str, str]]
FAULT = SourceFault(layer=Layer.NO_ANSWER, seen="no answer to 8 requests", advice="look at the server")
ANSWER = Measurement(
    offset_seconds=2e-6, delay_seconds=4e-5, dispersion_seconds=3e-7, response_seconds=8e-5, jitter_asymmetry=0.25
)
STATISTICS = SourceStatistics(
    samples=6, runs=3, span_seconds=74, frequency_ppm=-0.5, skew_ppm=1.5, offset_seconds=-3e-6, deviation_seconds=5e-6
)
DETAILED = replace(SOURCE, measurement=ANSWER, statistics=STATISTICS)
AT = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
COUNTERS = parse_server_counters("120,3,40,1,2,4,5,110,7,8,9,1,2,3,4,5,6\n")
UNREACHED = report(error="ntp1: no route to host", tried=False)
OF_SOURCE = {"source_address", "source_name"}
STOCK: dict[str, set[str]] = {
    "chrony_up": set(),
    "chrony_tracking_info": {"tracking_address", "tracking_name", "tracking_refid"},
    "chrony_tracking_last_offset_seconds": set(),
    "chrony_tracking_reference_timestamp_seconds": set(),
    "chrony_tracking_system_time_seconds": set(),
    "chrony_tracking_remote_reference": set(),
    "chrony_tracking_rms_offset_seconds": set(),
    "chrony_tracking_root_delay_seconds": set(),
    "chrony_tracking_root_dispersion_seconds": set(),
    "chrony_tracking_frequency_ppms": set(),
    "chrony_tracking_residual_frequency_ppms": set(),
    "chrony_tracking_skew_ppms": set(),
    "chrony_tracking_update_interval_seconds": set(),
    "chrony_tracking_stratum": set(),
    "chrony_sources_last_sample_age_seconds": OF_SOURCE,
    "chrony_sources_reachability_ratio": OF_SOURCE,
    "chrony_sources_reachability_success": OF_SOURCE,
    "chrony_sources_last_sample_offset_seconds": OF_SOURCE,
    "chrony_sources_last_sample_error_margin_seconds": OF_SOURCE,
    "chrony_sources_polling_interval_seconds": OF_SOURCE,
    "chrony_sources_state_info": {*OF_SOURCE, "source_state", "source_mode"},
    "chrony_sources_stratum": OF_SOURCE,
    "chrony_sources_peer_offset_seconds": OF_SOURCE,
    "chrony_sources_peer_delay_seconds": OF_SOURCE,
    "chrony_sources_peer_dispersion_seconds": OF_SOURCE,
    "chrony_sources_peer_response_time_seconds": OF_SOURCE,
    "chrony_sources_peer_jitter_asymmetry_seconds": OF_SOURCE,
    "chrony_sourcestats_samples": OF_SOURCE,
    "chrony_sourcestats_runs": OF_SOURCE,
    "chrony_sourcestats_span_seconds": OF_SOURCE,
    "chrony_sourcestats_stddev": OF_SOURCE,
    "chrony_sourcestats_frequency_ppms": OF_SOURCE,
    "chrony_sourcestats_frequency_skew_ppms": OF_SOURCE,
    "chrony_sourcestats_offset": OF_SOURCE,
    "chrony_serverstats_ntp_packets_received_total": set(),
    "chrony_serverstats_ntp_packets_dropped_total": set(),
    "chrony_serverstats_command_packets_received_total": set(),
    "chrony_serverstats_command_packets_dropped_total": set(),
    "chrony_serverstats_client_log_records_dropped_total": set(),
    "chrony_serverstats_nts_ke_connections_accepted_total": set(),
    "chrony_serverstats_nts_ke_connections_dropped_total": set(),
    "chrony_serverstats_authenticated_ntp_packets_total": set(),
    "chrony_serverstats_interleaved_ntp_packets_total": set(),
    "chrony_serverstats_ntp_timestamps_held": set(),
    "chrony_serverstats_ntp_timestamp_span_seconds": set(),
    "chrony_serverstats_ntp_daemon_rx_timestamps_total": set(),
    "chrony_serverstats_ntp_daemon_tx_timestamps_total": set(),
    "chrony_serverstats_ntp_kernel_rx_timestamps_total": set(),
    "chrony_serverstats_ntp_kernel_tx_timestamps_total": set(),
    "chrony_serverstats_ntp_hw_rx_timestamps_total": set(),
    "chrony_serverstats_ntp_hw_tx_timestamps_total": set(),
}
"""The metrics of chrony_exporter 0.13.3 with all of its flags, and their labels (the names in its collector/*.go)."""


def text_of(*reports: Report, complete: bool = True) -> str:
    return metrics_text(reports, complete=complete, at=AT)


def values(*reports: Report) -> dict[tuple[str, Labels], float]:
    """Return each value by the name and the labels of its metric, as the library's own parser reads them."""
    found: dict[tuple[str, Labels], float] = {}
    for family in text_string_to_metric_families(text_of(*reports)):
        for sample in family.samples:
            identity = (sample.name, frozenset(sample.labels.items()))
            assert identity not in found
            found[identity] = sample.value
    return found


def of_host(host_report: Report) -> dict[str, float]:
    """Return the values of a host that have no other label."""
    alone = frozenset({("host", str(host_report.host))})
    return {name: value for (name, labels), value in values(host_report).items() if labels == alone}


def labels_of(name: str, *reports: Report) -> list[dict[str, str]]:
    return [dict(labels) for (found, labels) in values(*reports) if found == name]


FULL = report(
    status=replace(
        STATUS,
        server=COUNTERS,
        sources=(DETAILED, replace(SOURCE, name="b", address="198.51.100.8", state="not usable", fault=FAULT)),
        confirmed=False,
        unconfirmed=UnconfirmedSwitch(generation="aaaa", fallback="bbbb", reverts_at="x", seconds_left=60),
    ),
    findings=[GOOD, BAD, UNTRIED],
)


@pytest.mark.parametrize("name", STOCK)
def test_a_dashboard_of_chrony_exporter_finds_its_metrics_with_their_labels(name: str) -> None:
    found = labels_of(name, FULL)
    assert found
    for labels in found:
        assert labels.keys() == {"host", *STOCK[name]}


def test_the_day_of_a_key_is_its_midnight_by_file_and_id() -> None:
    key = KeyDate(file="/srv/chrony.keys", id=7, added=date(2026, 11, 23))
    text = metrics_text([], complete=True, at=AT, keys=[key])
    name = f"{OURS}key_added_timestamp_seconds"
    assert f'\n{name}{{key_file="/srv/chrony.keys",key_id="7"}} 1.795392e+09\n' in text


def test_every_other_metric_has_our_prefix_and_all_are_in_the_document() -> None:
    names = {name for name, _ in values(FULL)} | {f"{OURS}key_added_timestamp_seconds"}
    assert names == set(HELP)
    assert {name for name in names - set(STOCK) if not name.startswith(OURS)} == set()
    page = (ROOT / "docs/monitoring.md").read_text()
    assert [name for name in HELP if f"`{name}`" not in page] == []


def test_the_values_of_a_clock_have_the_units_and_signs_of_chrony_exporter() -> None:
    seen = of_host(FULL)
    assert seen["chrony_up"] == 1
    assert (seen["chrony_tracking_system_time_seconds"], CLOCK.offset_seconds) == (3e-6, -3e-6)
    assert seen["chrony_tracking_last_offset_seconds"] == 2e-6
    assert seen["chrony_tracking_reference_timestamp_seconds"] == 1795373485.9
    assert (seen["chrony_tracking_frequency_ppms"], seen["chrony_tracking_skew_ppms"]) == (-12.5, 0.25)
    assert (seen["chrony_tracking_root_delay_seconds"], seen["chrony_tracking_root_dispersion_seconds"]) == (4e-3, 3e-3)
    assert seen["chrony_serverstats_ntp_packets_received_total"] == 120
    assert seen["chrony_serverstats_ntp_hw_tx_timestamps_total"] == 6


def test_what_chronyd_does_not_count_has_no_value() -> None:
    names = {name for name, _ in values(report(status=STATUS))}
    assert "chrony_serverstats_ntp_packets_received_total" in names
    assert "chrony_serverstats_ntp_timestamps_held" not in names
    assert not any("serverstats" in name for name, _ in values(report(status=replace(STATUS, server=None))))


def test_metrics_of_the_project_describe_the_deployment() -> None:
    seen = of_host(FULL)
    assert (seen[f"{OURS}host_ok"], seen[f"{OURS}host_asked"], seen[f"{OURS}confirmed"]) == (0, 1, 0)
    assert (seen[f"{OURS}reverts_in_seconds"], seen[f"{OURS}keys"]) == (60, 51)
    assert (seen[f"{OURS}offset_limit_seconds"], seen[f"{OURS}error_bound_limit_seconds"]) == (0.05, 1)
    (info,) = labels_of(f"{OURS}host_info", FULL)
    assert info == {"host": "ntp1", "role": "server", "generation": "aaaa", "release": "4.9", "wanted_release": "4.9"}
    source, _ = labels_of(f"{OURS}source_info", FULL)
    assert (source["authentication"], source["key_id"]) == ("key", "7")
    counts = {labels["result"] for labels in labels_of(f"{OURS}findings", FULL)}
    assert counts == {"ok", "failed", "not checked"}
    checks = {labels["check"] for labels in labels_of(f"{OURS}finding_holds", FULL)}
    assert checks == {GOOD.id, BAD.id}


@pytest.mark.parametrize(
    ("lost", "asked"),
    [
        pytest.param(UNREACHED, 0, id="not reached"),
        pytest.param(report(error="ntp1: nothing is deployed here"), 1, id="nothing deployed"),
    ],
)
def test_a_host_without_a_state_says_so_and_has_no_other_value(lost: Report, asked: int) -> None:
    assert of_host(lost) == {"chrony_up": 0, f"{OURS}host_ok": 0, f"{OURS}host_asked": asked}


def test_a_chronyd_that_does_not_answer_is_down() -> None:
    silent = report(status=replace(STATUS, clock=None, sources=(), server=None), findings=[BAD])
    seen = of_host(silent)
    assert (seen["chrony_up"], seen[f"{OURS}host_asked"]) == (0, 1)
    assert not any(name.startswith("chrony_tracking") for name, _ in values(silent))


def test_a_command_that_ended_early_says_so_and_when() -> None:
    text = text_of(complete=False)
    assert f"\n{OURS}run_complete 0.0\n" in text
    (moment,) = [line for line in text.splitlines() if line.startswith(f"{OURS}run_timestamp_seconds ")]
    assert float(moment.split()[1]) == AT.timestamp()


def test_a_source_that_never_answered_is_as_old_as_for_chrony_exporter() -> None:
    silent = replace(SOURCE, last_answer_seconds=None, reach=0, state="not usable", authenticated=None)
    seen = values(report(status=replace(STATUS, sources=(silent,))))
    by_name = {name: value for (name, _), value in seen.items()}
    assert by_name["chrony_sources_last_sample_age_seconds"] == NEVER
    assert (by_name["chrony_sources_reachability_ratio"], by_name["chrony_sources_reachability_success"]) == (0, 0)
    assert f"{OURS}source_authenticated" not in by_name


def test_a_source_that_fails_names_the_layer_and_one_without_an_address_has_no_values() -> None:
    lost = replace(SOURCE, name="ntp9.invalid", address="", fault=replace(FAULT, layer=Layer.NAME))
    seen = report(status=replace(STATUS, sources=(lost,)))
    assert labels_of(f"{OURS}source_fault_info", seen) == [
        {"host": "ntp1", "source_address": "", "source_name": "ntp9.invalid", "layer": "name-resolution"}
    ]
    assert not any(name.startswith("chrony_sources_") for name, _ in values(seen))


def test_the_samples_of_a_source_and_its_last_answer_have_the_units_of_chrony_exporter() -> None:
    by_name = {name: value for (name, _), value in values(report(status=replace(STATUS, sources=(DETAILED,)))).items()}
    assert (by_name["chrony_sources_peer_offset_seconds"], by_name["chrony_sources_peer_delay_seconds"]) == (2e-6, 4e-5)
    assert by_name["chrony_sources_peer_jitter_asymmetry_seconds"] == 0.25
    assert (by_name["chrony_sourcestats_samples"], by_name["chrony_sourcestats_stddev"]) == (6, 5e-6)
    assert (by_name["chrony_sourcestats_frequency_ppms"], by_name["chrony_sourcestats_offset"]) == (-0.5, -3e-6)


def test_only_a_source_with_a_key_or_nts_can_lack_authentication() -> None:
    name = f"{OURS}source_authenticated"
    plain = replace(SOURCE, authentication=Authentication.NONE, key_id=None, authenticated=False)
    wrong = replace(SOURCE, authenticated=False)
    assert labels_of(name, report(status=replace(STATUS, sources=(plain,)))) == []
    (value,) = [
        value for (found, _), value in values(report(status=replace(STATUS, sources=(wrong,)))).items() if found == name
    ]
    assert value == 0


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("selected", "sync"),
        ("combined", "candidate"),
        ("not combined", "outlier"),
        ("falseticker", "falseticker"),
        ("too variable", "jittery"),
        ("not usable", "unreach"),
    ],
)
def test_the_state_of_a_source_is_in_the_words_of_chrony_exporter(state: str, word: str) -> None:
    (labels,) = labels_of(
        "chrony_sources_state_info", report(status=replace(STATUS, sources=(replace(SOURCE, state=state),)))
    )
    assert (labels["source_state"], labels["source_mode"]) == (word, "client")


def test_a_reference_clock_has_its_name_and_two_of_one_name_have_a_number() -> None:
    clock = replace(
        SOURCE, name="PPS", address="PPS", kind=REFERENCE_CLOCK, authentication=Authentication.UNKNOWN, key_id=None
    )
    found = labels_of("chrony_sources_state_info", report(status=replace(STATUS, sources=(clock,))))
    assert [(one["source_address"], one["source_mode"]) for one in found] == [("PPS", "reference clock")]
    assert "source_number" not in found[0]
    found = labels_of("chrony_sources_state_info", report(status=replace(STATUS, sources=(clock, SOURCE, clock))))
    assert [(one["source_address"], one.get("source_number")) for one in found] == [
        ("PPS", "1"),
        (SOURCE.address, None),
        ("PPS", "2"),
    ]


@pytest.mark.parametrize(
    ("clock", "expected", "remote"),
    [
        pytest.param(CLOCK, ("198.51.100.7", "ntp1.example.net", "C6336407"), 1, id="a source"),
        pytest.param(
            replace(CLOCK, synchronised=False, reference="local", reference_id=LOCAL_REFERENCE),
            ("127.127.1.1", "127.127.1.1", "7F7F0101"),
            0,
            id="its own clock",
        ),
        pytest.param(
            replace(CLOCK, synchronised=False, reference="", reference_id="00000000"),
            ("", "", "00000000"),
            0,
            id="nothing",
        ),
    ],
)
def test_the_reference_of_the_clock_is_named(clock: Clock, expected: tuple[str, str, str], remote: int) -> None:
    sources = (SOURCE,) if remote else ()
    seen = report(status=replace(STATUS, clock=clock, sources=sources))
    (labels,) = labels_of("chrony_tracking_info", seen)
    assert (labels["tracking_address"], labels["tracking_name"], labels["tracking_refid"]) == expected
    assert of_host(seen)["chrony_tracking_remote_reference"] == remote


def test_several_hosts_are_told_apart_and_each_metric_is_in_one_place() -> None:
    other = replace(FULL, host=Target(text="ntp2", kind=Kind.SSH))
    assert {labels["host"] for labels in labels_of("chrony_tracking_stratum", FULL, other)} == {"ntp1", "ntp2"}
    types = [line for line in text_of(FULL, other).splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types))


def test_node_exporter_can_read_it() -> None:
    # Its textfile collector reads the older format, which has these types, and refuses times.
    lines = text_of(FULL).splitlines()
    types = {line.split()[3] for line in lines if line.startswith("# TYPE")}
    assert types == {"gauge", "counter"}
    assert all(len(line.rpartition("}")[2].split()) == 1 for line in lines if "{" in line and line[0] != "#")
    older = {sample.name for family in families_of_prometheus(text_of(FULL)) for sample in family.samples}
    assert older == {name for name, _ in values(FULL)}


HOSTILE = ['a"} 1\nchrony_up{host="b', "back\\slash", "\x1b[31m", "\u202e", "\ud800", "#", "", "é{}"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_of_a_host_or_source_can_break_the_text(text: str) -> None:
    _read_back(text)


@given(text=st.text())
def test_any_text_is_read_back(text: str) -> None:
    _read_back(text)


def _read_back(text: str) -> None:
    finding = Finding(id="limits.offset", claim=text, subject=text, holds=False, seen=text)
    hostile = report(
        host=Target(text=text, kind=Kind.SSH),
        status=replace(STATUS, sources=(replace(SOURCE, name=text, address=text),), generation=text),
        findings=[finding],
    )
    seen = values(hostile)
    assert sum(name == "chrony_up" for name, _ in seen) == 1
    assert all(math.isfinite(value) for value in seen.values())
    assert "\x1b" not in text_of(hostile)
