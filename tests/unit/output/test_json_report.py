"""The report as JSON: its content, its schema, and where it is written."""

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from provision.common.errors import NotRecorded, OutputUnread, ProvisionError, SiteError, UsageError
from provision.common.results import Loss
from provision.output.json_report import JsonReport, schema
from provision.output.report import Report
from tests.helpers.booted_hosts import ROOT
from tests.helpers.report_schema import FILE, checked
from tests.unit.output.test_report import BAD, DIFF, PENDING, UNTRIED, report

NOT_TRIED = report(error="ntp1: no route to host", tried=False)


def written(path: Path, *reports: Report) -> dict[str, Any]:
    """Return the document of a command that ended with these reports."""
    with JsonReport(path, "plan", Path("site.toml")) as json_report:
        json_report.reports = list(reports)
    return checked(json.loads(path.read_text()))


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
    "reverts_by": None,
    "imported": None,
    "losses": [{"id": "refclock", "was": "refclock SHM 0", "now": "", "place": "/etc/chrony/chrony.conf:12"}],
    "notes": ["Schlüssel"],
    "log": "/log/ntp1.log",
    "round_trips": 3,
    "seconds": 0.5,
}
"""The planned host of a document, as JSON has it."""


def test_a_document_holds_everything(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    made = report(platform="debian-12-x86_64", outcomes=[PENDING], findings=[UNTRIED], notes=["Schlüssel"], seconds=0.5)
    made.losses = (Loss(id="refclock", was="refclock SHM 0", place="/etc/chrony/chrony.conf:12"),)
    document = written(path, made, NOT_TRIED)
    assert document.pop("time").endswith("Z")
    hosts = document.pop("hosts")
    assert document == {"version": 1, "command": "plan", "site": "site.toml", "exit_status": 2, "error": None}
    assert hosts[0] == HOST_DATA
    assert [(host["ok"], host["verdict"]) for host in hosts] == [(True, "would change"), (False, "not tried")]
    assert path.read_text().endswith("}\n")
    assert stat.S_ISREG(path.stat().st_mode)
    assert list(tmp_path.iterdir()) == [path]


ENDINGS = [
    pytest.param(SiteError("site.toml: time.servers: empty"), "site.toml: time.servers: empty", 2, id="bad input"),
    pytest.param(NotRecorded("the key file"), "the key file", 1, id="not recorded"),
    pytest.param(KeyboardInterrupt(), "interrupted", 130, id="interrupted"),
    pytest.param(OutputUnread("nobody reads the output"), "nobody reads the output", 141, id="nobody reads"),
    pytest.param(OSError(28, "No space left on device"), "No space left on device", 1, id="a full disk"),
    pytest.param(OSError(13, "Permission denied", "/x"), "/x: Permission denied", 1, id="a file"),
    pytest.param(ZeroDivisionError("secret"), "internal error: ZeroDivisionError", 1, id="a bug"),
]


@pytest.mark.parametrize(("error", "words", "status"), ENDINGS)
def test_a_command_that_fails_replaces_the_report_of_an_earlier_one(
    error: BaseException, words: str, status: int, tmp_path: Path
) -> None:
    path = tmp_path / "r.json"
    written(path, report())
    with pytest.raises(type(error)), JsonReport(path, "deploy", None) as json_report:
        json_report.reports = [report(findings=[BAD])]
        raise error
    document = checked(json.loads(path.read_text()))
    assert (document["command"], document["error"], document["exit_status"]) == ("deploy", words, status)
    assert [host["verdict"] for host in document["hosts"]] == ["FAILED"]


def test_a_command_that_is_killed_leaves_a_document_without_an_exit_status(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    written(path, report())
    with JsonReport(path, "deploy", None):
        document = checked(json.loads(path.read_text()))
    assert (document["command"], document["exit_status"], document["hosts"]) == ("deploy", None, [])


def test_the_exit_status_is_that_of_the_command(tmp_path: Path) -> None:
    assert written(tmp_path / "r.json", report())["exit_status"] == 0
    assert written(tmp_path / "r.json", report(findings=[BAD]), NOT_TRIED)["exit_status"] == 1
    assert written(tmp_path / "r.json", report(outcomes=[PENDING]))["exit_status"] == 3


def test_a_document_that_cannot_be_written_is_refused_at_the_beginning(tmp_path: Path) -> None:
    message = f"^--json {tmp_path}/no/r.json: cannot be written: No such file or directory$"
    with pytest.raises(SiteError, match=message), JsonReport(tmp_path / "no/r.json", "deploy", None):
        pytest.fail("the work has begun")


def test_a_document_that_cannot_be_written_at_the_end_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    path = tmp_path / "reports/r.json"
    with pytest.raises(ProvisionError) as caught, JsonReport(path, "deploy", None):
        path.unlink()
        path.parent.rmdir()
    assert caught.value.exit_status == 1
    assert str(caught.value).startswith(f"the work on the hosts is over, and --json {path}: cannot be written: ")


def test_a_link_still_leads_to_the_document(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to("r.json")
    written(tmp_path / "link.json", report())
    assert (tmp_path / "link.json").is_symlink()
    assert checked(json.loads((tmp_path / "r.json").read_text()))["exit_status"] == 0


def test_a_pipe_gets_the_document_once_and_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(SiteError, match=r"^--json .*/pipe: cannot be written: "), JsonReport(pipe, "deploy", None):
        pytest.fail("the work has begun")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with JsonReport(pipe, "deploy", None) as json_report:
        json_report.reports = [report()]
        with pytest.raises(BlockingIOError):
            os.read(reader, 1)
    with os.fdopen(reader, "rb") as stream:
        assert checked(json.loads(stream.read()))["exit_status"] == 0


def test_an_open_file_gets_the_document_through_its_descriptor(tmp_path: Path) -> None:
    with (tmp_path / "r.json").open("w+") as file, JsonReport(Path(f"/dev/fd/{file.fileno()}"), "deploy", None) as ran:
        ran.reports = [report()]
    assert checked(json.loads((tmp_path / "r.json").read_text()))["exit_status"] == 0


def test_a_descriptor_that_is_not_open_is_refused() -> None:
    with (
        pytest.raises(SiteError, match=r"^--json /dev/fd/999: cannot be written: Bad file descriptor$"),
        JsonReport(Path("/dev/fd/999"), "deploy", None),
    ):
        pytest.fail("the work has begun")


def test_a_full_disk_below_a_device_is_a_failure() -> None:
    message = "^the work on the hosts is over, and --json /dev/full: cannot be written: No space left on device$"
    with pytest.raises(NotRecorded, match=message), JsonReport(Path("/dev/full"), "deploy", None):
        pass


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1"])
def test_standard_output_gets_the_document_alone(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with JsonReport(Path(name), "deploy", None) as json_report:
        sys.stdout.write("ntp1\n")
        json_report.reports = [report()]
    captured = capfd.readouterr()
    assert checked(json.loads(captured.out))["exit_status"] == 0
    assert captured.err == "ntp1\n"


def test_a_closed_standard_output_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "__stdout__", None)
    refused = pytest.raises(UsageError, match=r"^--json -: standard output is closed")
    with refused, JsonReport(Path("-"), "deploy", None):
        pytest.fail("the work has begun")


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with JsonReport(None, "deploy", None):
        pass
    assert list(tmp_path.iterdir()) == []


if __name__ == "__main__":
    FILE.write_text(f"{json.dumps(schema(), indent=2, ensure_ascii=False)}\n")
    sys.stdout.write(f"{FILE.relative_to(ROOT)} written\n")
