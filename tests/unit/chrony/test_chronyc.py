"""What chronyc and chronyd of 4.0, 4.3, 4.6.1 and 4.9 printed, and what we make of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provision.chrony import chronyc
from provision.common.errors import ParseError

CASES = Path(__file__).parents[2] / "cases" / "chronyc"
VERSIONS = ["4.0", "4.3", "4.6.1", "4.9"]
each_version = pytest.mark.parametrize("version", VERSIONS)


def answer(name: str, version: str = "4.9") -> str:
    return (CASES / f"{name}-{version}.txt").read_text()


@each_version
def test_a_client_that_follows_a_source_is_synchronised(version: str) -> None:
    tracking = chronyc.parse_tracking(answer("tracking", version))
    assert (tracking.synchronised, tracking.source, tracking.stratum, tracking.leap) == (True, "127.0.0.2", 9, "Normal")
    assert 0 < tracking.error_bound < 0.001


def test_every_field_of_tracking_has_its_name() -> None:
    assert chronyc.parse_tracking(answer("tracking")) == chronyc.Tracking(
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


def test_the_error_bound_counts_what_the_clock_is_off_now_and_half_of_the_way_there_and_back() -> None:
    line = "7F000006,127.0.0.6,9,1795373485.930012329,-0.5,-0.25,0.0,0.017,-0.003,0.228,0.5,0.125,1.0,Normal\n"
    assert chronyc.parse_tracking(line).error_bound == 0.5 + 0.125 + 0.25


def test_a_clock_that_was_stepped_by_an_hour_is_right() -> None:
    # As a virtual machine said it, whose clock was an hour ahead, between the step and the next update.
    line = "C6124D01,198.18.77.1,2,1795373485.930012329,0.000000000,-3599.6,3599.6,0,0,900,0.0005,0.0151,2.0,Normal\n"
    assert chronyc.parse_tracking(line).error_bound < 0.1


@pytest.mark.parametrize("name", ["tracking-alone", "tracking-local"])
def test_a_daemon_without_a_source_is_not_synchronised(name: str) -> None:
    assert not chronyc.parse_tracking(answer(name)).synchronised


@each_version
def test_the_selected_source_and_the_silent_one_are_told_apart(version: str) -> None:
    good, silent = chronyc.parse_sources(answer("sources", version))
    assert (good.selected, good.name, good.stratum, good.reach) == (True, "127.0.0.2", 8, 0o377)
    assert (silent.selected, silent.state, silent.reach, silent.last_received) == (False, "?", 0, None)


def test_no_sources_is_an_answer() -> None:
    assert chronyc.parse_sources(answer("sources-none")) == ()


def test_accheck_says_who_may_ask() -> None:
    assert chronyc.parse_accheck(answer("accheck-allowed"))
    assert not chronyc.parse_accheck(answer("accheck-denied"))


@each_version
@pytest.mark.parametrize("program", ["chronyd", "chronyc"])
def test_a_program_tells_its_version_and_features(program: str, version: str) -> None:
    told = chronyc.parse_version(answer(f"version-{program}", version))
    assert (told.program, told.version) == (program, version)
    assert {"SECHASH", "IPV6"} <= told.features
    assert "DEBUG" not in told.features
    assert ("READLINE" in told.features) == (program == "chronyc")


SAID = "506 Cannot talk to daemon\n"
UNEXPECTED = [
    pytest.param(chronyc.parse_tracking, SAID, "tracking: unexpected answer '506 Cannot talk", id="tracking"),
    pytest.param(chronyc.parse_tracking, "", "tracking: unexpected answer (it printed nothing)", id="nothing"),
    pytest.param(chronyc.parse_sources, SAID, "sources: unexpected answer", id="sources"),
    pytest.param(chronyc.parse_accheck, "501 Not authorised\n", "accheck: unexpected answer '501 Not", id="accheck"),
    pytest.param(chronyc.parse_server_counters, "1,2,3\n", "serverstats: unexpected answer '1,2,3'", id="serverstats"),
    pytest.param(chronyc.parse_source_statistics, "1,2\n", "sourcestats: unexpected answer '1,2'", id="sourcestats"),
    pytest.param(chronyc.parse_measurements, SAID, "ntpdata: unexpected answer", id="ntpdata"),
    pytest.param(chronyc.parse_version, "chronyd: not found\n", "expected chrony's version", id="version"),
    pytest.param(chronyc.parse_version, "x" * 200, f"got '{'x' * 77}...'", id="a long answer is cut"),
]


@pytest.mark.parametrize(("parse", "text", "words"), UNEXPECTED)
def test_an_unexpected_answer_is_quoted_in_one_line(parse: Callable[[str], object], text: str, words: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_who_was_asked_with_a_key_is_told_and_what_came_back() -> None:
    seen = chronyc.parse_associations(answer("authdata-keys"), answer("ntpdata-keys"))
    good = chronyc.Association(
        address="198.19.0.8",
        key=1,
        received=4,
        authenticated=True,
        sent=4,
        answers=4,
        key_bits=128,
        reference="198.19.0.2",
    )
    assert seen == (good, replace(good, address="198.19.0.9"))


ASSOCIATIONS = [
    pytest.param(",SK,1,", ",-,0,", (None, True), id="asked without a key"),
    pytest.param(",SK,1,", ",NTS,1,", (None, True), id="asked with NTS"),
    pytest.param(",SK,1,", ",SK,4294967295,", (4294967295, True), id="a large id"),
    pytest.param(",No,Yes,", ",No,No,", (1, False), id="what came back was not authenticated"),
]


@pytest.mark.parametrize(("now", "then", "told"), ASSOCIATIONS)
def test_what_was_configured_is_not_taken_for_what_came_back(now: str, then: str, told: tuple[int, bool]) -> None:
    authdata, ntpdata = (answer(name).replace(now, then, 1) for name in ("authdata-keys", "ntpdata-keys"))
    first, second = chronyc.parse_associations(authdata, ntpdata)
    assert (first.key, first.authenticated) == told
    assert (second.key, second.authenticated) == (1, True)


def both(text: str) -> object:
    return (*chronyc.parse_associations("", text), *chronyc.parse_associations(text, ""))


@pytest.mark.parametrize(("more", "interleaved"), [("", None), (",7,8,9", 7), (",7,8,9,1,2,3,4,5,6", 7)])
def test_requests_are_counted_in_the_words_of_each_release(more: str, interleaved: int | None) -> None:
    counters = chronyc.parse_server_counters(f"120,3,40,1,2,4,5,110{more}\n")
    assert (counters.ntp_received, counters.ntp_dropped, counters.ntp_authenticated) == (120, 3, 110)
    assert (counters.nts_ke_accepted, counters.nts_ke_dropped, counters.ntp_interleaved) == (4, 5, interleaved)


def test_timestamps_are_counted_by_their_origin() -> None:
    counters = chronyc.parse_server_counters("120,3,40,1,2,4,5,110,7,8,9,1,2,3,4,5,6\n")
    assert (counters.daemon_rx_timestamps, counters.daemon_tx_timestamps) == (1, 2)
    assert (counters.kernel_rx_timestamps, counters.kernel_tx_timestamps) == (3, 4)
    assert (counters.hardware_rx_timestamps, counters.hardware_tx_timestamps) == (5, 6)


def test_the_samples_of_a_source_have_their_names() -> None:
    text = "198.19.0.2,6,3,74,-0.512,1.5,-0.000003,0.000005\nPPS,0,0,0,0.000,2000.000,0.000000000,4.000000000\n"
    found = chronyc.parse_source_statistics(text)
    assert found["198.19.0.2"] == chronyc.SourceStatistics(
        samples=6,
        runs=3,
        span_seconds=74,
        frequency_ppm=-0.512,
        skew_ppm=1.5,
        offset_seconds=-0.000003,
        deviation_seconds=0.000005,
    )
    assert found["PPS"].samples == 0


def test_the_last_answer_of_a_source_has_its_names() -> None:
    assert chronyc.parse_measurements(answer("ntpdata-keys"))["198.19.0.8"] == chronyc.Measurement(
        offset_seconds=0.000002048,
        delay_seconds=0.000041718,
        dispersion_seconds=0.000000246,
        response_seconds=0.000079458,
        jitter_asymmetry=0.0,
    )


PARSERS = [
    chronyc.parse_source_statistics,
    chronyc.parse_measurements,
    both,
    chronyc.parse_tracking,
    chronyc.parse_sources,
    chronyc.parse_accheck,
    chronyc.parse_version,
    chronyc.parse_server_counters,
]
FIELDS = st.sampled_from([field for case in CASES.glob("*.txt") for field in case.read_text().split(",")])
NEARLY = st.lists(FIELDS | st.text() | st.sampled_from(["nan", "-inf", "1_0", "9" * 5000]), max_size=40).map(",".join)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@given(text=st.text() | NEARLY)
@example(text=answer("tracking").replace("0.272", "nan"))
@example(text=answer("tracking").replace(",9,", f",{'9' * 5000},"))
def test_no_text_raises_anything_but_a_parse_error(parse: Callable[[str], object], text: str) -> None:
    try:
        assert parse(text) is not None
    except ParseError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("line", ["7,2,10,0,0", "7,2,37,0,0,0,0,0,0,0,0", "7,2,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0"])
def test_the_requests_of_clients_are_counted(line: str) -> None:
    assert chronyc.parse_requests(f"{line}\n") == chronyc.Requests(received=7, dropped=2)


@pytest.mark.parametrize("line", ["", "7,2", "a,b,c,d,e"])
def test_other_counters_are_an_error(line: str) -> None:
    with pytest.raises(ParseError, match=r"^chronyc serverstats: unexpected answer"):
        chronyc.parse_requests(line)


def test_a_source_with_nts_has_cookies_and_no_key_of_the_file() -> None:
    authdata = "198.18.130.29,NTS,2,30,256,20,1,3,8,100\n"
    ntpdata = answer("ntpdata-keys").splitlines()[0].replace("198.19.0.8", "198.18.130.29")
    (seen,) = chronyc.parse_associations(authdata, ntpdata)
    assert (seen.nts, seen.key, seen.credential) == (True, None, "NTS")
    assert (seen.nts_key, seen.key_bits, seen.refused_cookies, seen.cookies) == (2, 256, 3, 8)
