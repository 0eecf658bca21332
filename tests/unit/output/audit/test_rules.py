"""How a rule is judged: each outcome, and the observations that decide."""

from dataclasses import replace

import pytest

from provision.common.results import Finding
from provision.host.target import Kind, Target
from provision.output.audit.rules import CONF_RESTS_ON, WANTED_CONF, Document, Rule, RuleSet, judge, judge_all
from provision.output.report import Report

CONF = "# a comment\nserver ntp1.example.net iburst maxpoll 6\npool pool.example.net\nmakestep 1 3\nport 0\n"


def finding(check: str, *, holds: bool | None = True, seen: str = "seen") -> Finding:
    return Finding(id=check, claim="it is so", holds=holds, seen=seen)


def of_client(*findings: Finding) -> Report:
    """Return the report on a client whose chrony.conf is that of the site."""
    return Report(
        host=Target(text="c1", kind=Kind.SSH),
        platform="debian-12-x86_64-glibc-2.36",
        role="client",
        findings=[*map(finding, CONF_RESTS_ON), *findings],
        answers={WANTED_CONF: CONF},
    )


def rule(**conditions: object) -> Rule:
    return Rule(title="It is so", ids={"debian-12": "1.1"}, **conditions)  # type: ignore[arg-type]


GOOD, BAD, UNKNOWN = finding("a.good"), finding("a.bad", holds=False), finding("a.unknown", holds=None)
GOOD_WORDS = "a.good: holds: it is so (seen)"
BAD_WORDS = "a.bad: does not hold: it is so (seen)"
UNKNOWN_WORDS = "a.unknown: not checked: it is so (seen)"
FIRST, SECOND = "chrony.conf: server ntp1.example.net", "chrony.conf: pool pool.example.net"

JUDGED = [
    (rule(findings=("a.good",)), "holds", (GOOD_WORDS,)),
    (rule(findings=("a.good", "a.bad", "a.unknown")), "does not hold", (BAD_WORDS,)),
    (rule(findings=("a.good", "a.unknown")), "not checked", (UNKNOWN_WORDS,)),
    (rule(findings=("a.gone",)), "not checked", ("a.gone: no finding (the check is not made on this host)",)),
    (rule(findings=("a.good",), not_judged="half of it"), "not checked", ("half of it",)),
    (rule(findings=("a.bad",), not_judged="half of it"), "does not hold", (BAD_WORDS,)),
    (rule(not_judged="all of it"), "not checked", ("all of it",)),
    (rule(findings=("a.bad",), cannot_hold={"any": "it is so"}), "cannot hold", ("it is so",)),
    (rule(findings=("a.good",), cannot_hold={"client": "it asks"}), "cannot hold", ("it asks",)),
    (rule(findings=("a.good",), cannot_hold={"server": "it serves"}), "holds", (GOOD_WORDS,)),
    (rule(directives=("port 0",)), "holds", ("chrony.conf: port 0",)),
    (rule(directives=("makestep 1 1",)), "does not hold", ("chrony.conf: makestep 1 3, not makestep 1 1",)),
    (rule(directives=("cmdport 0",)), "does not hold", ("chrony.conf: no cmdport, not cmdport 0",)),
    (rule(sources=("server",)), "holds", ("chrony.conf: server ntp1.example.net iburst maxpoll 6",)),
    (rule(sources=("peer",)), "does not hold", ("chrony.conf: no peer",)),
    (rule(maxpoll=10), "holds", (f"{FIRST}: maxpoll 6, at most 10", f"{SECOND}: no maxpoll, which is 10 then")),
    (rule(maxpoll=9), "does not hold", (f"{SECOND}: no maxpoll, which is 10 then",)),
    (
        rule(maxpoll=5),
        "does not hold",
        (f"{FIRST}: maxpoll 6, at most 5", f"{SECOND}: no maxpoll, which is 10 then"),
    ),
]


@pytest.mark.parametrize(("one", "outcome", "why"), JUDGED)
def test_a_rule_is_judged_by_the_findings(one: Rule, outcome: str, why: tuple[str, ...]) -> None:
    judged = judge(one, "1.1", of_client(GOOD, BAD, UNKNOWN))
    assert (judged.id, judged.outcome, judged.why) == ("1.1", outcome, why)


