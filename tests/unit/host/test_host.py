"""A host: how lines become root's, what an error says, and how a file gets to its place. Real processes, no SSH."""
# ruff: noqa: ARG002, S106 -- fakes have the signature of what they stand for; passwords of no use

import os
import shutil
import stat
import subprocess
from pathlib import Path
from shlex import quote

import pytest

from provision.common.errors import CommandFailed, HostUnreachable, PasswordRefused
from provision.host import host as host_module
from provision.host.host import Become, Host, as_root, in_sh
from provision.host.transport import LOOK, SUDO_PROMPT, Limit, Output, Watch
from provision.host.transport.local import LocalTransport
from tests.helpers import sudo
from tests.helpers.claimed_workspace import claimed

LINES = [
    pytest.param("id", Become.IS_ROOT, "", id="root needs no sudo"),
    pytest.param("id", Become.SUDO, "sudo -n ", id="sudo never waits for a password that it need not have"),
    pytest.param(
        "id",
        Become.PASSWORD,
        "env LC_ALL=C sudo -S -p '[chrony-provision: sudo password] ' ",
        id="sudo asks on its stdin",
    ),
    pytest.param("cd /x && ls >log", Become.SUDO, "sudo -n ", id="root owns the whole line"),
]


@pytest.mark.parametrize(("script", "become", "before"), LINES)
def test_a_script_runs_as_root_in_one_line(script: str, become: Become, before: str) -> None:
    assert as_root(script, become) == f"{before}{in_sh(script)}"


SCRIPTS = [
    pytest.param("echo 'a b' \"it's\"", id="quotes"),
    pytest.param("echo 1\necho 2\n\n", id="lines"),
    pytest.param(r"printf '%s\n' 'x\y' \$HOME '\'", id="backslashes"),
    pytest.param("if ! false; then echo 'stop!now' !$ '#' ~; fi", id="a history of nobody's"),
    pytest.param('[ $# = 0 ] && echo "<$*>"', id="no arguments of its own"),
    pytest.param(f"echo {'x ' * 3000}; exit 37", id="long"),
    pytest.param("", id="nothing"),
]


