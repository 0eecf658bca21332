"""The metrics that a host writes by itself: those of chrony_exporter, and the few of ours that chronyc tells."""

from provision.output.metric_names import HELP, OURS, on_host


def test_each_line_has_a_name_a_type_and_the_help_in_the_order_of_the_text() -> None:
    found = [line.split(" ", 2) for line in on_host().splitlines()]
    names = [name for name, _, _ in found]
    assert names == [name for name in HELP if name in names]
    assert {name for name in HELP if not name.startswith(OURS)} <= set(names)
    assert all(help_ == HELP[name] for name, _, help_ in found)
    types = {name: type_ for name, type_, _ in found}
    assert types["chrony_serverstats_ntp_packets_received_total"] == "counter"
    assert types["chrony_serverstats_ntp_timestamps_held"] == "gauge"
