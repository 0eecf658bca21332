"""The state of a host, made of the answers of its chronyc."""

from dataclasses import replace

import pytest

from provision.chrony.chronyc.associations import Association, Measurement
from provision.chrony.chronyc.sources import SourceStatistics, parse_sources
from provision.chrony.chronyc.tracking import parse_tracking
from provision.chrony.reference_id import LOCAL_REFERENCE
from provision.common.errors import ParseError
from provision.output.status import Authentication, Layer, SourceFault
from provision.verify.state import clock_of, key_ids, release_of, time_sources, with_details

TRACKING = parse_tracking("C6130002,198.19.0.2,2,1795373485.9,0.00001,-0.1,0.1,4.5,0.0,0.5,0.0005,0.0151,2.0,Normal\n")
SOURCES = parse_sources(
    "^,*,198.19.0.2,1,4,377,6,-0.000002,-0.000003,0.00002\n#,-,PPS,0,4,377,6,-0.000002,-0.000003,0.00002\n"
)


def test_a_clock_that_is_behind_has_a_negative_offset() -> None:
    clock = clock_of(TRACKING, SOURCES)
    assert clock is not None
    assert (clock.synchronised, clock.reference, clock.offset_seconds) == (True, "198.19.0.2", -0.00001)


def test_a_clock_has_the_values_of_chronyc() -> None:
    clock = clock_of(TRACKING, SOURCES)
    assert clock is not None
    assert (clock.reference_id, clock.reference_time_seconds, clock.update_interval_seconds) == (
        "C6130002",
        1795373485.9,
        2.0,
    )
    assert (clock.last_offset_seconds, clock.rms_offset_seconds) == (-0.1, 0.1)
    assert (clock.frequency_ppm, clock.residual_frequency_ppm, clock.skew_ppm) == (4.5, 0.0, 0.5)
    assert (clock.root_delay_seconds, clock.root_dispersion_seconds) == (0.0005, 0.0151)


def test_its_own_clock_is_a_reference_and_no_synchronisation() -> None:
    clock = clock_of(replace(TRACKING, reference_id=LOCAL_REFERENCE, source=""), ())
    assert clock is not None
    assert (clock.synchronised, clock.reference) == (False, "local")


def test_without_an_answer_of_chronyd_no_clock_is_known() -> None:
    assert clock_of(None, ()) is None


def test_a_source_has_the_name_of_chrony_conf_unless_the_lists_differ() -> None:
    named = time_sources(["ntp1.example.com", "PPS"], SOURCES, (), {})
    assert [source.name for source in named] == ["ntp1.example.com", "PPS"]
    assert [source.name for source in time_sources(["ntp1.example.com"], SOURCES, (), {})] == ["198.19.0.2", "PPS"]


def test_a_source_without_samples_has_no_statistics_and_one_without_an_answer_no_measurement() -> None:
    some = SourceStatistics(
        samples=6, runs=3, span_seconds=9, frequency_ppm=0, skew_ppm=0, offset_seconds=0, deviation_seconds=0
    )
    answer = Measurement(
        offset_seconds=0, delay_seconds=1, dispersion_seconds=0, response_seconds=0, jitter_asymmetry=0
    )
    silent = replace(SOURCES[0], name="198.19.0.3", last_received=None)
    sources = time_sources([], [SOURCES[0], silent], (), {})
    known = {"198.19.0.2": [some], "198.19.0.3": [replace(some, samples=0)]}
    good, bad = with_details(sources, known, dict.fromkeys(known, answer))
    assert (good.statistics, good.measurement) == (some, answer)
    assert (bad.statistics, bad.measurement) == (None, None)


def test_the_authentication_of_a_source_is_unknown_unless_chronyc_tells() -> None:
    association = Association(address="198.19.0.2", key=7, received=5, authenticated=True)
    server, clock = time_sources(["a", "PPS"], SOURCES, [association], {})
    assert (server.authentication, server.key_id, server.authenticated) == (Authentication.KEY, 7, True)
    assert (clock.authentication, clock.key_id, clock.authenticated) == (Authentication.UNKNOWN, None, None)


def test_a_source_has_its_fault_and_one_without_an_address_comes_last() -> None:
    route = SourceFault(layer=Layer.NO_ROUTE, seen="no route", advice="see it")
    name = SourceFault(layer=Layer.NAME, seen="no address", advice="see it")
    server, clock, nowhere = time_sources([], SOURCES, (), {"nowhere.invalid": name, "198.19.0.2": route})
    assert (server.fault, clock.fault) == (route, None)
    assert (nowhere.name, nowhere.address, nowhere.state, nowhere.fault) == ("nowhere.invalid", "", "not usable", name)


@pytest.mark.parametrize(
    ("executable", "release"),
    [
        ("/opt/chrony/builds/chrony-4.9-nettle-3.10.2-48d8d26a6fd6/sbin/chronyd", "4.9"),
        ("/opt/chrony/builds/chrony-4.9-pre1-nettle-system-48d8d26a6fd6/sbin/chronyd", "4.9-pre1"),
        ("/usr/sbin/chronyd", ""),
        ("", ""),
    ],
)
def test_a_path_tells_the_release_of_a_build(executable: str, release: str) -> None:
    assert release_of(executable) == release


def test_ids_of_keys_are_shown_as_ranges() -> None:
    assert key_ids("1-50\n60-60\n") == "1-50,60"
    assert key_ids("") == ""


@pytest.mark.parametrize("line", ["7", "a-b", "1-2-3", "\x1b[31m", "9" * 21])
def test_a_text_that_is_no_range_of_key_ids_is_refused(line: str) -> None:
    with pytest.raises(ParseError, match=r"^expected the first and the last id of a range of keys, got "):
        key_ids(f"1-2\n{line}\n")