@pytest.mark.parametrize("shell", ["sh", "dash", "bash", "ksh", "zsh", "fish", "bsd-csh", "tcsh"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_means_the_same_behind_any_login_shell(script: str, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    plain = subprocess.run(["sh", "-c", script], check=False, capture_output=True)
    behind = subprocess.run([shell, "-c", in_sh(script)], check=False, capture_output=True)
    assert (behind.returncode, behind.stdout, behind.stderr) == (plain.returncode, plain.stdout, plain.stderr)


@pytest.fixture
def host() -> Host:
    return Host(LocalTransport())


def test_what_a_look_printed_is_the_answer(host: Host) -> None:
    assert host.ask("echo \"it's\"; echo '$HOME'; printf 'a\\tb'") == "it's\n$HOME\na\tb"
    assert host.trips == 1


FAILED = [
    pytest.param("echo out; echo 'no such thing' >&2; exit 3", "(exit status 3): no such thing", id="errors go first"),
    pytest.param("echo out; exit 1", "(exit status 1): out", id="else the last line of output"),
    pytest.param("exit 127", "(exit status 127): (it printed nothing)", id="nothing"),
    pytest.param(
        "echo a >&2; echo b >&2; echo ' ' >&2; exit 1", "(exit status 1): b", id="the last that says something"
    ),
]


@pytest.mark.parametrize(("script", "words"), FAILED)
def test_a_look_that_fails_could_not_tell(host: Host, script: str, words: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        host.ask(script)
    assert str(caught.value) == f"local: query failed {words}"


@pytest.mark.parametrize(("script", "words"), FAILED)
def test_a_change_that_fails_is_named(host: Host, script: str, words: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        host.run("tidying", script)
    assert str(caught.value) == f"local: tidying failed {words}"


def test_a_change_is_logged_whole_and_seen_live() -> None:
    log: list[str] = []
    live: list[str] = []
    host = Host(LocalTransport(), log=log.append, progress=live.append)
    assert host.run("counting", "echo one; echo two; echo hm >&2") == "one\ntwo\n"
    assert log == ["--- counting", "one", "two", "hm"]
    assert live == ["one", "two"]


def test_what_a_look_prints_is_not_logged(host: Host) -> None:
    log: list[str] = []
    host.log = log.append
    host.ask("echo it may be a secret")
    assert log == []


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to root")
def test_a_file_gets_to_its_place_with_mode_and_owner(tmp_path: Path) -> None:
    place = tmp_path / "it's here"
    place.symlink_to(tmp_path / "elsewhere")
    with claimed(tmp_path / "opt") as host:
        host.write(str(place), b"\x00\xff text\n", mode="0640", group="adm")
        assert list(Path(host.my_workspace.folder, "uploads").iterdir()) == []
    assert place.read_bytes() == b"\x00\xff text\n"
    assert not place.is_symlink()
    assert (stat.S_IMODE(place.stat().st_mode), place.stat().st_uid, place.group()) == (0o640, 0, "adm")
    assert {file.name for file in tmp_path.iterdir()} == {place.name, "opt"}


def test_sudo_without_a_password_runs_the_whole_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sudo.install(tmp_path, monkeypatch, password="")
    host = Host(LocalTransport(), become=Become.SUDO)
    assert host.ask("echo $AS_ROOT; echo $AS_ROOT") == "yes\nyes\n"
    assert host.ask("echo ${AS_ROOT-no}", root=False) == "no\n"


def test_sudo_with_a_password_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sudo.install(tmp_path, monkeypatch, password="correct horse '\"$x")
    host = Host(LocalTransport(), become=Become.PASSWORD, password="correct horse '\"$x")
    assert host.ask("echo $AS_ROOT") == "yes\n"
    assert "correct" not in repr(host)


def test_the_password_is_for_sudo_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sudo.install(tmp_path, monkeypatch, password="correct horse")
    host = Host(LocalTransport(), become=Become.PASSWORD, password="correct horse")
    trap = f"printf '%s' '{SUDO_PROMPT}' >&2; read -r answer; echo \"<$answer>\""
    assert host.ask(f"timeout 5 sh -c {quote(trap)}", root=False) == "<>\n"


def test_a_command_that_reads_its_input_gets_the_end_of_it() -> None:
    assert Host(LocalTransport()).ask("timeout 5 cat; echo $?") == "0\n"


REFUSALS = [
    pytest.param(
        Become.PASSWORD,
        "wrong",
        "sudo refused the password; run it again with the right one, or allow sudo without",
        id="wrong password",
    ),
    pytest.param(
        Become.SUDO,
        None,
        "sudo: a password is required; log in as root, or allow sudo",
        id="a password that we do not have",
    ),
]


@pytest.mark.parametrize(("become", "password", "words"), REFUSALS)
def test_a_refusal_by_sudo_is_no_answer(
    become: Become, password: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sudo.install(tmp_path, monkeypatch, password="correct horse")
    host = Host(LocalTransport(), become=become, password=password)
    with pytest.raises(HostUnreachable) as caught:
        host.ask("echo $AS_ROOT")
    assert str(caught.value) == f"local: no right to become root: {words}"


def test_a_sudo_that_asks_only_once_refuses_the_password_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sudo.install(tmp_path, monkeypatch, password="correct horse")
    monkeypatch.setenv("TRIES", "1")
    with pytest.raises(PasswordRefused):
        Host(LocalTransport(), become=Become.PASSWORD, password="wrong").ask("true")


WRONG = "sudo: Maximum 1 incorrect authentication attempts"
"""As sudo-rs says it."""
NO_REFUSALS = [
    pytest.param(Output(0, "", WRONG), id="it has run"),
    pytest.param(Output(1, "x", WRONG), id="it has run, and failed"),
    pytest.param(Output(1, "", "ntp is not in the sudoers file."), id="the password was right"),
]


def test_sudo_rs_has_words_of_its_own() -> None:
    assert host_module._is_wrong_password(Output(1, "", WRONG))


@pytest.mark.parametrize("output", NO_REFUSALS)
def test_no_other_failure_is_a_wrong_password(output: Output) -> None:
    assert not host_module._is_wrong_password(output)


SAID_BY_SUDO = [
    "sudo: a password is required",
    "ntp is not in the sudoers file.",
    "Sorry, user ntp is not allowed to execute '/bin/sh' as root on ntp1.",
    "sudo: account validation failure, is your account locked?",
]


class Says(LocalTransport):
    """A sudo that refuses in these words."""

    def __init__(self, *outputs: Output) -> None:
        self._outputs = iter(outputs)

    def execute(
        self, line: str, *, password: str | None = None, watch: Watch | None = None, limit: Limit = LOOK
    ) -> Output:
        return next(self._outputs)


@pytest.mark.parametrize("words", SAID_BY_SUDO)
def test_every_message_of_sudo_is_understood(words: str) -> None:
    with pytest.raises(HostUnreachable, match="no right to become root"):
        Host(Says(Output(1, "", words)), become=Become.SUDO).ask("true")


def test_an_error_quotes_nothing_of_an_output_that_may_have_keys() -> None:
    host = Host(Says(Output(137, "1 AES128 HEX:00112233445566778899AABBCCDDEEFF", "")))
    with pytest.raises(CommandFailed) as caught:
        host.ask("cat chrony.keys", secret=True)
    assert "exit status 137" in str(caught.value)
    assert "HEX" not in str(caught.value)


OTHERS = [
    pytest.param(Become.SUDO, Output(2, "", "sudo: x"), id="another status"),
    pytest.param(Become.SUDO, Output(1, "something", "sudo: x"), id="a script that had begun"),
    pytest.param(Become.IS_ROOT, Output(1, "", "sudo: x"), id="no sudo was used"),
    pytest.param(Become.SUDO, Output(1, "", "sh: 1: foo: not found"), id="other words"),
]


@pytest.mark.parametrize(("become", "output"), OTHERS)
def test_a_script_that_fails_is_no_refusal(become: Become, output: Output) -> None:
    with pytest.raises(CommandFailed, match="query failed"):
        Host(Says(output), become=become).ask("true")


class Slow(LocalTransport):
    """A host whose answers take these seconds, by a clock of its own; it notes the limit of each."""

    def __init__(self, *answers: float) -> None:
        self._answers = iter(answers)
        self.now = 0.0
        self.limits: list[float] = []

    def execute(
        self, line: str, *, password: str | None = None, watch: Watch | None = None, limit: Limit = LOOK
    ) -> Output:
        self.limits.append(limit.seconds)
        self.now += next(self._answers)
        return Output(0, "")


@pytest.mark.parametrize(
    ("answers", "extra"),
    [
        pytest.param((0.1, 2.9), 0, id="busy for a moment"),
        pytest.param((0.1, 60, 2), 0, id="one answer is late"),
        pytest.param((4, 8.9, 5), 50, id="slow"),
        pytest.param((119,), 120, id="hardly alive"),
    ],
)
def test_a_slow_host_gets_more_time_by_what_it_needed_so_far(
    answers: tuple[float, ...], extra: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(*answers, 0)
    monkeypatch.setattr(host_module, "monotonic", lambda: slow.now)
    host = Host(slow)
    for _ in answers:
        host.ask("true")
    assert host.extra_seconds == extra
    host.ask("true")
    assert (slow.limits[0], slow.limits[-1]) == (LOOK.seconds, LOOK.seconds + extra)


def test_a_host_that_waited_for_an_event_is_not_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(60)
    monkeypatch.setattr(host_module, "monotonic", lambda: slow.now)
    host = Host(slow)
    host.ask("wait for the clock", patience=60)
    assert host.extra_seconds == 0
