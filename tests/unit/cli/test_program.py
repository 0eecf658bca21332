"""The program: usage errors, and options of Invoke that no task can honour."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from invoke.collection import Collection

import tasks
from provision.cli import exits
from provision.cli.option_task import option_task
from provision.cli.options import Options
from provision.cli.program import REFUSED, CommandLine, joined_arguments
from provision.deploy.secrets import Secrets
from provision.host.sudo import PASSWORD_VARIABLE
from tests.helpers.booted_hosts import inv

PRODUCT = sorted(set(tasks.namespace.task_names) - {"bench", "check", "docs", "reach", "reliability", "test"})


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command line that is refused may write a report."""
    monkeypatch.chdir(tmp_path)


def run(*words: str, namespace: Collection = tasks.namespace) -> int:
    """Run a command line in this process, and return its exit status."""
    program = CommandLine(name="inv", binary="inv", version="1", namespace=namespace)
    try:
        program.run(["inv", *words])
    except SystemExit as error:
        assert isinstance(error.code, int)
        return error.code
    return 0


USAGE_ERRORS = [
    pytest.param(
        ["deploy", "--hots", "ntp1"],
        "error: there is no option '--hots'; did you mean --host? (inv --help deploy shows them)",
        id="misspelt option",
    ),
    pytest.param(
        ["deploy", "--zzz"], "error: there is no option '--zzz' (inv --help deploy shows them)", id="no such option"
    ),
    pytest.param(
        ["keys.ad"], "error: there is no task 'keys.ad'; did you mean keys.add? (inv --list shows them)", id="no task"
    ),
    pytest.param(["--help=nope"], "error: there is no task 'nope' (inv --list shows them)", id="help of no task"),
    pytest.param(["--list=nope"], "error: --list: Sub-collection 'nope' not found!", id="list of no collection"),
    pytest.param(
        ["deploy", "--unit-tests=yes"],
        "error: deploy has no argument 'yes', and there is no task of this name; name a host with --host NAME "
        "(inv --list shows them)",
        id="a flag takes no value",
    ),
    pytest.param(
        ["sandbox.up", "ntp1"],
        "error: sandbox.up has no argument 'ntp1', and there is no task of this name; name a sandbox with --name NAME "
        "(inv --list shows them)",
        id="a name without its option",
    ),
    pytest.param(
        ["fetch", "nettle"],
        "error: fetch has no argument 'nettle', and there is no task of this name (inv --list shows them)",
        id="a task without names",
    ),
    pytest.param(["plan", "--host"], "error: --host needs a value", id="no value at the end"),
    pytest.param(["plan", "--host", "--json", "r.json"], "error: --host needs a value", id="no value before an option"),
    pytest.param(["plan", "--site"], "error: --site needs a value", id="no value"),
    pytest.param(["plan", "--max-failures"], "error: --max-failures needs a value", id="no value of a long name"),
    pytest.param(
        ["keys.retire"], "error: keys.retire needs 'ids' (inv --help keys.retire shows how)", id="no argument"
    ),
    pytest.param(["--nope"], "error: there is no task '--nope' (inv --list shows them)", id="no option of Invoke"),
    pytest.param(["-f", "/no/such.yaml", "keys"], "error: --config /no/such.yaml: there is no such file", id="config"),
]


