"""``inv status`` for monitoring systems: which file and stream gets what, also if the command ends early."""

import json
import os
from pathlib import Path

import pytest

from provision.cli import show_status as module
from provision.cli.options import StatusOptions
from provision.cli.show_status import show_status
from provision.common.errors import CommandFailed, NotRecorded, OutputUnread, UsageError
from provision.deploy.run import Run
from provision.output.metric_names import OURS
from tests.helpers.command_secrets import make_secrets
from tests.helpers.prestarted import installed
from tests.helpers.report_samples import BAD
from tests.helpers.status_samples import STATUS

HOST = ("local",)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be an operator in an empty folder, whose hosts are good."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "status", good)
    return tmp_path


def good(run: Run) -> None:
    run.progress.say("seen")
    run.report.status = STATUS


def bad(run: Run) -> None:
    good(run)
    run.report.findings.append(BAD)


def broken(run: Run) -> None:
    raise CommandFailed(f"{run.session.host.name}: it rains")


def interrupted(_: Run) -> None:
    raise KeyboardInterrupt


def run_with(**options: object) -> int:
    return show_status(StatusOptions(**{"host": HOST, **options}), make_secrets())  # type: ignore[arg-type]


def test_without_an_option_the_text_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_with() == 0
    assert "seen" in capsys.readouterr().out


