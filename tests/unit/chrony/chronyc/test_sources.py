"""The answers to ``sources`` and ``sourcestats``."""

from provision.chrony.chronyc.sources import SourceStatistics, parse_source_statistics, parse_sources
from tests.helpers.chronyc_answers import answer, each_version


@each_version
def test_the_selected_source_and_the_silent_one_are_told_apart(version: str) -> None:
    good, silent = parse_sources(answer("sources", version))
    assert (good.selected, good.name, good.stratum, good.reach) == (True, "127.0.0.2", 8, 0o377)
    assert (silent.selected, silent.state, silent.reach, silent.last_received) == (False, "?", 0, None)


def test_no_sources_is_an_answer() -> None:
    assert parse_sources(answer("sources-none")) == ()


def test_the_samples_of_a_source_have_their_names() -> None:
    text = "198.19.0.2,6,3,74,-0.512,1.5,-0.000003,0.000005\nPPS,0,0,0,0.000,2000.000,0.000000000,4.000000000\n"
    found = parse_source_statistics(text)
    assert found["198.19.0.2"] == [
        SourceStatistics(
            samples=6,
            runs=3,
            span_seconds=74,
            frequency_ppm=-0.512,
            skew_ppm=1.5,
            offset_seconds=-0.000003,
            deviation_seconds=0.000005,
        )
    ]
    assert [one.samples for one in found["PPS"]] == [0]


def test_reference_clocks_of_one_name_have_the_samples_of_each() -> None:
    text = "PPS,6,3,74,-0.512,1.5,-0.000003,0.000005\nPPS,9,3,74,-0.512,1.5,-0.000003,0.000005\n"
    assert [one.samples for one in parse_source_statistics(text)["PPS"]] == [6, 9]


def test_the_name_of_a_reference_clock_may_have_commas() -> None:
    (source,) = parse_sources("#,*,A,,B,0,4,377,1,-0.000001,0.000002,0.000003\n")
    assert (source.name, source.stratum, source.error) == ("A,,B", 0, 0.000003)
    assert set(parse_source_statistics(",,,,,6,3,74,-0.512,1.5,-0.000003,0.000005\n")) == {",,,,"}
