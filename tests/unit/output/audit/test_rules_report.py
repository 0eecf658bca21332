"""The reports about rules: for programs as JSON, and for people as Markdown."""

import json

from provision.output.audit.rule_file import read_rules
from provision.output.audit.rules import Document, Rule, RuleSet
from provision.output.audit.rules_report import JSON, MARKDOWN, rules_files
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
    document = json.loads(rules_files([RULES], [of_client(GOOD, ODD)])[JSON])
    (found,) = document["sets"]
    assert found["documents"]["debian-12"] == {"title": "House rules", "version": "3", "read": "the notice board"}
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
    lines = rules_files([RULES], [of_client(GOOD, ODD)])[MARKDOWN].decode().splitlines()
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
    assert rules_files([RULES], [report])[MARKDOWN].decode().endswith("\nNo rule is for the platform unknown.\n")


def test_a_server_cannot_serve_no_time() -> None:
    report = of_client()
    report.platform, report.role = "rhel-9-x86_64-glibc-2.34", "server"
    document = json.loads(rules_files([read_rules("stig")], [report])[JSON])
    judged = {one["id"]: one for one in document["sets"][0]["hosts"]["c1"]}
    assert judged["RHEL-09-252025"]["outcome"] == "cannot hold"
    assert judged["RHEL-09-252025"]["why"] == ["this host serves time by the site"]
