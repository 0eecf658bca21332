"""Running lines: quoting, streaming, prompts. Real processes on this machine; SSH shares the runner."""
# ruff: noqa: FBT001, S106 -- a parameter of a case; passwords of no use

import os
import stat
from pathlib import Path
from shlex import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.errors import CommandFailed
from provision.transport import SUDO_PROMPT, Output
from provision.transport.local import LocalTransport
from provision.transport.runner import LineWatch
from tests import sudo

LOCAL = LocalTransport()

RUN = [
    pytest.param("true", Output(0, "", ""), id="nothing"),
    pytest.param("echo out; echo err >&2; exit 3", Output(3, "out\n", "err\n"), id="streams apart, and the status"),
    pytest.param("printf 'no newline'", Output(0, "no newline", ""), id="no newline"),
    pytest.param("printf 'Schl\\303\\274ssel\\n'", Output(0, "Schlüssel\n", ""), id="UTF-8"),
    pytest.param("echo $0", Output(0, "/bin/sh\n", ""), id="sh"),
    pytest.param("nosuchcommand 2>/dev/null", Output(127, "", ""), id="no such command"),
    pytest.param("kill -9 $$", Output(-9, "", ""), id="killed"),
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


def test_lines_are_whole_wherever_the_output_was_cut() -> None:
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


def test_only_the_prompt_of_ours_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sudo.install(tmp_path, monkeypatch, password="correct-horse")
    output = LOCAL.execute("timeout 0.5 sudo -S true", password="correct-horse")
    assert (output.status, output.stderr) == (124, "Password: ")


WORDS = [
    pytest.param(Output(1, "a\nb\n", "c\nd\n"), "d", id="errors are last"),
    pytest.param(Output(1, "a\nb\n\n", " \n"), "b", id="the last that says something"),
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
