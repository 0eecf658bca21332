"""Running lines: quoting, streaming, prompts. Real processes on this machine; SSH shares the runner."""
# ruff: noqa: FBT001, S106 -- a parameter of a case; passwords of no use

import os
import socket
import stat
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.common.errors import CommandFailed, HostUnreachable
from provision.host.transport import SUDO_PROMPT, WRONG_PASSWORD, Limit, Output
from provision.host.transport.local import Child, LocalTransport
from provision.host.transport.runner import LONGEST_LINE, LineWatch
from provision.host.transport.ssh import with_zone
from tests.helpers import sudo

LOCAL = LocalTransport()
KILLED = "the command was killed by signal"

RUN = [
    pytest.param("true", Output(0, "", ""), id="nothing"),
    pytest.param("echo out; echo err >&2; exit 3", Output(3, "out\n", "err\n"), id="streams apart, and the status"),
    pytest.param("printf 'no newline'", Output(0, "no newline", ""), id="no newline"),
    pytest.param("printf 'Schl\\303\\274ssel\\n'", Output(0, "Schlüssel\n", ""), id="UTF-8"),
    pytest.param("echo $0", Output(0, "/bin/sh\n", ""), id="sh"),
    pytest.param("nosuchcommand 2>/dev/null", Output(127, "", ""), id="no such command"),
    pytest.param(
        "kill -9 $$", Output(-9, "", "the command was killed by signal KILL (is memory short?)\n"), id="killed"
    ),
    pytest.param("kill -40 $$", Output(-40, "", f"{KILLED} 40\n"), id="a signal without a name"),
]


@pytest.mark.parametrize(("line", "output"), RUN)
def test_a_line_runs(line: str, output: Output) -> None:
    assert LOCAL.execute(line) == output


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert LOCAL.execute("printf 'a\\377b'").stdout.startswith("a")


@settings(max_examples=20)
@given(st.text(st.characters(blacklist_characters="\x00\r", blacklist_categories=["Cs"]), max_size=30))
def test_what_is_quoted_arrives(text: str) -> None:
    assert LOCAL.execute(f"printf %s {quote(text)}").stdout == text


def test_much_output_arrives_whole() -> None:
    output = LOCAL.execute("yes 0123456789 | head -n 100000; yes err | head -n 20000 >&2")
    assert (len(output.stdout), len(output.stderr)) == (1_100_000, 80_000)


def test_lines_are_seen_as_they_come_and_kept(tmp_path: Path) -> None:
    seen: list[str] = []

    def watch(line: str) -> None:
        seen.append(line)
        (tmp_path / line).touch()

    # The command goes on when its first line was seen, or prints something else.
    went_on = f"for i in $(seq 600); do [ -e {tmp_path}/one ] && break; sleep 0.05; done; [ -e {tmp_path}/one ]"
    command = f"echo one; echo err >&2; {went_on} && printf tw; sleep 0.1; echo o; printf rest"
    output = LOCAL.execute(command, watch=watch)
    assert output == Output(0, "one\ntwo\nrest", "err\n")
    assert seen == ["one", "two"]


def test_lines_are_whole_for_any_cut_of_the_output() -> None:
    seen: list[str] = []
    watch = LineWatch(seen.append)
    for piece in ("a", "b\nc", "", "\n\nd\n", "e"):
        assert watch.write(piece) == len(piece)
    assert seen == ["ab", "c", "", "d"]


