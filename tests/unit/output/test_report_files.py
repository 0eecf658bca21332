"""The files of a report: when, where and how they are written."""

import json
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from provision.cli.options import REPORTS
from provision.common.errors import NotRecorded, ProvisionError, SiteError, UsageError
from provision.output.report import Report
from provision.output.report_files import FORMATS, ReportFiles
from tests.helpers.command_reports import checked_junit
from tests.helpers.report_samples import BAD, report
from tests.helpers.report_schema import checked


def as_json(path: Path) -> ReportFiles:
    """Return the files of a command with ``--json``."""
    return ReportFiles({"json": path}, "deploy", None)


def written(path: Path, *reports: Report) -> dict[str, Any]:
    """Return the document of a command that ended with these reports."""
    with as_json(path) as files:
        files.report.hosts = list(reports)
    return checked(json.loads(path.read_text()))


def test_the_command_line_has_an_option_for_each_format() -> None:
    assert tuple(FORMATS) == REPORTS


def test_a_file_is_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    written(path, report())
    assert stat.S_ISREG(path.stat().st_mode)
    assert list(tmp_path.iterdir()) == [path]


def all_formats(folder: Path) -> Mapping[str, Path]:
    """Return a path for each format."""
    return {name: folder / name for name in FORMATS}


def test_a_command_that_fails_replaces_each_file_of_an_earlier_one(tmp_path: Path) -> None:
    paths = all_formats(tmp_path)
    for path in paths.values():
        path.write_text("old")
    with pytest.raises(SiteError), ReportFiles(paths, "deploy", None) as files:
        files.report.hosts = [report(findings=[BAD])]
        raise SiteError("site.toml: time.servers: empty")
    document = checked(json.loads(paths["json"].read_text()))
    assert (document["command"], document["error"]) == ("deploy", "site.toml: time.servers: empty")
    assert [host["verdict"] for host in document["hosts"]] == ["FAILED"]
    errors = checked_junit(paths["junit"].read_text()).iter("error")
    assert [error.get("message") for error in errors] == ["site.toml: time.servers: empty"]
    assert "**error**: <code>site.toml&#58; time.servers&#58; empty</code>" in paths["markdown"].read_text()


def test_a_command_that_is_killed_leaves_files_that_are_no_success(tmp_path: Path) -> None:
    paths = all_formats(tmp_path)
    with ReportFiles(paths, "deploy", None):
        document = checked(json.loads(paths["json"].read_text()))
        (error,) = checked_junit(paths["junit"].read_text()).iter("error")
        text = paths["markdown"].read_text()
    assert (document["command"], document["exit_status"], document["hosts"]) == ("deploy", None, [])
    assert str(error.get("message")).startswith("the command has not ended: ")
    assert "**error**: <code>the command has not ended&#58; " in text
    assert "exit status" not in text


def test_a_file_that_cannot_be_begun_is_named_in_those_before_it(tmp_path: Path) -> None:
    paths = {"json": tmp_path / "r.json", "junit": tmp_path / "no/r.xml"}
    with pytest.raises(SiteError) as caught, ReportFiles(paths, "deploy", None):
        pytest.fail("the work has begun")
    document = checked(json.loads(paths["json"].read_text()))
    assert (document["exit_status"], document["error"]) == (2, str(caught.value))
    assert str(caught.value).startswith("--junit ")


def test_the_other_files_are_written_if_one_cannot_be_at_the_end(tmp_path: Path) -> None:
    paths = {"json": Path("/dev/full"), "junit": tmp_path / "r.xml"}
    message = "^the work on the hosts is over, and --json /dev/full: cannot be written: No space left on device$"
    with pytest.raises(NotRecorded, match=message), ReportFiles(paths, "deploy", None) as files:
        files.report.hosts = [report()]
    root = checked_junit(paths["junit"].read_text())
    assert (root.get("tests"), root.get("errors")) == ("1", "0")


@pytest.mark.parametrize(("one", "other"), [("r", "r"), ("r", "./r"), ("r", "link"), ("-", "-"), ("-", "/dev/stdout")])
def test_two_formats_in_one_file_are_refused(
    one: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to("r")
    refused = pytest.raises(
        UsageError, match=rf"^--junit {Path(other)}: --json is written there, too; name another file$"
    )
    with refused, ReportFiles({"json": Path(one), "junit": Path(other)}, "deploy", None):
        pytest.fail("the work has begun")
    text = capfd.readouterr().out
    if one == "r":
        text = Path("r").read_text()
    assert checked(json.loads(text))["exit_status"] == 2


def test_a_document_that_cannot_be_written_is_refused_at_the_beginning(tmp_path: Path) -> None:
    message = f"^--json {tmp_path}/no/r.json: cannot be written: No such file or directory$"
    with pytest.raises(SiteError, match=message), as_json(tmp_path / "no/r.json"):
        pytest.fail("the work has begun")


def test_a_document_that_cannot_be_written_at_the_end_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    path = tmp_path / "reports/r.json"
    with pytest.raises(ProvisionError) as caught, as_json(path):
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
    with pytest.raises(SiteError, match=r"^--json .*/pipe: cannot be written: "), as_json(pipe):
        pytest.fail("the work has begun")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with as_json(pipe) as files:
        files.report.hosts = [report()]
        with pytest.raises(BlockingIOError):
            os.read(reader, 1)
    with os.fdopen(reader, "rb") as stream:
        assert checked(json.loads(stream.read()))["exit_status"] == 0


def test_an_open_file_gets_the_document_through_its_descriptor(tmp_path: Path) -> None:
    with (tmp_path / "r.json").open("w+") as file, as_json(Path(f"/dev/fd/{file.fileno()}")) as files:
        files.report.hosts = [report()]
    assert checked(json.loads((tmp_path / "r.json").read_text()))["exit_status"] == 0


def test_a_descriptor_that_is_not_open_is_refused() -> None:
    with (
        pytest.raises(SiteError, match=r"^--json /dev/fd/999: cannot be written: Bad file descriptor$"),
        as_json(Path("/dev/fd/999")),
    ):
        pytest.fail("the work has begun")


def test_a_full_disk_below_a_device_is_a_failure() -> None:
    message = "^the work on the hosts is over, and --json /dev/full: cannot be written: No space left on device$"
    with pytest.raises(NotRecorded, match=message), as_json(Path("/dev/full")):
        pass


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1"])
def test_standard_output_gets_the_document_alone(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with as_json(Path(name)) as files:
        sys.stdout.write("ntp1\n")
        files.report.hosts = [report()]
    captured = capfd.readouterr()
    assert checked(json.loads(captured.out))["exit_status"] == 0
    assert captured.err == "ntp1\n"


def test_a_closed_standard_output_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "__stdout__", None)
    refused = pytest.raises(UsageError, match=r"^--json -: standard output is closed")
    with refused, as_json(Path("-")):
        pytest.fail("the work has begun")


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ReportFiles({"json": None, "junit": None}, "deploy", None):
        pass
    assert list(tmp_path.iterdir()) == []
