"""The sources that ntpq and timedatectl print, and what we make of them."""

import pytest

from provision.build.evidence import sections
from provision.common.errors import ParseError
from provision.output.existing import SeenSource
from provision.takeover.other_sources import parse_ntpq, parse_timesync_status
from tests.helpers.samples import CASES

NTPD = sections((CASES / "services" / "ntpd-4.2.8.txt").read_text())["ntpq"]
"""As ntpd 4.2.8p15 of Debian 11 printed it."""
HEADING = "".join(NTPD.splitlines(keepends=True)[:2])
TIMESYNCD = sections((CASES / "services" / "timesyncd-252.txt").read_text())["timesync-status"]
"""As systemd 252 of Debian 12 printed it."""


def peer(line: str) -> SeenSource:
    (source,) = parse_ntpq(f"{HEADING}{line}\n")
    return source


def test_sources_without_an_answer_have_no_offset_and_a_pool_is_no_source() -> None:
    sources = parse_ntpq(NTPD)
    assert [(one.name, one.kind, one.state, one.stratum, one.offset_seconds) for one in sources] == [
        ("198.19.0.2", "server", "not usable", None, None),
        ("198.19.0.9", "server", "not usable", None, None),
        ("2001:db8:1111:2222:3333:4444:5555:6666", "server", "not usable", None, None),
        ("127.127.1.0", "reference clock", "not usable", 5, 0.0),
    ]
    assert [one.last_answer_seconds for one in sources] == [None, None, None, 5]


def test_a_source_that_answers_has_its_values_with_our_sign() -> None:
    source = peer("*10.1.2.3       .GPS.            1 u   33   64  377    0.123   +4.500   0.012")
    assert (source.address, source.state, source.stratum, source.poll_seconds) == ("10.1.2.3", "selected", 1, 64.0)
    assert (source.reach, source.last_answer_seconds, source.offset_seconds) == (255, 33, -0.0045)
    assert (source.authentication, source.key_id, source.error_seconds) == ("unknown", None, None)


@pytest.mark.parametrize(
    ("mark", "state"),
    [
        ("o", "selected"),
        ("+", "combined"),
        ("-", "not combined"),
        ("#", "not combined"),
        (".", "not combined"),
        ("x", "falseticker"),
        (" ", "not usable"),
    ],
)
def test_each_mark_is_a_state(mark: str, state: str) -> None:
    assert peer(f"{mark}10.1.2.3 10.0.0.1 2 u 1 64 377 0.1 0.1 0.1").state == state


def test_the_kind_of_a_source_is_read_and_ntpsec_counts_the_cookies_of_nts() -> None:
    assert peer("+10.1.2.3 10.0.0.1 2 s 1 64 377 0.1 0.1 0.1").kind == "peer"
    assert peer("+10.1.2.3 10.0.0.1 2 8 1 64 377 0.1 0.1 0.1").authentication == "nts"


@pytest.mark.parametrize(("text", "seconds"), [("17m", 1020), ("2h", 7200), ("3d", 259200), ("900", 900)])
def test_a_long_time_is_shortened(text: str, seconds: int) -> None:
    source = peer(f"*10.1.2.3 10.0.0.1 2 u {text} {text} 377 0.1 0.1 0.1")
    assert (source.last_answer_seconds, source.poll_seconds) == (seconds, float(seconds))


@pytest.mark.parametrize("line", ["?10.1.2.3 10.0.0.1 2 u 1 64 377 0.1 0.1 0.1", "*a b", "*a b c d e f g h i j"])
def test_an_unknown_line_is_an_error(line: str) -> None:
    with pytest.raises(ParseError, match=r"^ntpq: not the answer that was expected"):
        peer(line)


def test_the_server_of_timesyncd() -> None:
    (source,) = parse_timesync_status(TIMESYNCD)
    assert (source.name, source.address, source.state) == ("ntp.example.net", "198.19.0.2", "selected")
    assert (source.stratum, source.poll_seconds) == (1, 64.0)
    assert source.offset_seconds == pytest.approx(-61e-6)
    assert (source.reach, source.last_answer_seconds, source.authentication) == (None, None, "none")


def test_a_server_of_timesyncd_that_has_not_answered() -> None:
    head = "".join(TIMESYNCD.splitlines(keepends=True)[:2])
    (source,) = parse_timesync_status(f"{head} Packet count: 0\n")
    assert (source.state, source.stratum, source.offset_seconds) == ("not usable", None, None)


def test_timesyncd_without_a_server_has_no_source() -> None:
    assert parse_timesync_status("       Server: n/a\nPoll interval: 0 (min: 32s; max 34min 8s)\n") == ()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("-1.234ms", 1.234e-3),
        ("+1min 2.5s", -62.5),
        ("-345us", 345e-6),
        ("+345μs", -345e-6),
        ("0", 0.0),
        ("-1d 2h", 93600.0),
    ],
)
def test_a_time_span_has_units(text: str, seconds: float) -> None:
    (source,) = parse_timesync_status(TIMESYNCD.replace("+61us", text))
    assert source.offset_seconds == pytest.approx(seconds)


def test_an_unknown_time_span_is_an_error() -> None:
    with pytest.raises(ParseError, match=r"^timedatectl timesync-status: not the answer"):
        parse_timesync_status(TIMESYNCD.replace("+61us", "soon"))
