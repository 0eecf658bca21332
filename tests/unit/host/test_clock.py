"""The clock of a host against this machine's: the difference, its uncertainty, and what is said of it."""

from time import time

import pytest

from provision.host.clock import HostClock, clock_in, compare
from provision.host.facts import facts_script
from provision.host.host import Host
from provision.host.transport.local import LocalTransport

NOW = 1_795_000_000.0
DAY = 86400
EXPIRED = "ntp1: installing packages failed (exit status 100): E: Release file is expired (invalid since 35d)"
EARLY = "ntp1: installing packages failed (exit status 100): E: Release file is not valid yet (invalid for 3h)"
UNTRUSTED = "ntp1: fetching failed (exit status 1): certificate is not yet valid"
SIGNED_LATER = "ntp1: installing packages failed (exit status 100): W: invalid signature: EXPKEYSIG 0E98404D386FA1D9"
NO_ROOM = "ntp1: installing packages failed (exit status 100): E: no space left on device"


def clock(ahead: float, *, uncertainty: float = 0.6) -> HostClock:
    return HostClock(ahead=ahead, uncertainty=uncertainty)


def test_the_round_trip_bounds_the_comparison() -> None:
    seen = compare(NOW, sent=NOW - 1, received=NOW + 3)
    assert (seen.ahead, seen.uncertainty) == (-0.5, 2.5)


DIFFERENCES = [
    pytest.param(clock(0.0), False, id="none"),
    pytest.param(clock(9.0), False, id="less than apt minds"),
    pytest.param(clock(-11.0), True, id="more than apt minds"),
    pytest.param(clock(25.0, uncertainty=20.0), False, id="less than the round trip can tell"),
    pytest.param(clock(31.0, uncertainty=20.0), True, id="more than the round trip"),
]


@pytest.mark.parametrize(("seen", "differs"), DIFFERENCES)
def test_only_a_certain_difference_counts(seen: HostClock, differs: bool) -> None:  # noqa: FBT001 -- a case
    assert seen.differs is differs


WORDS = [
    (-40 * DAY, "40 days behind this machine's"),
    (2 * 3600, "2 hours ahead of this machine's"),
    (3599.6, "60 minutes ahead of this machine's"),
    (-90, "90 seconds behind this machine's"),
]


@pytest.mark.parametrize(("ahead", "words"), WORDS)
def test_a_difference_is_said_in_words(ahead: float, words: str) -> None:
    assert str(clock(ahead)) == words


def test_the_warning_names_host_difference_and_way_on() -> None:
    warning = clock(-40 * DAY).warning("ntp1")
    assert warning.startswith("the clock of ntp1 is 40 days behind this machine's: one of the two is wrong; ")
    assert "date --set" in warning
    assert "artifact" in warning
    assert "\n" not in warning


@pytest.mark.parametrize("message", [EXPIRED, EARLY, UNTRUSTED, SIGNED_LATER])
def test_what_was_refused_for_its_date_is_explained(message: str) -> None:
    assert clock(40 * DAY).explain(message).startswith(f"{message}; the clock of the host is 40 days ahead of")
    assert clock(40 * DAY).explain(f"{message}.") == clock(40 * DAY).explain(message)
    # A clock that is right explains nothing.
    assert clock(0.0).explain(message) == message


def test_another_failure_is_not_blamed_on_the_clock() -> None:
    assert clock(40 * DAY).explain(NO_ROOM) == NO_ROOM


def test_this_machine_agrees_with_itself() -> None:
    sent = time()
    said = Host(LocalTransport()).ask(facts_script(), root=False)
    seen = clock_in(said, sent=sent, received=time())
    assert seen is not None
    assert abs(seen.ahead) <= seen.uncertainty
    assert not seen.differs


@pytest.mark.parametrize("facts", ["", "clock=", "clock=soon", "clock=99999999999999999999", "o'clock=7"])
def test_a_host_that_does_not_say_its_time_is_not_compared(facts: str) -> None:
    assert clock_in(facts, sent=NOW, received=NOW) is None
