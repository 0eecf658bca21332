"""The plan as people read it: whole texts."""

from dataclasses import replace
from typing import Any

import pytest

from provision.common.results import Change, Finding, Loss, Outcome, Sign, Status
from provision.host.target import parse_target
from provision.output.plan import MOST_HOSTS, plan_text
from provision.output.report import Report

NETTLE = "chrony 4.9, nettle 3.10.2"
BUILD = Change(id="build", sign=Sign.NEW, subject="build", text=NETTLE, how="gets the artifact")
PROMISED = replace(BUILD, by="ntp1")
COMPILED = replace(BUILD, how="compiles")
TIMED = replace(COMPILED, took_seconds=41.2, took_on="ntp1")
PROMISED_BY_A = replace(BUILD, by="a")
PACKAGES = Change(id="packages", sign=Sign.NEW, subject="packages", text="gcc make")
CONF = Change(id="chrony-conf", sign=Sign.CHANGED, subject="chrony.conf", text="pool p → 10.1.2.3 key 12")
SWITCH = Change(id="switch", sign=Sign.NEW, subject="switch", minor=True)
PROOF = Change(id="confirmed", sign=Sign.NEW, subject="proof", minor=True)
REPLACES = Change(id="replaces", sign=Sign.WARNING, subject="replaces", text="chrony.service (active)")


def report(name: str, *changes: Change, **more: Any) -> Report:
    """Return the report of a host on which one step makes all changes, or would."""
    outcomes = []
    if changes:
        step = Outcome(id="staged", title="generation staged", status=Status.PENDING, reason="not uploaded yet")
        outcomes.append(replace(step, changes=changes, diff="+server 10.1.2.3"))
    return Report(host=parse_target(name), outcomes=outcomes, tried=True, **more)


def text(*reports: Report, **more: Any) -> list[str]:
    return plan_text(reports, diffs=False, **more).splitlines()


def build_lines(*reports: Report, **more: Any) -> list[str]:
    """Return what is said of the build, by group."""
    start = f"    + build        {NETTLE}: "
    return [line.removeprefix(start) for line in text(*reports, **more) if line.startswith(start)]


def test_hosts_that_need_the_same_stand_together_in_the_order_of_the_site() -> None:
    web = report("web1", CONF, SWITCH, role="client")
    servers = [report(name, REPLACES, CONF, SWITCH, PROOF, role="server") for name in ("ntp1", "ntp2")]
    assert text(servers[0], web, servers[1], closing="Servers switch one at a time.") == [
        "ntp1, ntp2 (servers)",
        "    ~ chrony.conf  pool p → 10.1.2.3 key 12",
        "    + on host      switch, proof",
        "    ! replaces     chrony.service (active)",
        "web1 (client)",
        "    ~ chrony.conf  pool p → 10.1.2.3 key 12",
        "    + on host      switch",
        "Plan: 3 hosts, 3 to change. Servers switch one at a time.",
    ]


def test_hosts_of_another_role_stand_apart_and_no_role_is_not_named() -> None:
    names = [line for line in text(report("a", CONF), report("b", CONF, role="client")) if not line.startswith(" ")]
    assert names == ["a", "b (client)", "Plan: 2 hosts, 2 to change."]


def test_lost_settings_are_named_last() -> None:
    losses = (
        Loss(id="refclock", was="refclock SHM 0"),
        Loss(id="access.wider", was="10.9.0.0/16", now="private networks"),
    )
    assert text(report("ntp1", REPLACES, CONF, losses=losses))[-3:-1] == [
        "    ! replaces     chrony.service (active)",
        "    ! lost         refclock SHM 0; 10.9.0.0/16 → private networks",
    ]


def test_nothing_to_change() -> None:
    assert text(report("ntp1"), report("ntp2")) == [
        "ntp1, ntp2",
        "    nothing to change",
        "Plan: 2 hosts, nothing to change.",
    ]
    assert text() == ["Plan: 0 hosts, nothing to change."]


