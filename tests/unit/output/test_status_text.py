"""The text of a host's status."""

from dataclasses import replace

import pytest

from provision.host.unconfirmed import UnconfirmedSwitch
from provision.output.status import (
    REFERENCE_CLOCK,
    Authentication,
    TimeSource,
)
from provision.output.status_text import status_text
from tests.helpers.status_samples import COUNTERS, SOURCE, STATUS

TEXT = """
  role        server
  generation  aaaa, confirmed
  release     chrony 4.9
  keys        1-50,60
  requests    120 received, 110 authenticated, 3 dropped
  reference   198.51.100.7, stratum 2, leap normal
  offset      -3 µs, error bound 5 ms
  frequency   -12.500 ppm, skew 0.250 ppm
  source                           state     stratum  poll  reach  last answer  offset   error  authentication
  ntp1.example.net (198.51.100.7)  selected  1        64 s  377    12 s ago     +1.2 ms  4 ms   key 7, valid
"""


def test_the_text_has_each_value_with_its_unit() -> None:
    assert status_text(STATUS) == TEXT.strip("\n")


def test_a_release_that_is_not_that_of_the_site_is_named() -> None:
    assert "chrony 4.8, not 4.9 as the site wants" in status_text(replace(STATUS, release="4.8"))


def test_requests_for_nts_keys_are_shown_where_there_were_any() -> None:
    counters = replace(COUNTERS, nts_ke_accepted=5, nts_ke_dropped=1)
    assert "3 dropped; NTS-KE 5 accepted, 1 dropped" in status_text(replace(STATUS, server=counters))


AUTHENTICATED = [
    pytest.param(replace(SOURCE, authenticated=False), "key 7, NO VALID ANSWER", id="a wrong key"),
    pytest.param(replace(SOURCE, authentication=Authentication.NTS), "NTS, valid", id="NTS"),
    pytest.param(replace(SOURCE, authentication=Authentication.NONE, authenticated=None), "none", id="nothing"),
    pytest.param(replace(SOURCE, authenticated=None), "key 7, not known whether valid", id="no answer of chronyc"),
    pytest.param(
        replace(SOURCE, authentication=Authentication.UNKNOWN, authenticated=None), "not known", id="chronyc is silent"
    ),
    pytest.param(
        replace(SOURCE, kind=REFERENCE_CLOCK, authentication=Authentication.UNKNOWN, authenticated=None),
        "-",
        id="reference clock",
    ),
]


@pytest.mark.parametrize(("source", "words"), AUTHENTICATED)
def test_a_source_says_how_it_is_authenticated(source: TimeSource, words: str) -> None:
    assert status_text(replace(STATUS, sources=(source,))).endswith(f"4 ms   {words}")


def test_a_source_that_never_answered_says_so() -> None:
    silent = replace(SOURCE, last_answer_seconds=None, reach=0)
    assert "  000    never  " in status_text(replace(STATUS, sources=(silent,)))


def test_without_an_answer_of_chronyd_there_is_no_clock() -> None:
    waiting = UnconfirmedSwitch(generation="aaaa", fallback="bbbb", reverts_at="2026-11-22T20:00:59Z", seconds_left=59)
    seen = replace(
        STATUS, release="", clock=None, sources=(), server=None, key_ids="", unconfirmed=waiting, confirmed=False
    )
    assert status_text(seen).splitlines() == ["  role        server", f"  generation  aaaa, {waiting}"]


def test_text_from_a_host_makes_no_line_of_another() -> None:
    hostile = replace(STATUS, generation="aaaa\nntp2: ok", sources=(replace(SOURCE, name="a\n  b"),))
    assert len(status_text(hostile).splitlines()) == len(TEXT.strip("\n").splitlines())
