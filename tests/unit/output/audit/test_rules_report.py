"""The reports about rules: for programs as JSON, and for people as Markdown."""

import json

from provision.output.audit.rule_file import read_rules
from provision.output.audit.rules import Document, Rule, RuleSet
from provision.output.audit.rules_report import JSON, MARKDOWN, RulesReport
from tests.unit.output.audit.test_rules import GOOD, finding, of_client

RULES = RuleSet(
    title="Rules of the house",
    documents={"debian-12": Document(title="House rules", version="3", read="the notice board")},
    rules=(
        Rule(title="All is *well*", ids={"debian-12": "7"}, findings=("a.good", "a.odd"), note="Be kind."),
        Rule(title="No visitors", ids={"debian-12": "8"}, cannot_hold={"client": "it is open"}),
    ),
)
ODD = finding("a.odd", holds=False, seen="a | b\n<b>")


def test_the_json_has_each_rule_of_each_host() -> None:
    document = json.loads(RulesReport((RULES,)).files([of_client(GOOD, ODD)])[JSON])
    (found,) = document["sets"]
    assert found["documents"]["debian-12"] == {
        "title": "House rules",
        "version": "3",
        "read": "the notice board",
        "rebuilds": "",
    }
    first, second = found["hosts"]["c1"]
    assert (first["id"], first["outcome"], first["note"]) == ("7", "does not hold", "Be kind.")
    assert len(first["seen"]) == 2
    assert second == {
        "id": "8",
        "title": "No visitors",
        "outcome": "cannot hold",
        "why": ["it is open"],
        "seen": [],
        "note": "",
    }


def test_the_table_shows_the_text_of_a_host_as_it_is() -> None:
    lines = RulesReport((RULES,)).files([of_client(GOOD, ODD)])[MARKDOWN].decode().splitlines()
    assert lines[4] == "## c1"
    assert lines[6] == "House rules, 3 (read: the notice board): 1 does not hold, 1 cannot hold."
    assert lines[-2] == (
        r"| 7 | All is \*well\* | does not hold | a.odd: does not hold: it is so (a \| b\\n\<b\>)"
        "<br>a.good: holds: it is so (seen)<br>Note: Be kind. |"
    )
    assert lines[-1] == "| 8 | No visitors | cannot hold | it is open |"


def test_a_host_of_another_platform_is_named() -> None:
    report = of_client(GOOD)
    report.platform = ""
    assert RulesReport((RULES,)).files([report])[MARKDOWN].decode().endswith("\nNo rule is for the platform unknown.\n")
    assert list(RulesReport((RULES,)).lines([report])) == ["rules: Rules of the house: none is for these hosts"]


def test_the_terminal_counts_the_outcomes_and_a_rule_that_does_not_hold_is_an_error() -> None:
    good, odd = of_client(GOOD, finding("a.odd")), of_client(GOOD, ODD)
    rules = RulesReport((RULES,))
    assert list(rules.lines([good])) == ["rules: Rules of the house: 1 holds, 1 cannot hold"]
    assert rules.fault([good]) is None
    broken = rules.fault([good, odd])
    assert broken is not None
    assert str(broken) == "--rules: does not hold: 7 on c1; rules.md in the evidence says why"
    assert broken.exit_status == 1
    assert " and 4 more; rules.md" in str(rules.fault([odd] * 9))


def test_without_a_set_there_is_nothing() -> None:
    nothing = RulesReport()
    assert (nothing.files([]), list(nothing.lines([])), nothing.fault([])) == ({}, [], None)


def test_a_rebuild_is_judged_with_a_remark() -> None:
    report = of_client()
    report.platform, report.os_like = "rocky-9-x86_64-glibc-2.34", ("rhel", "centos", "fedora")
    for name in ("stig", "cis"):
        files = RulesReport((read_rules(name),)).files([report])
        (found,) = json.loads(files[JSON])["sets"]
        assert found["platforms"] == {"c1": "rhel-9"}
        assert len(found["hosts"]["c1"]) > 2
        assert "\nrocky-9-x86\\_64-glibc-2.34 is derived from rhel-9 (ID\\_LIKE): this " in files[MARKDOWN].decode()


def test_a_server_cannot_serve_no_time() -> None:
    report = of_client()
    report.platform, report.role = "rhel-9-x86_64-glibc-2.34", "server"
    document = json.loads(RulesReport((read_rules("stig"),)).files([report])[JSON])
    judged = {one["id"]: one for one in document["sets"][0]["hosts"]["c1"]}
    assert judged["RHEL-09-252025"]["outcome"] == "cannot hold"
    assert judged["RHEL-09-252025"]["why"] == ["this host serves time by the site"]
