"""The step that sets a wrong clock from this machine's: what it minds, and what it says."""

from dataclasses import replace

import pytest

from provision.common.results import Change, Sign
from provision.deploy.phases import clock_phases
from provision.deploy.steps.clock_set import ClockSet
from provision.host.host import Host
from provision.host.transport.local import LocalTransport
from provision.site.schema import Site
from provision.site.time import Time
from tests.helpers.samples import FACTS

HOST = Host(LocalTransport())
DAY = 86400


@pytest.mark.parametrize(
    ("seen", "drift"),
    [
        pytest.param("0", None, id="right"),
        pytest.param("-11", None, id="apt minds no more than that"),
        pytest.param("-3456000", "40 days behind this machine's", id="behind"),
        pytest.param("3456000", "40 days ahead of this machine's", id="ahead"),
        pytest.param("-3456000\nsynchronised", None, id="perhaps this machine is wrong"),
    ],
)
def test_only_a_clock_that_nobody_keeps_is_set(seen: str, drift: str | None) -> None:
    assert ClockSet().drift(seen) == drift


@pytest.mark.parametrize("seen", ["", "synchronised", "1.5"])
def test_another_answer_is_none(seen: str) -> None:
    with pytest.raises(ValueError):
        ClockSet().drift(seen)


def test_a_clock_that_differs_and_is_not_set_is_a_note() -> None:
    (note,) = ClockSet().notes("-3456000\nsynchronised")
    assert note == "the clock was not set (time.bootstrap): a time service of the host says that it is right"
    assert ClockSet().notes("-3456000") == ClockSet().notes("1\nsynchronised") == ()


def test_report_and_plan_say_how_wrong_it_was() -> None:
    step = ClockSet()
    drift = step.drift(str(40 * DAY))
    assert drift is not None
    assert step.afterwards(drift) == "it was 40 days ahead of this machine's"
    (change,) = step.changes(HOST, "", drift)
    assert change == Change(
        id="clock-set", sign=Sign.CHANGED, subject="clock", text="40 days ahead of this machine's; set from it"
    )


def test_the_look_compares_with_this_machine() -> None:
    assert ClockSet().drift(HOST.ask(ClockSet().look())) is None


def test_it_sets_whole_seconds_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    told: list[bool] = []
    monkeypatch.setattr(Host, "run", lambda _host, _what, line: lines.append(line))
    monkeypatch.setattr("time.time", lambda: 1_795_000_000.6)
    ClockSet(lambda: told.append(True)).apply(HOST)
    assert lines == ["date -u -s @1795000001 >/dev/null"]
    assert told == [True]


@pytest.mark.parametrize(("bootstrap", "may", "phases"), [(True, True, 1), (False, True, 0), (True, False, 0)])
def test_a_clock_is_set_where_the_site_wants_it_and_the_host_may(*, bootstrap: bool, may: bool, phases: int) -> None:
    site = Site(time=Time(bootstrap=bootstrap))
    assert len(clock_phases(site, replace(FACTS, can_set_clock=may), when_set=lambda: None)) == phases
