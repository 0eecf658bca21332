"""The report as JSON: its content and its schema."""

import json
import sys
from typing import Any

from provision.common.results import Loss
from provision.output.json_report import json_text, schema
from provision.output.report import Report
from tests.helpers.booted_hosts import ROOT
from tests.helpers.command_reports import command_report
from tests.helpers.report_samples import BAD, DIFF, PENDING, UNTRIED, report
from tests.helpers.report_schema import FILE, checked

NOT_TRIED = report(error="ntp1: no route to host", tried=False)


def document_of(*reports: Report, **changes: Any) -> dict[str, Any]:
    """Return the document of a command that ended with these reports."""
    text = json_text(command_report(*reports, **changes))
    assert text.endswith("}\n")
    return checked(json.loads(text))


def test_the_published_schema_is_that_of_the_code() -> None:
    write = "write it with: python -m tests.unit.output.test_json_report"
    assert json.loads(FILE.read_text()) == schema(), write


HOST_DATA = {
    "host": "ntp1",
    "address": "",
    "platform": "debian-12-x86_64",
    "role": "",
    "verdict": "would change",
    "ok": True,
    "tried": True,
    "may_have_changed": False,
    "rolled_back": False,
    "changed": 0,
    "pending": 1,
    "error": None,
    "changes": [
        {
            "id": "lost",
            "sign": "!",
            "subject": "lost",
            "text": "refclock SHM 0",
            "how": "",
            "by": "",
            "took_seconds": None,
            "took_on": "",
            "minor": False,
        }
    ],
    "outcomes": [
        {
            "id": "staged",
            "title": "generation 3f0c staged",
            "status": "pending",
            "reason": "not there yet",
            "diff": DIFF,
        }
    ],
    "findings": [
        {
            "id": "client.requests",
            "claim": "requests from this machine are answered",
            "subject": "198.51.100.7",
            "holds": None,
            "seen": "no answer reaches this machine",
            "vital": True,
        }
    ],
    "sources": None,
    "status": None,
    "existing": None,
    "history": None,
    "key_usage": None,
    "reverts_by": None,
    "imported": None,
    "losses": [{"id": "refclock", "was": "refclock SHM 0", "now": "", "place": "/etc/chrony/chrony.conf:12"}],
    "notes": ["Schlüssel"],
    "log": "/log/ntp1.log",
    "round_trips": 3,
    "seconds": 0.5,
}
"""The planned host of a document, as JSON has it."""


def test_a_document_holds_everything() -> None:
    made = report(platform="debian-12-x86_64", outcomes=[PENDING], findings=[UNTRIED], notes=["Schlüssel"], seconds=0.5)
    made.losses = (Loss(id="refclock", was="refclock SHM 0", place="/etc/chrony/chrony.conf:12"),)
    document = document_of(made, NOT_TRIED, command="plan")
    hosts = document.pop("hosts")
    assert document == {
        "version": 1,
        "command": "plan",
        "site": "site.toml",
        "time": "2026-11-27T19:02:17Z",
        "exit_status": 2,
        "error": None,
        "trace": None,
    }
    assert hosts[0] == HOST_DATA
    assert [(host["ok"], host["verdict"]) for host in hosts] == [(True, "would change"), (False, "not tried")]


def test_without_a_site_it_is_null() -> None:
    assert document_of(report(), site=None)["site"] is None


def test_the_exit_status_is_that_of_the_command() -> None:
    assert document_of(report())["exit_status"] == 0
    assert document_of(report(findings=[BAD]), NOT_TRIED)["exit_status"] == 1
    assert document_of(report(outcomes=[PENDING]))["exit_status"] == 3


if __name__ == "__main__":
    FILE.write_text(f"{json.dumps(schema(), indent=2, ensure_ascii=False)}\n")
    sys.stdout.write(f"{FILE.relative_to(ROOT)} written\n")
