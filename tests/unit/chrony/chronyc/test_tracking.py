"""The answer to ``tracking``."""

import pytest

from provision.chrony.chronyc.tracking import Tracking, parse_tracking
from tests.helpers.chronyc_answers import answer, each_version


@each_version
def test_a_client_that_follows_a_source_is_synchronised(version: str) -> None:
    tracking = parse_tracking(answer("tracking", version))
    assert (tracking.synchronised, tracking.source, tracking.stratum, tracking.leap) == (True, "127.0.0.2", 9, "Normal")
    assert 0 < tracking.error_bound < 0.001


def test_every_field_of_tracking_has_its_name() -> None:
    assert parse_tracking(answer("tracking")) == Tracking(
        reference_id="7F000002",
        source="127.0.0.2",
        stratum=9,
        reference_time=1795379167.867546513,
        offset=-0.000004262,
        last_offset=0.000000196,
        rms_offset=0.000001115,
        frequency=0.054,
        residual_frequency=0.004,
        skew=0.272,
        root_delay=0.000008516,
        root_dispersion=0.000002194,
        update_interval=1.0,
        leap="Normal",
    )


def test_the_name_of_a_reference_clock_may_have_commas() -> None:
    tracking = parse_tracking(answer("tracking").replace(",127.0.0.2,", ",A,B,,"))
    assert (tracking.source, tracking.stratum, tracking.synchronised) == ("A,B,", 9, True)


def test_the_error_bound_sums_the_system_offset_dispersion_and_half_the_delay() -> None:
    line = "7F000006,127.0.0.6,9,1795373485.930012329,-0.5,-0.25,0.0,0.017,-0.003,0.228,0.5,0.125,1.0,Normal\n"
    assert parse_tracking(line).error_bound == 0.5 + 0.125 + 0.25


def test_a_clock_that_was_stepped_by_an_hour_is_right() -> None:
    # As a virtual machine said it, whose clock was an hour ahead, between the step and the next update.
    line = "C6124D01,198.18.77.1,2,1795373485.930012329,0.000000000,-3599.6,3599.6,0,0,900,0.0005,0.0151,2.0,Normal\n"
    assert parse_tracking(line).error_bound < 0.1


@pytest.mark.parametrize("name", ["tracking-alone", "tracking-local"])
def test_a_daemon_without_a_source_is_not_synchronised(name: str) -> None:
    assert not parse_tracking(answer(name)).synchronised
