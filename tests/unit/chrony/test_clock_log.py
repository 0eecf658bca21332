"""The logs of chronyd, by the examples of chrony.conf(5)."""

import pytest

from provision.chrony.clock_log import (
    ClockPoint,
    SourcePoint,
    parse_measurements_log,
    parse_statistics_log,
    parse_tracking_log,
)

TRACKING = (
    "2017-08-22 13:22:36 203.0.113.15     2     -3.541      0.075 -8.621e-06 N  2  2.940e-03 -2.084e-04  1.534e-02"
    "  3.472e-04  8.304e-03"
)
STATISTICS = (
    "2016-08-10 05:40:50 203.0.113.15     6.261e-03 -3.247e-03  2.220e-03  1.874e-06  1.080e-06 7.8e-02"
    "  16   0   8  0.00"
)
MEASUREMENTS = (
    "2016-11-09 05:40:50 203.0.113.15    N  2 111 111 1111  10 10 1.0 -4.966e-03  2.296e-01  1.577e-05  1.615e-01"
    "  7.446e-03 CB00717B 4B D K"
)
HEADING = (
    "=====\n   Date (UTC) Time     IP Address   St   Freq ppm   Skew ppm     Offset L Co  Offset sd Rem. corr.\n====="
)


def test_a_line_of_tracking_has_the_clock() -> None:
    assert parse_tracking_log(f"{HEADING}\n{TRACKING}\n") == (
        ClockPoint(
            time_seconds=1503408156, offset_seconds=-8.621e-06, error_bound_seconds=8.304e-03, frequency_ppm=-3.541
        ),
    )


def test_positive_says_in_each_log_that_the_clock_is_ahead() -> None:
    one = SourcePoint(time_seconds=1470807650, source="203.0.113.15", offset_seconds=-3.247e-03)
    assert parse_statistics_log(STATISTICS) == (one,)
    # chrony.conf(5): here, positive indicates that the local clock is slow.
    other = SourcePoint(time_seconds=1478670050, source="203.0.113.15", offset_seconds=4.966e-03)
    assert parse_measurements_log(MEASUREMENTS) == (other,)


@pytest.mark.parametrize("line", [TRACKING[:60], "", "<script>", TRACKING.replace("8.304e-03", "nan"), TRACKING[2:]])
def test_a_line_that_is_none_of_the_log_is_left_out(line: str) -> None:
    assert len(parse_tracking_log(f"{line}\n{TRACKING}\n")) == 1
