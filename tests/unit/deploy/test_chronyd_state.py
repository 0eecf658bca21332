"""The state of a chronyd, from what chronyc of 3.5.1 and 4.3 printed."""

from provision.build.evidence import sections
from provision.deploy.chronyd_state import ChronydState, parse_chronyd_state
from tests.helpers.samples import CASES

OLD = sections((CASES / "services" / "chrony-3.5.1.txt").read_text())
NEW = sections((CASES / "services" / "chrony-4.3.txt").read_text())


def test_an_old_chronyc_tells_all_but_names_and_authentication() -> None:
    state = parse_chronyd_state(OLD)
    assert state.clock is not None
    assert (state.clock.synchronised, state.clock.reference, state.clock.stratum) == (True, "198.19.0.2", 2)
    assert [(one.name, one.state, one.reach, one.authentication) for one in state.sources or ()] == [
        ("198.19.0.2", "selected", 0o17, "unknown"),
        ("198.19.0.77", "not usable", 0, "unknown"),
    ]


def test_a_clock_that_is_served_by_itself_is_not_synchronised() -> None:
    state = parse_chronyd_state(NEW)
    assert state.clock is not None
    assert (state.clock.synchronised, state.clock.reference, state.clock.stratum) == (False, "local", 5)
    assert [(one.name, one.kind, one.authentication) for one in state.sources or ()] == [
        ("GPS", "reference clock", "unknown"),
        ("198.19.0.2", "server", "none"),
    ]


def test_sources_have_the_names_of_the_configuration_if_they_are_known() -> None:
    named = {**NEW, "names": NEW["names"].replace("198.19.0.2", "ntp.example.net")}
    assert [one.name for one in parse_chronyd_state(named).sources or ()] == ["GPS", "ntp.example.net"]
    # One was replaced between the two questions.
    fewer = {**NEW, "names": named["names"].partition("\n")[2]}
    assert [one.name for one in parse_chronyd_state(fewer).sources or ()] == ["GPS", "198.19.0.2"]


def test_a_chronyd_that_does_not_answer_has_no_clock() -> None:
    assert parse_chronyd_state({"tracking": "506 Cannot talk to daemon"}) == ChronydState(clock=None, sources=None)
