"""Write the states of hosts as metrics in the text format of OpenMetrics (openmetrics.io); docs/monitoring.md.

Metrics that chrony_exporter has too carry its names, labels, units and signs, so that its dashboards and alerts find
them. All others begin with ``chrony_provision_``. Each metric of a host has the label ``host``. A host whose state is
not known has ``chrony_up 0`` and no value of an earlier run. Labels are escaped as for a terminal. No metric has a time
of its own, which node_exporter's textfile collector would refuse.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.openmetrics.exposition import generate_latest

from provision.chrony.chronyc.serverstats import ServerCounters
from provision.chrony.chronyc.sources import NEVER
from provision.chrony.key_ids import parse_key_ids
from provision.chrony.reference_id import LOCAL_ADDRESS, LOCAL_REFERENCE
from provision.common.text import on_one_line
from provision.output.metric_names import HELP, OURS, TOTAL
from provision.output.report import Report
from provision.output.status import REFERENCE_CLOCK, Authentication, Clock, HostStatus, TimeSource

UNITS = ("seconds", "ratio", "ppms")

STATES = {
    "selected": "sync",
    "combined": "candidate",
    "not combined": "outlier",
    "falseticker": "falseticker",
    "too variable": "jittery",
    "not usable": "unreach",
}
"""The states of a source in the words of chrony_exporter."""
MODES = {"server": "client", "peer": "peer", REFERENCE_CLOCK: "reference clock"}
"""The kinds of a source in its words; to a server, the host is a client."""
AUTHENTICATED = {Authentication.KEY, Authentication.NTS}
RESULTS = {True: "ok", False: "failed", None: "not checked"}

COUNTERS = {
    "ntp_packets_received_total": "ntp_received",
    "ntp_packets_dropped_total": "ntp_dropped",
    "command_packets_received_total": "commands_received",
    "command_packets_dropped_total": "commands_dropped",
    "client_log_records_dropped_total": "client_records_dropped",
    "nts_ke_connections_accepted_total": "nts_ke_accepted",
    "nts_ke_connections_dropped_total": "nts_ke_dropped",
    "authenticated_ntp_packets_total": "ntp_authenticated",
    "interleaved_ntp_packets_total": "ntp_interleaved",
    "ntp_timestamps_held": "timestamps_held",
    "ntp_timestamp_span_seconds": "timestamps_span_seconds",
    "ntp_daemon_rx_timestamps_total": "daemon_rx_timestamps",
    "ntp_daemon_tx_timestamps_total": "daemon_tx_timestamps",
    "ntp_kernel_rx_timestamps_total": "kernel_rx_timestamps",
    "ntp_kernel_tx_timestamps_total": "kernel_tx_timestamps",
    "ntp_hw_rx_timestamps_total": "hardware_rx_timestamps",
    "ntp_hw_tx_timestamps_total": "hardware_tx_timestamps",
}
"""Name of a metric behind ``chrony_serverstats_`` → attribute of :class:`ServerCounters`."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDate:
    """When a key was added to a key file of the operator."""

    file: str
    id: int
    added: date


def metrics_text(reports: Sequence[Report], *, complete: bool, at: datetime, keys: Sequence[KeyDate] = ()) -> str:
    """Return the metrics of hosts whose states were asked for, and of the operator's keys.

    ``complete``: the command did not end early.
    """
    samples = [Sample(f"{OURS}run_timestamp_seconds", at.timestamp()), Sample(f"{OURS}run_complete", complete)]
    samples += map(_of_key, keys)
    for report in reports:
        host = {"host": str(report.host)}
        samples += [Sample(one.name, one.value, {**host, **one.labels}) for one in _of_host(report)]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(samples))
    text: bytes = generate_latest(registry)
    return text.decode()


