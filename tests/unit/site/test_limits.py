"""The limits of a clock that is called good."""

import pytest

from provision.site.limits import Duration, Limits
from provision.site.text_types import Refused

DURATIONS = [("10 ms", 0.01), ("0.5 s", 0.5), ("20us", 20e-6), ("20 µs", 20e-6), ("5 ns", 5e-9)]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_a_time_has_a_unit(text: str, seconds: float) -> None:
    assert Duration(text).seconds == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["10", "ms", "-1 ms", "1e3 s", "1 h", "1  ms", "nan s", "9" * 5000 + " s"])
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(Refused, match="is not a time such as '10 ms'"):
        Duration(text)


def test_a_limit_of_zero_is_refused() -> None:
    with pytest.raises(Refused, match="a limit that no clock keeps"):
        Duration("0.0 ms")


def test_an_offset_above_the_error_is_refused() -> None:
    with pytest.raises(
        Refused, match=r"^20 ms is above error, which is 10 ms: the offset is a part of the error"
    ) as why:
        Limits(offset=Duration("20 ms"), error=Duration("10 ms"))
    assert why.value.key == "offset"
    with pytest.raises(Refused, match=r"^2 s is above error, which is 1 s"):
        Limits(offset=Duration("2 s"))


def test_by_default_an_offset_may_be_50_ms_and_never_more_than_the_error() -> None:
    assert Limits().offset_seconds == pytest.approx(0.05)
    assert Limits(error=Duration("10 ms")).offset_seconds == pytest.approx(0.01)
    assert Limits(offset=Duration("1 s")).offset_seconds == pytest.approx(1)


@pytest.mark.parametrize(("named", "least"), [(1, 1), (3, 3), (7, 3)])
def test_by_default_three_sources_are_required_or_all_of_fewer(named: int, least: int) -> None:
    assert Limits().least_sources(named) == least
    assert Limits(sources=2).least_sources(named) == 2
