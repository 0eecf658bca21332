"""The series of the plots: thinned, with steps, and in words."""

import random

import pytest

from provision.chrony.clock_log import ClockPoint, SourcePoint
from provision.output.html.points import (
    bound_words,
    clock_series,
    frequency_words,
    offset_words,
    range_of,
    source_series,
    thinned,
    with_steps,
)

SIZES = [(0, 20), (1, 20), (20, 20), (21, 20), (1000, 20), (1000, 300), (8, 8), (9, 8), (5000, 40)]


def noise(number: int) -> list[list[int]]:
    """Return a series with times and three columns."""
    numbers = random.Random(number)  # noqa: S311 -- no secret
    columns = [[numbers.randint(-1000, 1000) for _ in range(number)] for _ in range(3)]
    return [[64 * place for place in range(number)], *columns]


@pytest.mark.parametrize(("number", "most"), SIZES)
def test_thinned_points_are_some_of_the_points_with_the_first_and_the_last(number: int, most: int) -> None:
    series = noise(number)
    few = thinned(series, most)
    points, kept = list(zip(*series, strict=True)), list(zip(*few, strict=True))
    assert len(kept) == min(number, most)
    assert kept[:1] + kept[-1:] == points[:1] + points[-1:]
    assert kept == [point for point in points if point in set(kept)]


@pytest.mark.parametrize(("number", "most"), SIZES)
def test_thinned_points_have_the_least_and_the_largest_value_of_each_column(number: int, most: int) -> None:
    series = noise(number)
    for whole, few in zip(series, thinned(series, most), strict=True):
        assert (min(whole, default=0), max(whole, default=0)) == (min(few, default=0), max(few, default=0))


def test_a_short_peak_in_a_long_history_stays() -> None:
    peak = [0] * 10_000
    peak[4321] = 7
    assert 7 in thinned([list(range(10_000)), peak], 20)[1]


def test_without_room_for_the_least_and_the_largest_there_are_no_points() -> None:
    assert thinned(noise(100), 0) == [[], [], [], []]
    assert thinned(noise(100), 7) == [[], [], [], []]


def test_series_are_whole_numbers_in_the_order_of_time() -> None:
    late, early = (
        ClockPoint(time_seconds=time, offset_seconds=-3e-6, error_bound_seconds=4e-4, frequency_ppm=1.5)
        for time in (200, 100)
    )
    assert clock_series([late, early]) == [[100, 200], [-3000, -3000], [400_000, 400_000], [1500, 1500]]
    points = [SourcePoint(time_seconds=time, source="a", offset_seconds=time * 1e-9) for time in (5, 3)]
    assert source_series(points) == [[3, 5], [3, 5]]


def test_times_are_steps() -> None:
    assert with_steps([[100, 164, 228], [1, 2, 3]]) == [[100, 64, 64], [1, 2, 3]]
    assert with_steps([[], []]) == [[], []]


def test_a_range_is_in_words() -> None:
    assert range_of("offset", [-1000, 5000, 2000], offset_words) == ["offset", "-1 µs", "+2 µs", "+5 µs", "+2 µs"]
    assert (bound_words(5_000_000), frequency_words(-3500)) == ("5 ms", "-3.500 ppm")