def test_metrics_are_a_file_that_all_may_read_under_any_umask(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        assert run_with(metrics=folder / "chrony.prom") == 0
    finally:
        os.umask(before)
    assert (folder / "chrony.prom").stat().st_mode & 0o777 == 0o644
    assert 'chrony_up{host="local"} 1.0' in (folder / "chrony.prom").read_text()
    assert [path.name for path in folder.iterdir() if "prom" in path.name] == ["chrony.prom"]


def test_metrics_on_standard_output_have_it_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_with(metrics=Path("-")) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("# HELP chrony_up ")
    assert captured.out.endswith("# EOF\n")
    assert "seen" in captured.err


def test_the_exit_status_is_that_of_the_task(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "status", bad)
    assert run_with(metrics=folder / "m") == 1


@pytest.mark.parametrize(
    "site", [pytest.param("[time", id="a broken site"), pytest.param("[hosts]\n", id="a site without hosts")]
)
def test_no_value_of_an_earlier_command_stays(folder: Path, site: str) -> None:
    (folder / "chrony.prom").write_text('chrony_up{host="local"} 1.0\n')
    (folder / "site.toml").write_text(site)
    with pytest.raises(Exception, match=r"site\.toml|host"):
        run_with(metrics=folder / "chrony.prom", host=())
    text = (folder / "chrony.prom").read_text()
    assert "chrony_up{" not in text
    assert f"{OURS}run_complete 0.0" in text


def test_after_ctrl_c_the_hosts_that_have_no_answer_are_down(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "status", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_with(metrics=folder / "m")
    text = (folder / "m").read_text()
    assert 'chrony_up{host="local"} 0.0' in text
    assert f"{OURS}run_complete 0.0" in text


def test_metrics_that_cannot_be_written_are_an_error_after_the_work(folder: Path) -> None:
    def unplug(run: Run) -> None:
        good(run)
        (folder / "gone").rmdir()

    (folder / "gone").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "status", unplug)
        with pytest.raises(NotRecorded, match=r"the work on the hosts is over, and --metrics .*/gone/m: cannot be"):
            run_with(metrics=folder / "gone/m")


def test_an_error_of_the_metrics_is_in_the_report(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_whole", full)
    with pytest.raises(NotRecorded, match="No space left on device"):
        run_with(metrics=folder / "m", json=folder / "j")
    document = json.loads((folder / "j").read_text())
    assert (document["exit_status"], len(document["hosts"])) == (1, 1)
    assert document["error"].endswith("--metrics " + str(folder / "m") + ": cannot be written: No space left on device")


def test_the_metrics_and_a_report_need_files_of_their_own(folder: Path) -> None:
    (folder / "link").symlink_to("m")
    with pytest.raises(UsageError, match=r"^--metrics .*/m: --json is written there, too; name another file$"):
        run_with(metrics=folder / "m", json=folder / "link", junit=folder / "x")
    assert not (folder / "m").exists()
    assert "name another file" in (folder / "x").read_text()


def test_a_plugin_prints_its_output_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_with(nagios=True) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("CHRONY OK - local: reference 198.51.100.7, ")
    assert (captured.out.count("\n"), captured.err) == (1, "")


@pytest.mark.parametrize(("operation", "state"), [(bad, 2), (broken, 2)])
def test_a_plugin_ends_with_its_own_status(
    operation: object, state: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "status", operation)
    assert run_with(nagios=True) == state
    assert capsys.readouterr().out.startswith("CHRONY CRITICAL - local: ")


def test_a_plugin_that_cannot_ask_says_that_nothing_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_with(nagios=True, host=()) == 3
    assert capsys.readouterr().out.startswith("CHRONY UNKNOWN - no host; say --host NAME")


@pytest.mark.parametrize(
    ("error", "words"),
    [(OSError(24, "Too many open files"), "Too many open files"), (KeyError("x"), "internal error: KeyError; without")],
)
def test_a_plugin_that_ends_with_a_bug_is_no_warning(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(module, "_ask", fail)
    assert run_with(nagios=True) == 3
    out = capsys.readouterr().out
    assert (out.startswith("CHRONY UNKNOWN - "), words in out) == (True, True), out


def test_output_without_a_reader_ends_the_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(*_: object) -> None:
        raise OutputUnread("nobody reads the output")

    monkeypatch.setattr(module, "_ask", unread)
    with pytest.raises(OutputUnread):
        run_with(nagios=True)


def test_all_three_documents_agree(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_with(nagios=True, metrics=folder / "m", json=folder / "j") == 0
    (host,) = json.loads((folder / "j").read_text())["hosts"]
    assert host["status"]["clock"]["stratum"] == 2
    assert 'chrony_tracking_stratum{host="local"} 2.0' in (folder / "m").read_text()
    assert "stratum=2;;;0" in capsys.readouterr().out


def test_one_document_alone_can_have_standard_output(folder: Path) -> None:
    with pytest.raises(UsageError, match="--json - and --metrics -: only one of them can have standard output"):
        run_with(json=Path("-"), metrics=Path("-"))
    assert run_with(json=Path("-"), nagios=True) == 3
    assert run_with(json=folder / "j", metrics=Path("-"), nagios=True) == 3
    assert "--metrics - and --nagios" in json.loads((folder / "j").read_text())["error"]


def test_junit_and_markdown_tell_the_state_as_json_does(folder: Path) -> None:
    assert run_with(junit=folder / "x", markdown=folder / "d", json=folder / "j") == 0
    assert "reference   198.51.100.7, stratum 2, leap normal" in (folder / "x").read_text()
    assert "exit status 0" in (folder / "d").read_text()
    with pytest.raises(UsageError, match="--junit - and --markdown -: only one of them"):
        run_with(junit=Path("-"), markdown=Path("-"), json=folder / "j")
    assert "--junit - and --markdown -" in json.loads((folder / "j").read_text())["error"]


@pytest.mark.parametrize("options", [{"metrics": Path("m")}, {"nagios": True}], ids=["metrics", "nagios"])
def test_a_watch_that_is_refused_replaces_the_reports_of_an_earlier_command(
    folder: Path, options: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_with(json=folder / "j", junit=folder / "x") == 0
    why = "--watch shows a table; leave it out for --metrics and --nagios"
    if options.get("nagios"):
        assert run_with(watch=5, json=folder / "j", junit=folder / "x", **options) == 3
        assert capsys.readouterr().out.endswith(f"CHRONY UNKNOWN - {why}\n")
    else:
        with pytest.raises(UsageError, match=why):
            run_with(watch=5, json=folder / "j", junit=folder / "x", **options)
    document = json.loads((folder / "j").read_text())
    assert (document["error"], document["exit_status"], document["hosts"]) == (why, 2, [])
    assert why in (folder / "x").read_text()
    assert not (folder / "m").exists()


def test_a_watch_that_the_command_refuses_replaces_the_reports_of_an_earlier_command(folder: Path) -> None:
    assert run_with(json=folder / "j") == 0
    with pytest.raises(UsageError, match="leave --scheduler out"):
        run_with(watch=5, json=folder / "j", scheduler="tls://dask1:8786")
    document = json.loads((folder / "j").read_text())
    assert (document["exit_status"], document["hosts"]) == (2, [])
    assert "leave --scheduler out" in document["error"]


def test_a_closed_standard_output_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.__stdout__", None)
    with pytest.raises(UsageError, match="standard output is closed"):
        run_with(metrics=Path("-"))


def test_a_bad_command_line_is_an_unknown_state(tmp_path: Path) -> None:
    done = installed("status", "--nagios", "--parallel=0", folder=tmp_path)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == "CHRONY UNKNOWN - --parallel 0: expected a number of hosts from 1 to 1000\n"