class _Families:
    """Group samples by metric, as the library collects them."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterable[Metric]:
        """Yield each metric that has samples."""
        families: dict[str, Metric] = {name: _family(name) for name in HELP}
        known: set[tuple[str, frozenset[tuple[str, str]]]] = set()
        for sample in self._samples:
            labels = {name: on_one_line(text) for name, text in sample.labels.items()}
            identity = (sample.name, frozenset(labels.items()))
            # Prometheus refuses the whole file if a value is there twice.
            if identity not in known:
                known.add(identity)
                families[sample.name].add_sample(sample.name, labels, float(sample.value))
        return [family for family in families.values() if family.samples]


def _family(name: str) -> Metric:
    unit = next((unit for unit in UNITS if name.endswith(f"_{unit}")), "")
    if name.endswith(TOTAL):
        return Metric(name.removesuffix(TOTAL), HELP[name], "counter")
    # Infos are gauges, as in chrony_exporter: node_exporter does not know the type "info".
    return Metric(name, HELP[name], "gauge", unit)


def _of_key(key: KeyDate) -> Sample:
    began = datetime.combine(key.added, time(), UTC)
    labels = {"key_file": key.file, "key_id": str(key.id)}
    return Sample(f"{OURS}key_added_timestamp_seconds", began.timestamp(), labels)


def _of_host(report: Report) -> Iterator[Sample]:
    status = report.status
    yield Sample("chrony_up", status is not None and status.clock is not None)
    yield Sample(f"{OURS}host_ok", report.ok)
    yield Sample(f"{OURS}host_asked", report.tried)
    if status is None:
        return
    yield from _of_deployment(status)
    if status.clock is not None:
        yield from _of_clock(status.clock, status)
    for number, source in _numbered(status.sources):
        yield from _of_source(source, number)
    if status.server is not None:
        yield from _of_server(status.server)
    yield from _of_findings(report)


def _of_deployment(status: HostStatus) -> Iterator[Sample]:
    labels = {
        "role": status.role.value,
        "generation": status.generation,
        "release": status.release,
        "wanted_release": status.wanted_release,
    }
    yield Sample(f"{OURS}host_info", 1, labels)
    yield Sample(f"{OURS}confirmed", status.confirmed)
    if status.unconfirmed is not None and status.unconfirmed.seconds_left is not None:
        yield Sample(f"{OURS}reverts_in_seconds", status.unconfirmed.seconds_left)
    yield Sample(f"{OURS}keys", sum(map(len, parse_key_ids(status.key_ids))))
    if status.limits is not None:
        yield Sample(f"{OURS}offset_limit_seconds", status.limits.offset_seconds)
        yield Sample(f"{OURS}error_bound_limit_seconds", status.limits.error_seconds)
        yield Sample(f"{OURS}sources_limit", status.limits.least_sources)


def _of_clock(clock: Clock, status: HostStatus) -> Iterator[Sample]:
    values = {
        "last_offset_seconds": clock.last_offset_seconds,
        "reference_timestamp_seconds": clock.reference_time_seconds,
        # The sign of chronyc and chrony_exporter; zero has none.
        "system_time_seconds": 0.0 - clock.offset_seconds,
        "remote_reference": clock.synchronised,
        "rms_offset_seconds": clock.rms_offset_seconds,
        "root_delay_seconds": clock.root_delay_seconds,
        "root_dispersion_seconds": clock.root_dispersion_seconds,
        "frequency_ppms": clock.frequency_ppm,
        "residual_frequency_ppms": clock.residual_frequency_ppm,
        "skew_ppms": clock.skew_ppm,
        "update_interval_seconds": clock.update_interval_seconds,
        "stratum": clock.stratum,
    }
    yield Sample("chrony_tracking_info", 1, _reference(clock, status.selected))
    for name, value in values.items():
        yield Sample(f"chrony_tracking_{name}", value)
    yield Sample(f"{OURS}synchronised", clock.synchronised)
    yield Sample(f"{OURS}leap_info", 1, {"leap": clock.leap})
    yield Sample(f"{OURS}error_bound_seconds", clock.error_bound_seconds)


def _reference(clock: Clock, selected: TimeSource | None) -> dict[str, str]:
    address = name = clock.reference
    if clock.reference_id == LOCAL_REFERENCE:
        address = name = LOCAL_ADDRESS
    elif selected is not None:
        name = selected.name
    return {"tracking_address": address, "tracking_name": name, "tracking_refid": clock.reference_id}


def _numbered(sources: Sequence[TimeSource]) -> Iterator[tuple[str, TimeSource]]:
    """Yield each source with its number among those of its address, from 1; "" if no other has the address.

    Several reference clocks may have one name (``refid``).
    """
    total = Counter(source.address for source in sources)
    seen: Counter[str] = Counter()
    for source in sources:
        seen[source.address] += 1
        if source.address and total[source.address] > 1:
            yield str(seen[source.address]), source
        else:
            yield "", source


def _of_source(source: TimeSource, number: str) -> Iterator[Sample]:
    labels = {"source_address": source.address, "source_name": source.name}
    if number:
        labels["source_number"] = number
    if source.fault is not None:
        yield Sample(f"{OURS}source_fault_info", 1, {**labels, "layer": source.fault.layer.value})
    if not source.address:
        # Its name has no address: there are no values, and chrony_exporter leaves it out.
        return
    age = source.last_answer_seconds
    if age is None:
        age = NEVER
    values = {
        "last_sample_age_seconds": age,
        "reachability_ratio": source.reach.bit_count() / 8,
        "reachability_success": source.reach & 1,
        "last_sample_offset_seconds": source.offset_seconds,
        "last_sample_error_margin_seconds": source.error_seconds,
        "polling_interval_seconds": source.poll_seconds,
        "stratum": source.stratum,
    }
    for name, value in values.items():
        yield Sample(f"chrony_sources_{name}", value, labels)
    for name, value in _details(source).items():
        yield Sample(f"chrony_{name}", value, labels)
    state = {"source_state": STATES[source.state], "source_mode": MODES[source.kind]}
    yield Sample("chrony_sources_state_info", 1, {**labels, **state})
    key = str(source.key_id or "")
    yield Sample(f"{OURS}source_info", 1, {**labels, "authentication": source.authentication.value, "key_id": key})
    # None of an unauthenticated source: an alert for 0 shall not name what was configured.
    if source.authenticated is not None and source.authentication in AUTHENTICATED:
        yield Sample(f"{OURS}source_authenticated", source.authenticated, labels)


def _details(source: TimeSource) -> dict[str, float]:
    """Return the values of the last answer and of the samples, as far as there are any."""
    values: dict[str, float] = {}
    answer, statistics = source.measurement, source.statistics
    if answer is not None:
        values |= {
            "sources_peer_offset_seconds": answer.offset_seconds,
            "sources_peer_delay_seconds": answer.delay_seconds,
            "sources_peer_dispersion_seconds": answer.dispersion_seconds,
            "sources_peer_response_time_seconds": answer.response_seconds,
            "sources_peer_jitter_asymmetry_seconds": answer.jitter_asymmetry,
        }
    if statistics is not None:
        values |= {
            "sourcestats_samples": statistics.samples,
            "sourcestats_runs": statistics.runs,
            "sourcestats_span_seconds": statistics.span_seconds,
            "sourcestats_stddev": statistics.deviation_seconds,
            "sourcestats_frequency_ppms": statistics.frequency_ppm,
            "sourcestats_frequency_skew_ppms": statistics.skew_ppm,
            "sourcestats_offset": statistics.offset_seconds,
        }
    return values


def _of_server(server: ServerCounters) -> Iterator[Sample]:
    for name, attribute in COUNTERS.items():
        value = getattr(server, attribute)
        if value is not None:
            yield Sample(f"chrony_serverstats_{name}", value)


def _of_findings(report: Report) -> Iterator[Sample]:
    for holds, result in RESULTS.items():
        number = sum(finding.holds is holds for finding in report.findings)
        yield Sample(f"{OURS}findings", number, {"result": result})
    for finding in report.findings:
        if finding.holds is not None:
            yield Sample(f"{OURS}finding_holds", finding.holds, {"check": finding.id, "subject": finding.subject})
