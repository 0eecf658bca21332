"""A command on hosts: the options decide which hosts, and where the report goes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from invoke.exceptions import Exit

from provision.cli.command import Command
from provision.cli.exits import one_line_errors
from provision.cli.options import REPORTS, Options
from provision.common.errors import (
    CommandFailed,
    NotRecorded,
    ProvisionError,
    SandboxError,
    SiteError,
    StoreError,
    UsageError,
)
from provision.deploy.run import Run
from tests.helpers.command_reports import checked_junit
from tests.helpers.command_secrets import make_secrets
from tests.helpers.report_schema import checked
from tests.helpers.status_samples import STATUS
from tests.unit.verify.test_server_keys import SILENT


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be an operator in an empty folder."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def succeed(run: Run) -> None:
    run.report.notes.append("seen")


def fail(run: Run) -> None:
    raise CommandFailed(f"{run.session.host.name}: it rains")


def refuse(_: Run) -> None:
    raise AssertionError("no host is asked here")


def command(operation: object) -> Command:
    return Command(task="status", operation=operation, configures=False)  # type: ignore[arg-type]


def test_the_report_of_each_host_is_returned_and_written(folder: Path) -> None:
    (report,) = command(succeed).run(Options(host=("local",), json=folder / "report.json"), make_secrets())
    assert (str(report.host), report.notes) == ("local", ["seen"])
    assert [one["host"] for one in json.loads((folder / "report.json").read_text())["hosts"]] == ["local"]


def test_what_a_server_says_of_its_keys_is_in_the_table_and_in_the_report(folder: Path) -> None:
    def ask(run: Run) -> None:
        # Its own server, which a command has to know by its name.
        run.report.status = replace(
            STATUS, key_ids="1-6", sources=(replace(SILENT, name="local", address="192.0.2.1"),)
        )

    command(ask).run(Options(host=("local",), json=folder / "report.json"), make_secrets())
    (host,) = json.loads((folder / "report.json").read_text())["hosts"]
    assert host["status"]["sources"][0]["fault"]["layer"] == "key-unknown"
    assert host["notes"] == ["local has no key 7 (its keys: 1-6)"]


def test_a_task_that_needs_no_keys_runs_no_key_command(folder: Path) -> None:
    Path("site.toml").write_text("keys.command = \"sh -c 'touch ran; echo 1 AES128 HEX:0'\"\n")
    (report,) = command(succeed).run(Options(host=("local",)), make_secrets())
    assert report.ok
    assert not (folder / "ran").exists()


def test_a_command_without_a_host_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError) as refused:
        command(refuse).run(Options(), make_secrets())
    assert str(refused.value) == (
        "no host; say --host NAME, --host local or --host sandbox "
        f"(there is no site.toml in {folder}; --site FILE names one)"
    )
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("configures", [False, True])
def test_a_sandbox_that_does_not_exist_is_refused_before_any_host(folder: Path, *, configures: bool) -> None:
    Path("site.toml").write_text(
        '[groups.servers]\n[groups.clients]\nserve.role = "client"\ntime.follows = "servers"\n[hosts]\n'
        'local = { group = "clients" }\nntp1 = { group = "servers", host = "sandbox:unit-typo" }\n'
    )
    looking = Command(task="status", operation=refuse, configures=configures)
    message = r"^there is no sandbox unit-typo \(there are: none\); inv sandbox.up --name unit-typo boots one$"
    with pytest.raises(SandboxError, match=message):
        looking.run(Options(), make_secrets())
    assert [path.name for path in folder.iterdir()] == ["site.toml"]


def test_a_site_is_limited_to_the_hosts_that_the_options_select() -> None:
    Path("site.toml").write_text('serve.role = "client"\n[hosts]\nlocal = {}\nother = { host = "other.invalid" }\n')
    reports = command(succeed).run(Options(exclude=("other",)), make_secrets())
    assert [str(report.host) for report in reports] == ["local"]
    with pytest.raises(SiteError, match="no host is left to do it on"):
        command(refuse).run(Options(limit=("other",), exclude=("other",)), make_secrets())


def test_retry_takes_the_hosts_that_failed() -> None:
    options = Options(host=("local",), retry=True)
    with pytest.raises(SiteError, match="--retry: none of these hosts failed"):
        command(refuse).run(options, make_secrets())
    (failed,) = command(fail).run(Options(host=("local",)), make_secrets())
    assert failed.error == "local: it rains"
    (report,) = command(succeed).run(options, make_secrets())
    assert report.ok
    with pytest.raises(SiteError, match="--retry: none of these hosts failed"):
        command(refuse).run(options, make_secrets())


WATCHED = Command(task="status", operation=refuse, configures=False, tabulates=True, watch=1)


def test_hosts_are_watched_by_this_machine_alone() -> None:
    options = Options(host=("local",), scheduler="tls://dask1:8786")
    with pytest.raises(UsageError, match="--watch keeps connections of this machine; leave --scheduler out"):
        WATCHED.run(options, make_secrets())


def test_too_many_hosts_are_not_watched() -> None:
    options = Options(host=tuple(f"h{number}.invalid" for number in range(201)))
    with pytest.raises(UsageError, match="each of at most 200 hosts, and there are 201; choose some with --host"):
        WATCHED.run(options, make_secrets())


def test_a_bundle_that_is_none_is_refused_before_any_host(folder: Path) -> None:
    (folder / "site.bundle").write_text("no bundle")
    with pytest.raises(StoreError, match=r"^--bundle .*site\.bundle: "):
        command(refuse).run(Options(host=("local",), bundle=folder / "site.bundle"), make_secrets())


def test_a_command_that_is_refused_says_so_in_the_report(folder: Path) -> None:
    (folder / "site.toml").write_text("time.servers = 7\n")
    with pytest.raises(SiteError) as caught:
        command(refuse).run(Options(host=("local",), json=folder / "r.json"), make_secrets())
    document = checked(json.loads((folder / "r.json").read_text()))
    assert (document["exit_status"], document["error"]) == (2, str(caught.value))
    assert (document["command"], document["site"], document["hosts"]) == ("status", "site.toml", [])


def test_without_a_host_the_report_of_an_earlier_command_is_replaced(folder: Path) -> None:
    with pytest.raises(UsageError):
        command(refuse).run(Options(json=folder / "r.json"), make_secrets())
    assert checked(json.loads((folder / "r.json").read_text()))["error"].startswith("no host; ")


def test_the_report_may_go_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    command(succeed).run(Options(host=("local",), json=Path("-")), make_secrets())
    captured = capfd.readouterr()
    (host,) = checked(json.loads(captured.out))["hosts"]
    assert host["notes"] == ["seen"]
    assert captured.err.startswith("local\n")


def test_each_format_has_its_file(folder: Path) -> None:
    Path("site.toml").write_text('serve.role = "client"\n[hosts]\nlocal = {}\nother = { host = "other.invalid" }\n')
    command(succeed).run(Options(junit=folder / "r.xml", markdown=folder / "r.md"), make_secrets())
    suites = checked_junit((folder / "r.xml").read_text())
    assert [(suite.get("name"), suite.get("errors")) for suite in suites] == [("local", "0"), ("other", "1")]
    text = (folder / "r.md").read_text()
    assert "\n```text\n2 hosts: 1 ok, 1 not tried; nothing changed\n" in text
    assert "<details><summary><code>other</code>: not tried</summary>" in text


def test_a_plan_is_in_the_summary(folder: Path) -> None:
    planning = Command(task="plan", operation=succeed, configures=False, plans=True)
    planning.run(Options(host=("local",), markdown=folder / "r.md"), make_secrets())
    text = (folder / "r.md").read_text()
    assert "\n```text\nlocal\n    nothing to change\n" in text
    assert "\nPlan: 1 host, nothing to change.\n```\n" in text


def test_one_file_for_two_formats_is_refused_before_any_host(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"^--markdown .*r: --junit is written there, too; name another file$"):
        command(refuse).run(Options(host=("local",), junit=folder / "r", markdown=folder / "r"), make_secrets())


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_that_cannot_be_written_is_refused_before_any_host(name: str, folder: Path) -> None:
    path: dict[str, Any] = {name: folder}
    options = Options(host=("local",), **path)
    with pytest.raises(SiteError, match=rf"^--{name} .*: cannot be written: "):
        command(refuse).run(options, make_secrets())


def test_a_folder_in_which_no_site_file_can_be_looked_for_is_in_the_report(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_look(path: Path, _: str) -> bool:
        raise UsageError(f"{path}: cannot be looked for")

    monkeypatch.setattr("provision.cli.options.exists", refuse_look)
    (folder / "r.json").write_text("of an earlier run")
    with pytest.raises(UsageError, match=r"site\.toml: cannot be looked for"):
        options = Options(host=("local",), json=folder / "r.json", markdown=folder / "r.md")
        command(refuse).run(options, make_secrets())
    document = checked(json.loads((folder / "r.json").read_text()))
    assert (document["error"], document["exit_status"]) == ("site.toml: cannot be looked for", 2)
    assert "site.toml&#58; cannot be looked for" in (folder / "r.md").read_text()


def test_a_report_that_cannot_be_written_after_the_run_is_a_failure(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("site.toml").write_text('serve.role = "client"\n[hosts]\nlocal = {}\nother = { host = "other.invalid" }\n')
    (folder / "reports").mkdir()

    def lose_reports(_: Run) -> None:
        shutil.rmtree(folder / "reports")

    message = r"^the work on the hosts is over, and --json .*: cannot be written: No such file or directory$"
    with pytest.raises(NotRecorded, match=message) as caught:
        command(lose_reports).run(Options(json=folder / "reports/report.json"), make_secrets())
    assert caught.value.exit_status == 1
    assert "2 hosts: 1 ok, 1 not tried; nothing changed" in capsys.readouterr().out


@pytest.mark.parametrize(("error", "status"), [(SiteError, 2), (NotRecorded, 1)])
def test_a_command_ends_with_the_exit_status_of_its_error(error: type[ProvisionError], status: int) -> None:
    with pytest.raises(Exit) as caught, one_line_errors():
        raise error("it rains")
    assert (caught.value.code, caught.value.message) == (status, "error: it rains")
