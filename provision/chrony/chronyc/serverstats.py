"""Parse ``chronyc -c serverstats``: the requests to a server, counted."""

from dataclasses import dataclass
from dataclasses import fields as dataclass_fields

from provision.chrony.chronyc.fields import check, parse_line, whole_number


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCounters:
    """Count the requests to a server since chronyd's start, from ``serverstats``; None: this release does not count."""

    ntp_received: int
    ntp_dropped: int
    """By the rate limit (``ratelimit``)."""
    commands_received: int
    commands_dropped: int
    client_records_dropped: int
    """Records of clients that made room for others (``clientloglimit``)."""
    nts_ke_accepted: int
    nts_ke_dropped: int
    ntp_authenticated: int
    """Requests with a valid MAC or NTS cookie."""
    ntp_interleaved: int | None = None
    """Requests in the interleaved mode (chrony 4.2)."""
    timestamps_held: int | None = None
    """Timestamps that are kept for clients in the interleaved mode (chrony 4.2)."""
    timestamps_span_seconds: int | None = None
    """The interval that these timestamps cover, in seconds (chrony 4.2)."""
    daemon_rx_timestamps: int | None = None
    """Responses with a receive timestamp of chronyd itself; like the others below, counted since chrony 4.4."""
    daemon_tx_timestamps: int | None = None
    kernel_rx_timestamps: int | None = None
    kernel_tx_timestamps: int | None = None
    hardware_rx_timestamps: int | None = None
    """Of the network interface."""
    hardware_tx_timestamps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Count the NTP requests of clients since chronyd's start: the part of ``serverstats`` that 3.x has, too."""

    received: int
    dropped: int
    """By the rate limit (``ratelimit``)."""


def parse_server_counters(text: str) -> ServerCounters:
    """Parse ``chronyc -c serverstats``: 8 fields in chrony 4.0 and 4.1, 11 in 4.2 and 4.3, 17 since 4.4."""
    return parse_line("serverstats", text, _server_counters)


def parse_requests(text: str) -> Requests:
    """Parse the first fields of ``chronyc -c serverstats``, of any release from 3.0 on."""
    return parse_line("serverstats", text, _requests)


def _server_counters(fields: list[str]) -> ServerCounters:
    check(len(fields) in {8, 11, 17})
    names = [field.name for field in dataclass_fields(ServerCounters)]
    return ServerCounters(**dict(zip(names, map(whole_number, fields), strict=False)))


def _requests(fields: list[str]) -> Requests:
    # client.c: 5 fields in 3.x.
    received, dropped, *rest = map(whole_number, fields)
    check(len(rest) >= 3)
    return Requests(received=received, dropped=dropped)