def test_a_host_that_would_be_refused_and_one_that_was_not_reached_say_why() -> None:
    refused = report("ntp1", CONF, error="ntp1: a drop-in is in the way")
    missing = Report(host=parse_target("ntp2"), error="ntp2: no route", log="/log/ntp2.log")
    assert text(refused, missing, report("ntp3")) == [
        "ntp1",
        "    ~ chrony.conf  pool p → 10.1.2.3 key 12",
        "  FAILED       ntp1: a drop-in is in the way",
        "ntp2",
        "  error        ntp2: no route",
        "  log          /log/ntp2.log",
        "ntp3",
        "    nothing to change",
        "Plan: 3 hosts, 1 unchanged, 1 FAILED, 1 not tried.",
    ]


def test_a_host_without_drift_that_fails_a_check_is_told_apart() -> None:
    good = Finding(id="process.generation", claim="chronyd runs", holds=True, seen="")
    bad = replace(good, id="clock.synchronised", claim="the clock is synchronised", holds=False, seen="no source")
    reports = (report("a", findings=[good]), report("b", findings=[good, bad]))
    assert text(*reports) == [
        "a",
        "    nothing to change",
        "b",
        "  FAILED       the clock is synchronised  (no source)",
        "Plan: 2 hosts, 1 unchanged, 1 FAILED.",
    ]
    assert plan_text(reports[:1], diffs=True).splitlines()[:2] == ["a", "  ok           chronyd runs"]


def test_a_note_has_its_hosts_unless_there_is_one() -> None:
    assert text(report("a", notes=["n"]))[-2] == "  note         n"
    assert text(report("a", notes=["n"]), report("b", notes=["n"]))[-2] == "  note         n: a, b"


def test_the_steps_and_diffs_come_before_the_plan() -> None:
    lines = plan_text([report("a", CONF), report("b")], diffs=True).splitlines()
    assert lines[:4] == [
        "a",
        "  pending      generation staged  (not uploaded yet)",
        "      +server 10.1.2.3",
        "a",
    ]


ONE_COMPILES = "one of ntp1, ntp2 compiles (2 packages), the other gets the artifact"
ALL = "one of ntp1, ntp2, web1 compiles (2 packages), the others get the artifact"
NTP1, NTP2, WEB1 = report("ntp1", COMPILED, PACKAGES), report("ntp2", PROMISED), report("web1", PROMISED, role="client")
TWO = replace(PROMISED, by="ntp1, ntp2")
BUILDS = [
    pytest.param([NTP1], (), ["compiles (2 packages)"], id="one host"),
    pytest.param([report("ntp1", COMPILED)], (), ["compiles"], id="all packages are there"),
    pytest.param([report("a", TIMED)], (), ["compiles (took 41 s on ntp1)"], id="it was compiled before"),
    pytest.param(
        [report("a", TIMED, PACKAGES), report("b", PROMISED_BY_A)],
        {None},
        ["one of a, b compiles (2 packages; took 41 s on ntp1), the other gets the artifact"],
        id="it was compiled before, and packages are missing",
    ),
    pytest.param([NTP1, NTP2], {None}, [ONE_COMPILES], id="which one is not decided yet"),
    pytest.param([NTP1, NTP2, WEB1], {None}, [ALL, ALL], id="hosts of several groups"),
    pytest.param(
        [NTP1, NTP2], {"ntp1"}, ["ntp1 compiles (2 packages), ntp2 gets the artifact"], id="the builder of the site"
    ),
    pytest.param([NTP2, WEB1], {"ntp1"}, ["gets the artifact"] * 2, id="the builder is in another group"),
    pytest.param([NTP2], {None}, ["gets the artifact"], id="the host that compiles is not in the plan"),
    pytest.param(
        [report("ntp0", PROMISED), NTP1],
        {None},
        ["one of ntp0, ntp1 compiles (2 packages), the other gets the artifact"],
        id="the one that compiles comes later in the site",
    ),
    pytest.param(
        [NTP1, report("ntp2", COMPILED), report("ntp3", TWO)],
        {None},
        ["2 of ntp1, ntp2, ntp3 compile (2 packages), the other gets the artifact"],
        id="two have to compile, and the first one lacks packages",
    ),
    pytest.param([NTP1, NTP2], {"db1"}, [ONE_COMPILES], id="a builder that needs another build"),
    pytest.param(
        [report("a", COMPILED), report("b", COMPILED)], (), ["all compile"], id="hosts of two platforms, each alone"
    ),
    pytest.param(
        [report("ntp1", COMPILED), report("ntp2", COMPILED), report("ntp3", TWO)],
        {None},
        ["2 of ntp1, ntp2, ntp3 compile, the other gets the artifact"],
        id="two have to compile",
    ),
    pytest.param(
        [report(name, BUILD) for name in ("a", "b")], (), ["all get the artifact"], id="the artifact is there"
    ),
    pytest.param(
        [report("a", COMPILED), report("b", BUILD), report("c", BUILD)],
        (),
        ["a compiles, b, c get the artifact"],
        id="some of a group",
    ),
]


