"""How long before its end a certificate is reported."""

from datetime import timedelta

import pytest

from provision.keys.certificate_end import failing_time, in_words, warning_time

DAYS = [
    pytest.param(365, 30, 3, id="a year"),
    pytest.param(90, 30, 3, id="90 days"),
    pytest.param(30, 10, 3, id="30 days"),
    pytest.param(6, 2, 0.6, id="6 days"),
    pytest.param(1, 1 / 3, 0.1, id="a day"),
]


@pytest.mark.parametrize(("lifetime", "warning", "failing"), DAYS)
def test_the_shorter_a_certificate_lives_the_later_it_is_reported(
    lifetime: float, warning: float, failing: float
) -> None:
    assert warning_time(timedelta(days=lifetime)) == timedelta(days=warning)
    assert failing_time(timedelta(days=lifetime)) == timedelta(days=failing)


LEFT = [
    (timedelta(days=29, hours=23), "29 days"),
    (timedelta(days=2), "2 days"),
    (timedelta(hours=47, minutes=59), "47 hours"),
    (timedelta(minutes=61), "1 hour"),
    (timedelta(minutes=59), "0 hours"),
]


@pytest.mark.parametrize(("left", "words"), LEFT)
def test_the_time_that_is_left_is_in_days_or_hours(left: timedelta, words: str) -> None:
    assert in_words(left) == words
