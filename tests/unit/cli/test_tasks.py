"""The command line, as its user runs it: what it lists, what it explains, and how bad input ends."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tasks
from tests.helpers import booted_hosts, prestarted
from tests.helpers.booted_hosts import ROOT
from tests.helpers.prestarted import inv

TASKS = [
    "access",
    "build",
    "bundle",
    "deploy",
    "fetch",
    "history",
    "import",
    "plan",
    "releases",
    "report",
    "rollback",
    "site",
    "status",
    "trace",
    "uninstall",
    "verify",
]
KEYS = ["keys.add", "keys.export", "keys.lint", "keys.list", "keys.retire", "keys.rotate", "keys.rotate-nts"]
SANDBOX = ["sandbox.down", "sandbox.list", "sandbox.up"]
DEVELOPERS = ["bench", "check", "docs", "reach", "reliability", "test"]
INSTALLED = "from provision.cli.tasks import main; main()"


NAMESPACE = {name: tasks.namespace[name] for name in tasks.namespace.task_names}
"""Every task by the name that one types."""
# Once: Invoke takes the help from the task when it makes its options.
OPTIONS = {name: task.get_arguments() for name, task in NAMESPACE.items()}


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of an operator who has nothing yet."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}


def installed(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the installed command from a folder of somebody's."""
    return subprocess.run(
        [sys.executable, "-c", INSTALLED, *words],
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def listed(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line[2] != " "]


def test_inv_lists_every_task_with_a_sentence() -> None:
    done = booted_hosts.inv("--list")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(listed(done.stdout)) == sorted([*TASKS, *KEYS, *SANDBOX, *DEVELOPERS])
    assert sorted(NAMESPACE) == sorted(listed(done.stdout))


@pytest.mark.parametrize(("forbidden", "kept"), [("", True), ("1", False)], ids=["allowed", "forbidden"])
def test_what_python_compiled_is_kept_unless_the_user_forbids_it(
    forbidden: str,
    kept: bool,  # noqa: FBT001 -- of a case
    tmp_path: Path,
) -> None:
    booted_hosts.inv(
        "releases", "--offline", env={"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": forbidden}
    )
    assert bool(list(tmp_path.rglob("provision/chrony/releases.*.pyc"))) is kept


def test_the_installed_command_lists_the_products_tasks_from_any_folder(tmp_path: Path) -> None:
    done = installed("--list", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(listed(done.stdout)) == sorted([*TASKS, *KEYS, *SANDBOX])


def test_the_installed_command_tells_its_version(tmp_path: Path) -> None:
    assert installed("--version", folder=tmp_path).stdout.startswith("chrony-provision 0.")


@pytest.mark.parametrize("name", NAMESPACE)
def test_a_task_explains_itself_and_each_of_its_options(name: str) -> None:
    assert str(NAMESPACE[name].__doc__).strip().endswith(".")
    assert [option.name for option in OPTIONS[name] if not option.help] == []
    # A short flag would be taken from the next option that begins with the same letter.
    assert all(len(flag) > 1 for option in OPTIONS[name] for flag in option.names)


VALUES: dict[object, str] = {bool: "", int: "=INT"}
"""The word for the value of an option in the help, by type; for texts and lists of them it is =STRING."""


@pytest.mark.parametrize("name", ["deploy", "sandbox.up", "sandbox.down"])
def test_help_is_printed_with_the_value_of_each_option(name: str) -> None:
    done = inv("--help", name)
    assert (done.returncode, done.stderr) == (0, "")
    # Without blanks: lines may also end behind a hyphen.
    text = "".join(done.stdout.split())
    for option in OPTIONS[name]:
        flag = f"--{str(option.name).replace('_', '-')}"
        assert "".join(f"{flag}{VALUES.get(option.kind, '=STRING')}{option.help}".split()) in text


@pytest.mark.parametrize("name", ["keys.lint", "keys.export", "keys.retire", "bundle", "access"])
def test_help_of_a_task_with_an_argument_can_follow_its_name(name: str, tmp_path: Path) -> None:
    done = prestarted.installed(name, "--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    usage, _, text = done.stdout.partition("\n")
    assert f" {name} [--options]" in usage
    # Invoke breaks a line also behind a hyphen.
    text = re.sub(r"-\n\s+", "-", text)
    for option in OPTIONS[name]:
        # Lines may also end behind a hyphen.
        assert "".join(str(option.help).split()) in "".join(text.split())
    assert list(tmp_path.iterdir()) == []


BAD = [
    pytest.param(["deploy"], "error: no host; say --host NAME, --host local or --host sandbox", id="no host"),
    pytest.param(["plan"], "error: no host; say --host NAME, --host local or --host sandbox", id="plan without a host"),
    pytest.param(
        ["deploy", "--host=a b"], "error: --host 'a b': not a host; say name, user@name:port,", id="bad target"
    ),
    pytest.param(["verify", "--host=a:0"], "error: --host 'a:0': port 0 is not between 1 and 65535", id="bad port"),
    pytest.param(
        ["deploy", "--host=ntp1", "--site=no.toml"], "error: no.toml: cannot be read: No such file", id="no site"
    ),
    pytest.param(["deploy", "--host=ntp1", "--site=README.md"], "error: README.md: is not TOML: ", id="bad site"),
    pytest.param(
        ["deploy", "--host=ntp1", "--chrony=4.8", "--nettle=4.0"],
        "error: release.nettle: chrony 4.8 does not compile with Nettle 4.0",
        id="versions that do not fit",
    ),
    pytest.param(["fetch", "--nettle=3.4.1"], "error: release.nettle: Nettle 3.4.1 has no AES-CMAC", id="no CMAC"),
    pytest.param(
        ["fetch", "--sources=nowhere"],
        "error: --sources nowhere: cannot be used: No such file or directory",
        id="no folder",
    ),
    pytest.param(
        ["deploy", "--parallel=x", "--site=no.toml"],
        "error: --parallel x: expected a number of hosts from 1 to 1000",
        id="a bad number is refused before the site is read",
    ),
    pytest.param(
        ["verify", "--chrony=four", "--site=no.toml"],
        "error: --chrony: 'four' is not a version such as '4.9'",
        id="a bad version is refused before the site is read",
    ),
    pytest.param(
        ["plan", "--sources=nowhere", "--site=no.toml"],
        "error: --sources nowhere: cannot be used: No such file or directory",
        id="a bad folder is refused before the site is read",
    ),
    pytest.param(
        ["status", "--scheduler=dask1", "--site=no.toml"],
        "error: --scheduler dask1: not an address; say tls://name:8786",
        id="a bad scheduler is refused before the site is read",
    ),
    pytest.param(
        ["keys.rotate", "--overlap=soon", "--site=no.toml"],
        "error: --overlap soon: expected a number of days from 0 to 3650",
        id="a bad overlap is refused before the site is read",
    ),
    pytest.param(
        ["uninstall", "--site=no.toml", "--limit=clients"],
        "error: no host; name the hosts or groups with --host NAME; --limit and --exclude only take some of them away",
        id="a limit and no named host",
    ),
    pytest.param(["report", "--host=ntp1"], "error: say --html FILE, the page to write", id="a report without a file"),
    pytest.param(
        ["report", "--html=page.html", "--earlier=pyproject.toml"],
        "error: --earlier pyproject.toml: no report of inv status --json: ",
        id="an earlier report that is none",
    ),
    pytest.param(
        ["rollback", "--site=no.toml"], "error: no host; say --host NAME", id="no named host, before the site is read"
    ),
    *(
        pytest.param(
            [task, "--host=sandbox:unit-typo"],
            "error: there is no sandbox unit-typo (there are: ",
            id=f"{task} of none",
        )
        for task in ("plan", "verify", "status", "history", "rollback", "uninstall")
    ),
    pytest.param(
        ["deploy", "--host=local", "--host=sandbox:NC_1"],
        "error: --host 'sandbox:NC_1': not a sandbox; say sandbox, or sandbox:NAME with a to z, ",
        id="bad sandbox among the hosts",
    ),
    pytest.param(["status", "--host=sandbox:"], "error: --host 'sandbox:': not a sandbox; say sandbox,", id="no name"),
    pytest.param(["sandbox.up", "--name=No!"], "error: sandbox name 'No!': use a to z", id="bad sandbox name"),
    pytest.param(
        ["sandbox.up", "--name=no-such", "--clock=3 hours ahead"],
        "error: --clock is for a virtual machine, and other sandboxes have this machine's clock: say --vm",
        id="a clock of its own without a machine of its own",
    ),
    pytest.param(
        ["sandbox.up", "--vm", "--suite=trixie"],
        "error: sandbox vm: there is no virtual machine of Debian trixie; choose one of bookworm, ",
        id="virtual machine of another suite",
    ),
    pytest.param(
        ["sandbox.down", "--name=no-such"], "error: there is no sandbox 'no-such' (there are: ", id="no sandbox"
    ),
]


@pytest.mark.parametrize(("words", "error"), BAD)
def test_bad_input_ends_in_one_line_before_any_host(words: list[str], error: str, home: dict[str, str]) -> None:
    if words[0].startswith("sandbox") and os.geteuid() != 0:
        pytest.skip("needs root to say anything else")
    done = inv(*words, env=home)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(error)
    assert done.stderr.count("\n") == 1
    assert not Path(home["XDG_CONFIG_HOME"]).exists()
    assert not Path(home["XDG_STATE_HOME"]).exists()


def test_without_sandboxes_that_is_said(home: dict[str, str], tmp_path: Path) -> None:
    done = inv("sandbox.list", env={**home, "XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert (done.returncode, done.stdout, done.stderr) == (0, "no sandboxes\n", "")


def test_a_host_that_cannot_be_found_is_not_tried(home: dict[str, str], tmp_path: Path) -> None:
    done = inv("build", "--host=nosuchhost.invalid", f"--json={tmp_path}/report.json", env=home)
    assert (done.returncode, done.stderr) == (2, "")
    first, failed, log, last = done.stdout.splitlines()
    assert first == "nosuchhost.invalid"
    assert failed.startswith("  error        nosuchhost.invalid: cannot resolve nosuchhost.invalid: ")
    assert log.startswith(f"  log          {tmp_path}/state/")
    assert last.startswith("  not tried (0 round trips, ")
    assert '"tried": false' in (tmp_path / "report.json").read_text()


def test_every_host_is_reported_even_if_one_cannot_be_found(home: dict[str, str]) -> None:
    done = inv("verify", "--host=a.invalid", "--host=b.invalid", env=home)
    assert done.returncode == 2
    failed = [line.split()[0] for line in done.stdout.splitlines() if "  error  " in line]
    assert sorted(failed) == ["a.invalid", "b.invalid"]
    assert "2 hosts: 2 not tried; nothing changed" in done.stdout
    assert "  2 hosts (" in done.stdout
    assert "): cannot resolve the host: " in done.stdout


def test_a_log_that_cannot_be_written_does_not_hide_what_went_wrong(home: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    done = inv("build", "--host=nosuchhost.invalid", env=home)
    assert done.returncode == 2
    assert "cannot resolve nosuchhost.invalid" in done.stdout
    assert done.stderr == ""


def test_releases_are_listed_without_asking_anybody() -> None:
    done = inv("releases", "--offline")
    assert done.stdout == (
        "chrony  pinned: 4.0 4.1 4.2 4.3 4.4 4.5 4.6 4.6.1 4.7 4.8 4.9*  (* default)\n"
        "nettle  pinned: 3.5.1 3.6 3.7 3.7.1 3.7.2 3.7.3 3.8 3.8.1 3.9.1 3.10 3.10.1 3.10.2* 4.0  (* default)\n"
    )