@pytest.mark.parametrize("watched", [False, True])
def test_a_password_answers_sudos_prompt_and_is_nowhere(
    watched: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sudo.install(tmp_path, monkeypatch, password="correct-horse")
    seen: list[str] = []
    line = f"sudo -S -p {quote(SUDO_PROMPT)} sh -c 'echo $AS_ROOT; echo err >&2; ps -o args= -p $$'"
    output = LOCAL.execute(line, password="correct-horse", watch=seen.append if watched else None)
    assert (output.status, output.stderr) == (0, "err\n")
    assert output.stdout.startswith("yes\n")
    assert "correct-horse" not in output.stdout
    assert bool(seen) == watched


def test_only_the_expected_prompt_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sudo.install(tmp_path, monkeypatch, password="correct-horse")
    output = LOCAL.execute("timeout 0.5 sudo -S true", password="correct-horse")
    assert (output.status, output.stderr) == (124, "Password: ")


def test_a_password_answers_one_prompt_of_both_streams(tmp_path: Path) -> None:
    prompt = f"printf %s {quote(SUDO_PROMPT)}"
    line = f"{prompt} >&2; read -r one; {prompt}; read -r two && echo $two >{tmp_path}/two"
    assert LOCAL.execute(line, password="secret") == Output(1, "", WRONG_PASSWORD)
    assert not (tmp_path / "two").exists()


ENDLESS = [
    pytest.param("sleep 60", "it did not end within 0.3 s", id="it waits for ever"),
    pytest.param("while :; do echo x; sleep 0.05; done", "it did not end within 0.3 s", id="it drips for ever"),
    pytest.param("sleep 60 & exit 0", "it did not end within 0.3 s", id="its child keeps the output open"),
    pytest.param("yes", "it printed more than 100000 bytes", id="it prints for ever"),
    pytest.param("yes >&2", "it printed more than 100000 bytes", id="its errors never end"),
    pytest.param("cat /dev/zero", "it printed more than 100000 bytes", id="a line that never ends"),
]


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize(("line", "why"), ENDLESS)
def test_a_line_is_given_up_at_its_limit(line: str, why: str, watched: bool) -> None:
    limit = Limit(seconds=0.3 if "within" in why else 60, most_bytes=100_000)
    begun = time.monotonic()
    with pytest.raises(HostUnreachable, match=f"^local: a command was stopped: {why}$"):
        LOCAL.execute(line, limit=limit, watch=print if watched else None)
    assert time.monotonic() - begun < 20


def test_output_that_is_not_kept_needs_no_memory() -> None:
    limit = Limit(seconds=60, most_bytes=1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(HostUnreachable):
            LOCAL.execute("head -c 3000000000 /dev/zero", limit=limit)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def test_a_change_may_take_as_long_as_it_says_something() -> None:
    talking = Limit(seconds=1, most_bytes=100_000, of_silence=True)
    assert LOCAL.execute("for i in $(seq 15); do echo $i; sleep 0.1; done", limit=talking).status == 0
    with pytest.raises(HostUnreachable, match="it printed nothing for 1 s"):
        LOCAL.execute("echo begun; sleep 60", limit=talking)


def test_a_character_may_lie_in_two_pieces() -> None:
    text = LOCAL.execute("printf 'x'; yes \u00fc | head -n 100000").stdout
    assert set(text) == {"x", "\u00fc", "\n"}


def test_of_a_long_line_only_the_beginning_is_kept() -> None:
    seen: list[str] = []
    watch = LineWatch(seen.append)
    for _ in range(10_000):
        watch.write("0123456789")
    assert sum(map(len, watch._begun)) == LONGEST_LINE
    watch.write("\nnext\n")
    assert [len(line) for line in seen] == [LONGEST_LINE, 4]


WORDS = [
    pytest.param(Output(1, "a\nb\n", "c\nd\n"), "d", id="errors are last"),
    pytest.param(Output(1, "a\nb\n\n", " \n"), "b", id="the last that says something"),
    pytest.param(Output(1, "\x1b]0;x\x07\tb"), "\\x1b]0;x\\x07\\tb", id="controls of a terminal"),
    pytest.param(Output(1, "", "\x1b" * 1000), "\\x1b" * 74 + "\\...", id="a line that is too long"),
    pytest.param(Output(1, "", ""), "(it printed nothing)", id="nothing"),
]


@pytest.mark.parametrize(("output", "words"), WORDS)
def test_last_words(output: Output, words: str) -> None:
    assert output.last_words == words


def test_an_upload_is_a_new_private_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        LOCAL.upload(b"\x00\xff", str(tmp_path / "new"))
    finally:
        os.umask(before)
    assert (tmp_path / "new").read_bytes() == b"\x00\xff"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


@pytest.mark.parametrize(("name", "why"), [("there", "File exists"), ("no/folder", "No such file or directory")])
def test_an_upload_replaces_nothing(name: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("as it was")
    with pytest.raises(CommandFailed, match=f"^local: cannot write {Path(name).name}: {why}$"):
        LOCAL.upload(b"other", str(tmp_path / name))
    assert (tmp_path / "there").read_text() == "as it was"


def test_a_command_on_this_machine_does_not_inherit_the_password_of_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHRONY_PROVISION_SUDO_PASSWORD", "secret")
    monkeypatch.setenv("OTHER", "kept")
    line = "echo $OTHER ${CHRONY_PROVISION_SUDO_PASSWORD-none}"
    assert LOCAL.execute(line).stdout == "kept none\n"
    assert LOCAL.hold(line).read_line() == "kept none"


def test_a_download_from_this_machine_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    # A writer that writes nothing more, so that the test ends also without the check.
    writer = os.open(tmp_path / "pipe", os.O_RDWR)
    threading.Timer(1, os.close, (writer,)).start()
    with pytest.raises(CommandFailed, match="pipe: not a regular file"):
        LOCAL.download(str(tmp_path / "pipe"))


def test_a_held_line_that_is_killed_names_the_signal() -> None:
    ended = LOCAL.hold("printf err >&2; kill -15 $$").close()
    assert (ended.status, ended.stderr) == (-15, f"err\n{KILLED} TERM\n")


@contextmanager
def child(line: str) -> Iterator[tuple[Child, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        made = Child(("/bin/sh", "-c", line), theirs.fileno())
        theirs.close()
        ours.settimeout(10)
        yield made, ours


def test_all_processes_of_a_proxy_command_are_ended() -> None:
    with child("sleep 60 <&- & sh -c 'trap : TERM; echo ready; while :; do sleep 0.1; done' & wait") as (made, ours):
        assert ours.recv(6) == b"ready\n"
        made.end()
        # The end of the output: no process has it open any more.
        assert ours.recv(6) == b""


def test_a_proxy_command_cannot_ask_on_the_terminal() -> None:
    with child("ps -o sid= -p $$; exec sleep 60") as (made, ours):
        assert int(ours.recv(20)) != os.getsid(0)
        made.end()


def test_of_the_errors_of_a_proxy_command_the_last_are_shown() -> None:
    with child("yes | head -c 200000 >&2; echo the reason >&2; exit 3") as (made, _):
        assert made.failure() == "ended with exit status 3: the reason"
        made.end()


PLACES = [
    pytest.param(("198.51.100.7", 22), "198.51.100.7", id="IPv4"),
    pytest.param(("2001:db8::7", 22, 0, 0), "2001:db8::7", id="IPv6"),
    pytest.param(("fe80::7", 22, 0, 1), "fe80::7%lo", id="of a link, with its zone"),
]


@pytest.mark.parametrize(("place", "address"), PLACES)
def test_an_address_of_a_link_has_its_zone(place: tuple[str | int, ...], address: str) -> None:
    assert with_zone(place) == address
