"""The report of a command line that is refused before its task runs."""

import json
from pathlib import Path

import pytest

from tests.helpers.command_reports import checked_junit
from tests.helpers.prestarted import installed
from tests.helpers.report_schema import checked


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["rollback", "--json", "r.json"], id="no host"),
        pytest.param(["uninstall", "--json=r.json", "--limit=a"], id="a limit and no host"),
        pytest.param(["verify", "--parallel", "0", "--json", "r.json"], id="an option before the report"),
        pytest.param(["verify", "--json=r.json", "--parallel=0"], id="an option behind the report"),
        pytest.param(["deploy", "--json", "r.json", "--hots", "a"], id="a misspelt option"),
        pytest.param(["status", "--json", "r.json", "--site"], id="no value"),
        pytest.param(["plan", "--json", "r.json", "ntp1"], id="a lone name"),
        pytest.param(["--dry", "deploy", "--json", "r.json"], id="an option of Invoke"),
        pytest.param(["-f", "no.yaml", "history", "--json", "r.json"], id="no configuration of Invoke"),
        pytest.param(["deploy", "--json", "r.json", "--bundle=."], id="a folder in place of a file"),
    ],
)
def test_a_refused_command_line_replaces_the_report_of_an_earlier_one(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("old")
    done = installed(*words, folder=tmp_path)
    document = checked(json.loads((tmp_path / "r.json").read_text()))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {document['error']}\n"
    assert (document["exit_status"], document["hosts"]) == (2, [])
    assert document["command"] in words


@pytest.mark.parametrize("task", ["plan", "deploy", "verify", "build", "rollback", "uninstall"])
def test_a_file_of_each_format_is_replaced(task: str, tmp_path: Path) -> None:
    for name in ("r.xml", "r.md"):
        (tmp_path / name).write_text("old")
    done = installed(task, "--junit=r.xml", "--parallel=0", "--markdown", "r.md", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (error,) = checked_junit((tmp_path / "r.xml").read_text()).iter("error")
    assert done.stderr == f"error: {error.get('message')}\n"
    text = (tmp_path / "r.md").read_text()
    assert text.startswith(f"### chrony-provision {task}\n\nexit status 2, began ")
    assert "**error**: <code>--parallel 0&#58; " in text


def test_a_setting_of_invoke_that_is_refused_replaces_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOKE_RUN_DRY", "1")
    (tmp_path / "r.json").write_text("old")
    done = installed("plan", "--host=a", "--json=r.json", "--markdown=r.md", folder=tmp_path)
    assert done.returncode == 2
    assert "run.dry has no effect" in (tmp_path / "r.md").read_text()
    assert "run.dry has no effect" in checked(json.loads((tmp_path / "r.json").read_text()))["error"]


def test_standard_output_gets_the_report_of_a_refused_command_line(tmp_path: Path) -> None:
    done = installed("verify", "--json", "-", "--parallel=0", folder=tmp_path)
    assert done.returncode == 2
    assert checked(json.loads(done.stdout))["error"].startswith("--parallel 0: ")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["site", "--json", "r.json"], id="a task without it"),
        pytest.param(["history", "--junit", "r.xml"], id="a task without JUnit"),
        pytest.param(["verify", "--json", "--host"], id="no path"),
        pytest.param(["verify", "--parallel=0", "--json", "no/r.json"], id="a folder that is not there"),
        pytest.param(["verify", "--parallel=0", "--markdown", "no/r.md"], id="no folder for the summary"),
    ],
)
def test_nothing_else_is_written(words: list[str], tmp_path: Path) -> None:
    done = installed(*words, folder=tmp_path)
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []
