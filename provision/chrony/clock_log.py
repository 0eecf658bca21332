"""Parse chronyd's logs of its clock and its sources: tracking.log, statistics.log and measurements.log.

chrony.conf(5), directive log, describes the columns. One sign for all offsets: positive where the host's clock is
ahead.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockPoint:
    """The clock of a host at one time."""

    time_seconds: int
    """Since 1970."""
    offset_seconds: float
    error_bound_seconds: float
    frequency_ppm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePoint:
    """The offset of a host's clock from one source, at one time."""

    time_seconds: int
    """Since 1970."""
    source: str
    """Its address, or its reference id."""
    offset_seconds: float


def parse_tracking_log(text: str) -> tuple[ClockPoint, ...]:
    """Return the points of tracking.log; lines that are none of its values are left out, such as its headings."""
    return tuple(_points(text, _tracking))


def parse_statistics_log(text: str) -> tuple[SourcePoint, ...]:
    """Return the points of statistics.log; lines that are none of its values are left out, such as its headings."""
    return tuple(_points(text, _statistics))


def parse_measurements_log(text: str) -> tuple[SourcePoint, ...]:
    """Return the points of measurements.log; lines that are none of its values are left out, such as its headings."""
    return tuple(_points(text, _measurement))


def _points(text: str, parse: Callable[[list[str]], T]) -> Iterator[T]:
    for line in text.splitlines():
        try:
            yield parse(line.split())
        except (ValueError, IndexError):
            # A heading, a line that was cut, or a file that is none of chronyd's.
            continue


def _tracking(words: list[str]) -> ClockPoint:
    # Words 8 to 13: leap status, combined sources, deviation, remaining correction, root delay, root dispersion.
    return ClockPoint(
        time_seconds=_time(words),
        frequency_ppm=_number(words[4]),
        offset_seconds=_number(words[6]),
        error_bound_seconds=_number(words[13]),
    )


def _statistics(words: list[str]) -> SourcePoint:
    return SourcePoint(time_seconds=_time(words), source=words[2], offset_seconds=_number(words[4]))


def _measurement(words: list[str]) -> SourcePoint:
    # Here, positive says that the local clock is slow.
    return SourcePoint(time_seconds=_time(words), source=words[2], offset_seconds=0.0 - _number(words[11]))


def _time(words: list[str]) -> int:
    """Return seconds since 1970. Raises ValueError."""
    time = datetime.strptime(f"{words[0]} {words[1]}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return int(time.timestamp())


def _number(word: str) -> float:
    """Return a finite number. Raises ValueError."""
    number = float(word)
    if not isfinite(number):
        raise ValueError(word)
    return number