@pytest.mark.parametrize(("reports", "builders", "said"), BUILDS)
def test_who_compiles_is_said_in_one_line(reports: list[Report], builders: set[str | None], said: list[str]) -> None:
    assert build_lines(*reports, builders=builders) == said


DIFFERENT = [
    pytest.param(replace(CONF, id="keys"), id="its id"),
    pytest.param(replace(CONF, sign=Sign.NEW), id="its sign"),
    pytest.param(replace(CONF, subject="keys"), id="its subject"),
    pytest.param(replace(CONF, text="pool p"), id="its text"),
    pytest.param(replace(CONF, minor=True), id="whether it is minor"),
]


@pytest.mark.parametrize("other", DIFFERENT)
def test_hosts_whose_change_differs_stand_apart(other: Change) -> None:
    names = [line for line in text(report("a", CONF), report("b", other)) if not line.startswith(" ")]
    assert names == ["a", "b", "Plan: 2 hosts, 2 to change."]


def test_who_compiles_is_said_of_the_build_alone() -> None:
    first, second = report("ntp1", COMPILED, PACKAGES, CONF), report("ntp2", PROMISED, CONF)
    assert text(first, second)[1:3] == [
        f"    + build        {NETTLE}: {ONE_COMPILES}",
        "    ~ chrony.conf  pool p → 10.1.2.3 key 12",
    ]


OF_KEYS = [
    Finding(id="client.key", claim="it is answered", subject=f"key {number}", holds=False, seen="no answer")
    for number in (1, 2)
]


def test_findings_about_several_keys_are_one_line() -> None:
    line = "  FAILED       keys 1, 2: it is answered  (no answer)"
    one = report("a", findings=OF_KEYS)
    assert text(one)[:2] == ["a", line]
    assert plan_text([one], diffs=True).splitlines()[:3] == ["a", line, "a"]


def test_a_finding_that_was_not_checked_is_no_fault() -> None:
    unknown = replace(OF_KEYS[0], holds=None)
    assert text(report("a", findings=[unknown]))[:2] == ["a", "    nothing to change"]


def test_the_last_line_counts_each_verdict_in_one_order() -> None:
    reports = (
        Report(host=parse_target("d"), error="d: no route"),
        report("c", error="c: a drop-in is in the way"),
        report("b"),
        report("a", CONF),
    )
    assert text(*reports)[-1] == "Plan: 4 hosts, 1 to change, 1 unchanged, 1 FAILED, 1 not tried."


def test_a_change_whose_subject_says_all_ends_there() -> None:
    assert text(report("a", replace(CONF, text="")))[1] == "    ~ chrony.conf"


def test_packages_without_a_build_have_a_line() -> None:
    assert text(report("a", PACKAGES))[1] == "    + packages     gcc make"


def test_of_many_hosts_the_first_are_named() -> None:
    first, *_ = text(*(report(f"web{number}") for number in range(MOST_HOSTS + 2)))
    assert first.endswith(f", web{MOST_HOSTS - 1} and 2 more")
    first, *_ = text(*(report(f"web{number}") for number in range(MOST_HOSTS)))
    assert first.endswith(f", web{MOST_HOSTS - 1}")


def test_a_line_stays_one_line() -> None:
    assert len(text(report("a", replace(CONF, text="x\ny")))) == 3
