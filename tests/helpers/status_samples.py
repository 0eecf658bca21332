"""The state of a host: its clock, its sources, one of which gives no time, and its counters."""

from dataclasses import replace

from provision.chrony.chronyc.serverstats import ServerCounters
from provision.output.status import (
    Authentication,
    Clock,
    ClockLimits,
    HostStatus,
    Layer,
    Role,
    SourceFault,
    TimeSource,
)

SOURCE = TimeSource(
    name="ntp1.example.net",
    address="198.51.100.7",
    kind="server",
    state="selected",
    stratum=1,
    poll_seconds=64.0,
    reach=255,
    last_answer_seconds=12,
    offset_seconds=1.2e-3,
    error_seconds=4e-3,
    reference="GPS",
    authentication=Authentication.KEY,
    key_id=7,
    authenticated=True,
)

FAULT = SourceFault(layer=Layer.NO_ROUTE, seen="the host has no route to it", advice="see 'ip route get'")

LOST = replace(SOURCE, name="ntp2.example.net", address="198.51.100.8", state="not usable", reach=0, fault=FAULT)
"""A source that gives no time."""

CLOCK = Clock(
    synchronised=True,
    reference="198.51.100.7",
    reference_id="C6336407",
    reference_time_seconds=1795373485.9,
    stratum=2,
    leap="normal",
    offset_seconds=-3e-6,
    last_offset_seconds=2e-6,
    rms_offset_seconds=5e-6,
    root_delay_seconds=4e-3,
    root_dispersion_seconds=3e-3,
    update_interval_seconds=64.5,
    error_bound_seconds=5e-3,
    frequency_ppm=-12.5,
    residual_frequency_ppm=0.125,
    skew_ppm=0.25,
)

COUNTERS = ServerCounters(
    ntp_received=120,
    ntp_dropped=3,
    commands_received=40,
    commands_dropped=0,
    client_records_dropped=0,
    nts_ke_accepted=0,
    nts_ke_dropped=0,
    ntp_authenticated=110,
)

STATUS = HostStatus(
    role=Role.SERVER,
    generation="aaaa",
    release="4.9",
    wanted_release="4.9",
    confirmed=True,
    unconfirmed=None,
    clock=CLOCK,
    sources=(SOURCE,),
    server=COUNTERS,
    limits=ClockLimits(offset_seconds=0.05, error_seconds=1.0, least_sources=1, authenticated=False),
    key_ids="1-50,60",
)