@pytest.mark.parametrize(("words", "complaint"), USAGE_ERRORS)
def test_a_usage_error_is_one_line_and_exit_status_2(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    assert capsys.readouterr() == ("", f"{complaint}\n")


def test_a_configuration_file_of_another_kind_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "invoke"
    file.touch()
    assert run("-f", str(file), "keys") == 2
    assert capsys.readouterr().err.startswith("error: --config: Config files of type '' (from file ")


GIVEN = {"command-timeout": ["--command-timeout=5"], "hide": ["--hide=both"]}


@pytest.mark.parametrize("option", REFUSED)
def test_an_option_of_invoke_that_a_task_would_ignore_is_refused(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = GIVEN.get(option, [f"--{option}"])
    assert run(*given, "sandbox.list") == 2
    assert capsys.readouterr() == ("", f"error: --{option} has no effect on sandbox.list: {REFUSED[option]}\n")


@pytest.mark.parametrize("task", PRODUCT)
def test_no_task_runs_with_dry(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = {
        "bundle": ["file"],
        "keys.retire": ["7"],
        "keys.lint": ["file"],
        "keys.export": ["7"],
        "access": ["::1"],
    }.get(task, [])
    assert run(task, *words, "--dry") == 2
    assert "--dry has no effect on" in capsys.readouterr().err


def test_no_task_runs_where_invokes_settings_say_that_nothing_is_to_be_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INVOKE_RUN_DRY", "1")
    assert run("sandbox.list") == 2
    assert "Invoke's setting run.dry has no effect on this task" in capsys.readouterr().err


def test_the_tasks_of_one_command_line_share_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Secrets] = []

    @option_task(Options, "host").with_secrets
    def needs(options: Options, secrets: Secrets) -> None:
        assert options.host
        assert PASSWORD_VARIABLE not in os.environ
        seen.append(secrets)

    @option_task(Options, "host")
    def free(options: Options) -> None:
        assert options == Options()

    monkeypatch.setenv(PASSWORD_VARIABLE, "correct horse")
    namespace = Collection(needs, free)
    assert run("needs", "--host=a", "free", "needs", "--host=b", namespace=namespace) == 0
    first, second = seen
    assert first is second
    assert first.passwords.given == "correct horse"
    assert run("needs", "--host=a", namespace=namespace) == 0
    assert seen[2] is not first
    assert os.environ[PASSWORD_VARIABLE] == "correct horse"


def test_secrets_are_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("keys", "--secrets=x") == 2
    assert "there is no option '--secrets'" in capsys.readouterr().err


def test_inv_itself_ends_like_the_installed_command() -> None:
    done = inv("deploy", "--hots", "ntp1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: there is no option '--hots'; did you mean --host? (inv --help deploy shows them)\n"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (".invoke.yaml", b"a: [\n"),
        (".invoke.yaml", b"\xff\xfe"),
        (".invoke.json", b"[1]"),
        (".invoke.json", b"{"),
        (".invoke.py", b"x = 1 / 0\n"),
    ],
    ids=["yaml", "no text", "a list", "json", "a program that fails"],
)
def test_a_damaged_configuration_of_invoke_is_named(
    name: str, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / name).write_bytes(data)
    assert run("keys") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path / name}: cannot be read (")
    assert line.endswith("; correct or remove it")


JOINED = [
    (["access", "10.0.0.1", "::1"], ["access", "10.0.0.1 ::1"]),
    (["access", "--host", "a", "10.0.0.1", "--host=b", "::1"], ["access", "--host", "a", "10.0.0.1 ::1", "--host=b"]),
    (["access", "10.0.0.1", "::1", "site", "--conf"], ["access", "10.0.0.1 ::1", "site", "--conf"]),
    (["access", "10.0.0.1", "access", "::1", "::2"], ["access", "10.0.0.1", "access", "::1 ::2"]),
    (["access", "10.0.0.1", "--host", "site", "::1"], ["access", "10.0.0.1 ::1", "--host", "site"]),
    (["keys.retire", "7", "9"], ["keys.retire", "7", "9"]),
    (["deploy", "ntp1"], ["deploy", "ntp1"]),
    (["access"], ["access"]),
]


@pytest.mark.parametrize(("words", "joined"), JOINED, ids=[" ".join(words) for words, _ in JOINED])
def test_several_arguments_of_a_task_become_one_word(words: list[str], joined: list[str]) -> None:
    contexts = {str(context.name): context for context in tasks.namespace.to_contexts()}
    assert joined_arguments(words, contexts) == joined


@pytest.fixture
def default_sigterm() -> Iterator[None]:
    """Have SIGTERM end this process, as a command does that is started anew."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("default_sigterm")
def test_sigterm_interrupts_a_command_as_ctrl_c_does() -> None:
    with pytest.raises(KeyboardInterrupt), exits.terminated_as_interrupted():
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("the signal was not delivered")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.usefixtures("default_sigterm")
def test_a_command_that_was_started_to_ignore_sigterm_does() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with exits.terminated_as_interrupted():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
