"""Make the series of the plots of the HTML page: thinned so that the least and the largest values stay, and in words.

A series is a list of columns of whole numbers of equal length: times in seconds since 1970, offsets and error bounds in
nanoseconds, frequencies in parts per billion. Whole numbers are short in the page.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import median_low

from provision.chrony.clock_log import ClockPoint, SourcePoint
from provision.common.text import seconds_text
from provision.output.status_text import offset_text

Series = list[list[int]]
Words = Callable[[int], str]


def clock_series(points: Iterable[ClockPoint]) -> Series:
    """Return times, offsets, error bounds and frequencies."""
    ordered = sorted(points, key=lambda point: point.time_seconds)
    return [
        [point.time_seconds for point in ordered],
        [round(point.offset_seconds * 1e9) for point in ordered],
        [round(point.error_bound_seconds * 1e9) for point in ordered],
        [round(point.frequency_ppm * 1e3) for point in ordered],
    ]


def source_series(points: Iterable[SourcePoint]) -> Series:
    """Return times and offsets."""
    ordered = sorted(points, key=lambda point: point.time_seconds)
    times = [point.time_seconds for point in ordered]
    return [times, [round(point.offset_seconds * 1e9) for point in ordered]]


def thinned(series: Series, most: int) -> Series:
    """Return at most so many points of a series, in order: of stretches of equal length the least and largest values.

    The first and the last point are among them, and as many others as there is room for. Where ``most`` is too small
    for one stretch, there are no points.
    """
    times, *columns = series
    if len(times) <= most:
        return series
    stretches = (most - 2) // (2 * len(columns))
    if stretches < 1:
        return [[] for _ in series]
    kept = {0, len(times) - 1}
    borders = [number * len(times) // stretches for number in range(stretches + 1)]
    for start, end in pairwise(borders):
        for column in columns:
            kept |= {min(range(start, end), key=column.__getitem__), max(range(start, end), key=column.__getitem__)}
    others = [place for place in range(len(times)) if place not in kept]
    room = most - len(kept)
    kept.update(others[number * len(others) // room] for number in range(room))
    return [[column[place] for place in sorted(kept)] for column in series]


def with_steps(series: Series) -> Series:
    """Return a series with the first time and the steps to the others in place of the times: they have fewer digits."""
    times, *columns = series
    return [[later - earlier for earlier, later in pairwise([0, *times])], *columns]


def range_of(name: str, values: Sequence[int], words: Words) -> list[str]:
    """Return the name, and the least, the median, the largest and the last of the values in words."""
    return [name, words(min(values)), words(median_low(values)), words(max(values)), words(values[-1])]


def offset_words(nanoseconds: int) -> str:
    """Return an offset in words."""
    return offset_text(nanoseconds / 1e9)


def bound_words(nanoseconds: int) -> str:
    """Return an error bound in words."""
    return seconds_text(nanoseconds / 1e9)


def frequency_words(parts_per_billion: int) -> str:
    """Return a frequency in words."""
    return f"{parts_per_billion / 1e3:+.3f} ppm"
