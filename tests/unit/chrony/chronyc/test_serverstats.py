"""The answer to ``serverstats``."""

import pytest

from provision.chrony.chronyc.serverstats import Requests, parse_requests, parse_server_counters
from provision.common.errors import ParseError


@pytest.mark.parametrize(("more", "interleaved"), [("", None), (",7,8,9", 7), (",7,8,9,1,2,3,4,5,6", 7)])
def test_requests_are_counted_in_the_words_of_each_release(more: str, interleaved: int | None) -> None:
    counters = parse_server_counters(f"120,3,40,1,2,4,5,110{more}\n")
    assert (counters.ntp_received, counters.ntp_dropped, counters.ntp_authenticated) == (120, 3, 110)
    assert (counters.nts_ke_accepted, counters.nts_ke_dropped, counters.ntp_interleaved) == (4, 5, interleaved)


def test_timestamps_are_counted_by_their_origin() -> None:
    counters = parse_server_counters("120,3,40,1,2,4,5,110,7,8,9,1,2,3,4,5,6\n")
    assert (counters.daemon_rx_timestamps, counters.daemon_tx_timestamps) == (1, 2)
    assert (counters.kernel_rx_timestamps, counters.kernel_tx_timestamps) == (3, 4)
    assert (counters.hardware_rx_timestamps, counters.hardware_tx_timestamps) == (5, 6)


@pytest.mark.parametrize("line", ["7,2,10,0,0", "7,2,37,0,0,0,0,0,0,0,0", "7,2,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0"])
def test_the_requests_of_clients_are_counted(line: str) -> None:
    assert parse_requests(f"{line}\n") == Requests(received=7, dropped=2)


@pytest.mark.parametrize("line", ["", "7,2", "a,b,c,d,e"])
def test_other_counters_are_an_error(line: str) -> None:
    with pytest.raises(ParseError, match=r"^chronyc serverstats: unexpected answer"):
        parse_requests(line)
