"""The output of a line begins at its mark, whatever was printed before."""

import subprocess

import pytest

from provision.host.transport.output_mark import MARK, WatchAfterMark, after_mark, with_mark


@pytest.mark.parametrize(
    ("before", "output"),
    [("", ""), ("", "out\n"), ("Welcome to ntp1\n", "out\n"), ("no newline ", "out"), ("", f"{MARK}\nagain")],
)
def test_what_was_printed_before_is_left_out(before: str, output: str) -> None:
    assert after_mark(f"{before}{MARK}\n{output}") == output


@pytest.mark.parametrize("text", ["", "This account is currently not available.\n", MARK])
def test_a_line_that_did_not_run_has_no_output(text: str) -> None:
    assert after_mark(text) is None


def test_a_watch_gets_the_lines_after_the_mark() -> None:
    seen: list[str] = []
    watch = WatchAfterMark(seen.append)
    for line in ("Welcome", f"no newline {MARK}", "out", MARK, ""):
        watch(line)
    assert seen == ["out", MARK, ""]


def test_a_line_keeps_its_status() -> None:
    done = subprocess.run(["sh", "-c", with_mark("echo out; exit 3")], check=False, capture_output=True, text=True)
    assert (done.returncode, after_mark(done.stdout)) == (3, "out\n")