@pytest.mark.parametrize("check", CONF_RESTS_ON)
def test_the_chrony_conf_of_the_site_counts_only_if_chronyd_runs_with_it(check: str) -> None:
    report = of_client()
    report.findings = [replace(one, holds=one.id != check) for one in report.findings]
    judged = judge(rule(directives=("port 0",)), "1.1", report)
    assert judged.outcome == "not checked"
    assert judged.why == ("the chrony.conf that chronyd runs with is not known to be that of the site",)


def test_of_a_host_that_was_not_reached_nothing_is_judged() -> None:
    report = Report(host=Target(text="c1", kind=Kind.SSH), error="c1: no route to host")
    judged = judge(rule(findings=("a.good",), maxpoll=5), "1.1", report)
    assert judged.outcome == "not checked"
    assert judged.why[0] == "a.good: no finding (c1: no route to host)"


def test_a_host_has_the_rules_of_its_platform() -> None:
    document = Document(title="T", version="1", read="here")
    rules = RuleSet(
        title="T",
        documents={"debian-1": document, "debian-12": document},
        rules=(rule(findings=("a.good",)), Rule(title="B", ids={"debian-1": "2"}, findings=("a.good",))),
    )
    assert [one.id for one in judge_all(rules, of_client(GOOD))] == ["1.1"]
    assert rules.platform(on("debian-1")) == "debian-1"
    assert rules.platform(on("debian-13-x86_64")) == rules.platform(on("")) == ""


def on(platform: str, *os_like: str) -> Report:
    """Return the report on a host of a platform."""
    return replace(of_client(), platform=platform, os_like=os_like)


DERIVED = [
    (on("rocky-9-x86_64-glibc-2.34", "rhel", "centos", "fedora"), "rhel-9"),
    (on("almalinux-9-x86_64-glibc-2.34", "rhel", "centos", "fedora"), "rhel-9"),
    (on("centos-9-x86_64-glibc-2.34", "rhel", "fedora"), "rhel-9"),
    (on("rocky-8-x86_64-glibc-2.28", "rhel", "centos", "fedora"), ""),
    (on("amzn-2-x86_64-glibc-2.26", "centos", "rhel", "fedora"), ""),
    (on("ol-9-x86_64-glibc-2.34", "fedora"), ""),
    (on("raspbian-12-aarch64-glibc-2.36", "debian"), ""),
    (on("", "rhel"), ""),
]


@pytest.mark.parametrize(("report", "platform"), DERIVED)
def test_a_rebuild_has_the_rules_of_its_origin_if_the_document_says_what_that_means(
    report: Report, platform: str
) -> None:
    documents = {
        "rhel-8": Document(title="T", version="1", read="here"),
        "rhel-9": Document(title="T", version="1", read="here", rebuilds="it names none"),
        "debian-12": Document(title="T", version="1", read="here"),
    }
    rules = RuleSet(title="T", documents=documents, rules=(rule(findings=("a.good",)),))
    assert (rules.platform(report), rules.is_rebuild(report)) == (platform, platform != "")
    assert not rules.is_rebuild(on("rhel-9-x86_64", "fedora"))


WRONG = [
    (rule(directives=(" ",)), "a line of directives is blank"),
    (rule(sources=("Server",)), "sources: 'Server' is none of server, pool, peer"),
]


@pytest.mark.parametrize(("one", "fault"), WRONG)
def test_a_rule_that_cannot_be_judged_is_named(one: Rule, fault: str) -> None:
    assert list(one.faults()) == [fault]


def test_a_set_without_rules_or_with_two_of_one_id_is_refused() -> None:
    documents = {"debian-12": Document(title="T", version="1", read="here")}
    assert list(RuleSet(title="T", documents=documents, rules=()).faults()) == ["names no rule"]
    twice = RuleSet(title="T", documents=documents, rules=(rule(findings=("a",)), rule(findings=("b",))))
    assert list(twice.faults()) == ["2 rules have the id '1.1' in documents.debian-12"]


def test_contradictions_of_a_set_are_named() -> None:
    rules = RuleSet(
        title="T", documents={}, rules=(rule(findings=("a",)), rule(), rule(cannot_hold={"router": "it routes"}))
    )
    assert list(rules.faults()) == [
        "3 rules have the id '1.1' in documents.debian-12",
        "rule 'It is so': there is no documents.debian-12",
        "rule 'It is so': there is no documents.debian-12",
        "rule 'It is so': names neither findings nor a reason why it is not judged",
        "rule 'It is so': there is no documents.debian-12",
        "rule 'It is so': cannot_hold.router is none of server, client, any",
    ]
