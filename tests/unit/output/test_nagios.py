"""The states of hosts as the output of a monitoring plugin: its state, its grammar, and nothing that breaks it."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.common.results import Finding
from provision.host.target import Kind, Target
from provision.host.unconfirmed import UnconfirmedSwitch
from provision.output.nagios import State, plugin_output, refusal, state_of
from provision.output.report import Report
from tests.helpers.report_samples import BAD, GOOD, UNTRIED, report
from tests.helpers.status_samples import CLOCK, STATUS

NUMBER = r"-?[0-9]+(\.[0-9]+)?"
RANGE = rf"(@?({NUMBER}|~)?:?({NUMBER})?)?"
LABEL = r"('([^'=|\n]|'')+'|[^'= |\n]+)"
VALUE = rf"{LABEL}={NUMBER}(s|ms|us|%|c|B)?(;{RANGE}(;{RANGE}(;({NUMBER})?(;({NUMBER})?)?)?)?)?"
DATA = rf"{VALUE}( {VALUE})*"
FIRST = rf"CHRONY (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+( \| {DATA})?"
OUTPUT = re.compile(rf"{FIRST}(\n[^|\n]+)*( \| {DATA})?")
"""The grammar of the guidelines (monitoring-plugins.org, Plugin Output and Performance data)."""

HEALTHY = report(status=STATUS, findings=[GOOD])
UNREACHED = report(error="ntp1: no route to host", tried=False)
FEW_SOURCES = Finding(id="limits.sources", claim="enough sources can be selected", holds=False, seen="2 of 4, limit 3")
FAR_OFF = Finding(id="limits.offset", claim="the offset is within the limit", holds=False, seen="60 ms, limit 50 ms")
WAITING = replace(
    STATUS,
    confirmed=False,
    unconfirmed=UnconfirmedSwitch(
        generation="aaaa", fallback="bbbb", reverts_at="2026-11-22T20:00:00Z", seconds_left=60
    ),
)
STATES = [
    pytest.param(HEALTHY, State.OK, id="all findings hold"),
    pytest.param(report(status=STATUS, findings=[GOOD, UNTRIED]), State.OK, id="not checked"),
    pytest.param(report(status=STATUS, findings=[FEW_SOURCES]), State.WARNING, id="too few sources"),
    pytest.param(report(status=WAITING, findings=[GOOD]), State.WARNING, id="a switch waits"),
    pytest.param(report(status=STATUS, findings=[BAD]), State.CRITICAL, id="not synchronised"),
    pytest.param(report(status=STATUS, findings=[FAR_OFF]), State.CRITICAL, id="beyond a limit"),
    pytest.param(report(status=STATUS, findings=[FAR_OFF, FEW_SOURCES]), State.CRITICAL, id="beyond both"),
    pytest.param(report(error="ntp1: nothing is deployed here"), State.CRITICAL, id="nothing deployed"),
    pytest.param(UNREACHED, State.UNKNOWN, id="not reached"),
    pytest.param(report(status=None), State.UNKNOWN, id="nothing known"),
    pytest.param(report(status=replace(STATUS, clock=None)), State.UNKNOWN, id="no clock, and no finding about it"),
]


@pytest.mark.parametrize(("seen", "state"), STATES)
def test_the_state_follows_from_the_findings_and_the_verdict(seen: Report, state: State) -> None:
    assert state_of(seen) is state
    given_state, text = plugin_output([seen])
    assert given_state is state
    assert text.startswith(f"CHRONY {state.name} - ntp1: ")
    assert OUTPUT.fullmatch(text)
    assert "\n" not in text


def test_a_good_host_is_one_line_with_its_values_and_limits() -> None:
    assert plugin_output([HEALTHY])[1] == (
        "CHRONY OK - ntp1: reference 198.51.100.7, stratum 2, offset -3 us, error bound 5 ms | "
        "offset=-0.000003000s;;-0.050000000:0.050000000 error=0.005000000s;;1.000000000;0 stratum=2;;;0"
    )


def test_a_bad_host_has_its_reasons_first() -> None:
    (text,) = plugin_output([report(status=STATUS, findings=[FAR_OFF])])[1].partition(" | ")[:1]
    assert text == (
        'CHRONY CRITICAL - ntp1: "the offset is within the limit" does not hold (60 ms, limit 50 ms); '
        "reference 198.51.100.7, stratum 2, offset -3 us, error bound 5 ms"
    )


def test_a_host_that_was_not_asked_has_its_error_and_no_value() -> None:
    assert plugin_output([UNREACHED]) == (State.UNKNOWN, "CHRONY UNKNOWN - ntp1: no route to host")


def test_a_clock_that_follows_nothing_has_no_offset() -> None:
    free = replace(CLOCK, synchronised=False, reference="", stratum=0)
    _, text = plugin_output([report(status=replace(STATUS, clock=free), findings=[BAD])])
    assert text.endswith("; no reference | stratum=0;;;0")


def test_a_host_without_limits_has_none_in_its_values() -> None:
    _, text = plugin_output([report(status=replace(STATUS, limits=None), findings=[GOOD])])
    assert "| offset=-0.000003000s;; error=0.005000000s;;;0 " in text


def named(name: str, seen: Report) -> Report:
    return replace(seen, host=Target(text=name, kind=Kind.SSH))


def test_many_hosts_have_a_summary_a_line_for_each_that_is_not_ok_and_all_values() -> None:
    state, text = plugin_output(
        [
            named("a", HEALTHY),
            named("b", report(status=STATUS, findings=[FEW_SOURCES])),
            named("c", report(error="c: no route to host", tried=False)),
            named("d", report(status=STATUS, findings=[BAD])),
        ]
    )
    lines = text.splitlines()
    assert state is State.CRITICAL
    assert lines[0] == (
        "CHRONY CRITICAL - 4 hosts: 1 OK, 1 WARNING, 1 CRITICAL, 1 UNKNOWN | "
        "ok=1;;;0;4 warning=1;;;0;4 critical=1;;;0;4 unknown=1;;;0;4"
    )
    assert [line.partition(":")[0] for line in lines[1:4]] == ["[CRITICAL] d", "[WARNING] b", "[UNKNOWN] c"]
    assert lines[4].startswith("9 values | 'a offset'=-0.000003000s;;-0.050000000:0.050000000 'a error'=")
    assert len(lines) == 5
    assert OUTPUT.fullmatch(text)


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ([HEALTHY, UNREACHED], State.UNKNOWN),
        ([UNREACHED, report(status=WAITING)], State.WARNING),
        ([UNREACHED, report(status=STATUS, findings=[BAD])], State.CRITICAL),
        ([HEALTHY, HEALTHY], State.OK),
    ],
)
def test_the_state_of_many_hosts_is_the_most_urgent_one(states: list[Report], worst: State) -> None:
    hosts = [named(f"h{number}", seen) for number, seen in enumerate(states)]
    assert plugin_output(hosts)[0] is worst


def test_without_hosts_nothing_is_known() -> None:
    assert plugin_output([]) == (State.UNKNOWN, "CHRONY UNKNOWN - no host was asked")
    assert refusal("no host;\nsay --host | NAME") == "CHRONY UNKNOWN - no host;\\nsay --host \\x7c NAME"


HOSTILE = ["a|b=1", "a\nb", "it's", "a=b", "\x1b[31m", "\ud800", "' | x=1", "é"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_host_breaks_the_output(text: str) -> None:
    _assert_in_grammar(text)


@given(text=st.text(min_size=1))
def test_any_text_is_in_the_grammar(text: str) -> None:
    _assert_in_grammar(text)


def _assert_in_grammar(text: str) -> None:
    bad = replace(BAD, seen=text, subject=text)
    status = replace(STATUS, clock=replace(CLOCK, reference=text))
    hosts = [named(text, report(status=status, findings=[bad])), named("b", report(error=text, tried=False))]
    for reports in (hosts[:1], hosts[1:], hosts):
        output = plugin_output(reports)[1]
        assert OUTPUT.fullmatch(output), output
    assert len(plugin_output(hosts)[1].splitlines()) == 4
