"""The names of the metrics, their help and their types; docs/monitoring.md.

Names that chrony_exporter has too are its own; all others begin with ``chrony_provision_``. The script of
``metrics = "textfile"``, ``write_metrics.sh``, writes some of them on a host.
"""

from provision.chrony.chronyc.sources import NEVER

OURS = "chrony_provision_"
TOTAL = "_total"
"""The end of the name of a counter; in its TYPE line, the name is without it."""

HELP = {
    "chrony_up": "1 if the deployed chronyd answered, 0 if it did not, or if the host could not be asked",
    "chrony_tracking_info": "Always 1; the labels name the reference of the clock",
    "chrony_tracking_last_offset_seconds": "Offset at the last update of the clock; positive: the clock was ahead",
    "chrony_tracking_reference_timestamp_seconds": "Time of the last measurement that was used, since 1970",
    "chrony_tracking_system_time_seconds": "Present correction of the clock; positive: the clock is behind",
    "chrony_tracking_remote_reference": "1 if the clock follows a source, 0 if it follows none or serves itself",
    "chrony_tracking_rms_offset_seconds": "Long-term average of the last offset",
    "chrony_tracking_root_delay_seconds": "Delay of the network to the stratum-1 server and back",
    "chrony_tracking_root_dispersion_seconds": "Sum of the errors of measurement up to the stratum-1 server",
    "chrony_tracking_frequency_ppms": "Rate of the clock without correction, parts per million; positive: fast",
    "chrony_tracking_residual_frequency_ppms": "Frequency by the selected source minus the one in use",
    "chrony_tracking_skew_ppms": "Error bound of the frequency",
    "chrony_tracking_update_interval_seconds": "Time between the last two updates of the clock",
    "chrony_tracking_stratum": "Stratum of the host; 0 if it is not synchronised",
    "chrony_sources_last_sample_age_seconds": f"Time since the last answer of the source; {NEVER}: there was none",
    "chrony_sources_reachability_ratio": "Part of the last eight requests that were answered",
    "chrony_sources_reachability_success": "1 if the last request was answered",
    "chrony_sources_last_sample_offset_seconds": "Offset to the source; positive: the clock is ahead of it",
    "chrony_sources_last_sample_error_margin_seconds": "Margin of the offset",
    "chrony_sources_polling_interval_seconds": "Time between two requests",
    "chrony_sources_state_info": "Always 1; the labels name the state of the source and its kind",
    "chrony_sources_stratum": "Stratum of the source",
    "chrony_sources_peer_offset_seconds": "Offset by the last answer; positive: the clock is behind the source",
    "chrony_sources_peer_delay_seconds": "Delay of the network, there and back, of the last answer",
    "chrony_sources_peer_dispersion_seconds": "Dispersion of the last answer",
    "chrony_sources_peer_response_time_seconds": "Time that the source took for its last answer",
    "chrony_sources_peer_jitter_asymmetry_seconds": "Asymmetry of the jitter, from -0.5 to 0.5 in spite of the name",
    "chrony_sourcestats_samples": "Samples that are kept of the source",
    "chrony_sourcestats_runs": "Runs of residuals with one sign, after the last regression",
    "chrony_sourcestats_span_seconds": "Time between the oldest and the newest sample",
    "chrony_sourcestats_stddev": "Standard deviation of the samples, seconds",
    "chrony_sourcestats_frequency_ppms": "Residual frequency of the clock by this source",
    "chrony_sourcestats_frequency_skew_ppms": "Error bound of that frequency",
    "chrony_sourcestats_offset": "Estimated offset, seconds; positive: the clock is ahead of the source",
    "chrony_serverstats_ntp_packets_received_total": "NTP requests that were received",
    "chrony_serverstats_ntp_packets_dropped_total": "NTP requests that the rate limit dropped",
    "chrony_serverstats_command_packets_received_total": "Requests of chronyc that were received",
    "chrony_serverstats_command_packets_dropped_total": "Requests of chronyc that the rate limit dropped",
    "chrony_serverstats_client_log_records_dropped_total": "Records of clients that made room for others",
    "chrony_serverstats_nts_ke_connections_accepted_total": "NTS-KE connections that were accepted",
    "chrony_serverstats_nts_ke_connections_dropped_total": "NTS-KE connections that the rate limit dropped",
    "chrony_serverstats_authenticated_ntp_packets_total": "NTP requests with a valid MAC or NTS cookie",
    "chrony_serverstats_interleaved_ntp_packets_total": "NTP requests in the interleaved mode",
    "chrony_serverstats_ntp_timestamps_held": "Timestamps that are kept for clients in the interleaved mode",
    "chrony_serverstats_ntp_timestamp_span_seconds": "Interval that these timestamps cover",
    "chrony_serverstats_ntp_daemon_rx_timestamps_total": "Responses with a receive timestamp of chronyd",
    "chrony_serverstats_ntp_daemon_tx_timestamps_total": "Responses with a transmit timestamp of chronyd",
    "chrony_serverstats_ntp_kernel_rx_timestamps_total": "Responses with a receive timestamp of the kernel",
    "chrony_serverstats_ntp_kernel_tx_timestamps_total": "Responses with a transmit timestamp of the kernel",
    "chrony_serverstats_ntp_hw_rx_timestamps_total": "Responses with a receive timestamp of the network interface",
    "chrony_serverstats_ntp_hw_tx_timestamps_total": "Responses with a transmit timestamp of the network interface",
    f"{OURS}run_timestamp_seconds": "Time at the end of the run, since 1970, by the clock of the control machine",
    f"{OURS}run_complete": "1 if the command asked all hosts, 0 if it ended before",
    f"{OURS}host_ok": "1 if the host was asked and all findings hold",
    f"{OURS}host_asked": "1 if the host was asked, 0 if it could not be reached or was not tried",
    f"{OURS}host_info": "Always 1; the labels name role, generation and releases",
    f"{OURS}confirmed": "1 if no switch waits to be confirmed",
    f"{OURS}reverts_in_seconds": "Time until the host goes back from a switch that nobody confirms",
    f"{OURS}synchronised": "1 if the clock follows a source",
    f"{OURS}leap_info": "Always 1; the label names the leap status",
    f"{OURS}error_bound_seconds": "Largest possible error of the clock",
    f"{OURS}offset_limit_seconds": "Limit of the site for the offset, in both directions",
    f"{OURS}error_bound_limit_seconds": "Limit of the site for the error bound",
    f"{OURS}sources_limit": "Limit of the site: least number of sources that can be selected",
    f"{OURS}source_info": "Always 1; the labels name how the source is authenticated",
    f"{OURS}source_fault_info": "Always 1; the label names the layer at which the source fails",
    f"{OURS}source_authenticated": "1 if the last answer of a source with a key or NTS was authenticated",
    f"{OURS}keys": "Keys in the host's key file",
    f"{OURS}key_added_timestamp_seconds": "Day on which a key was added to the operator's key file, since 1970",
    f"{OURS}findings": "Findings by result: ok, failed, not checked",
    f"{OURS}finding_holds": "1 if the claim of a check holds, 0 if it does not; no value if it was not checked",
}
"""Each metric, in the order of the text, and its help."""

_OURS_ON_HOST = ("synchronised", "leap_info", "error_bound_seconds", "source_info", "source_authenticated")
"""What a host can tell without its site and without this machine, besides the metrics of chrony_exporter."""


def on_host() -> str:
    """Return a line for each metric that a host writes by itself, in order: name, type and help."""
    ours = {f"{OURS}{name}" for name in _OURS_ON_HOST}
    names = [name for name in HELP if name in ours or not name.startswith(OURS)]
    return "\n".join(f"{name} {_type(name)} {HELP[name]}" for name in names)


def _type(name: str) -> str:
    if name.endswith(TOTAL):
        return "counter"
    return "gauge"
