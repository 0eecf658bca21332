"""Output begins where the line begins, whatever was printed before."""

import subprocess

import pytest

from provision.host.transport.beginning import BEGIN, Beginning, after_beginning, announced


@pytest.mark.parametrize(
    ("before", "output"),
    [("", ""), ("", "out\n"), ("Welcome to ntp1\n", "out\n"), ("no newline ", "out"), ("", f"{BEGIN}\nagain")],
)
def test_what_was_printed_before_is_left_out(before: str, output: str) -> None:
    assert after_beginning(f"{before}{BEGIN}\n{output}") == output


@pytest.mark.parametrize("text", ["", "This account is currently not available.\n", BEGIN])
def test_a_line_that_did_not_run_has_no_output(text: str) -> None:
    assert after_beginning(text) is None


def test_a_watch_gets_the_lines_after_the_beginning() -> None:
    seen: list[str] = []
    watch = Beginning(seen.append)
    for line in ("Welcome", f"no newline {BEGIN}", "out", BEGIN, ""):
        watch(line)
    assert seen == ["out", BEGIN, ""]


def test_a_line_keeps_its_status() -> None:
    done = subprocess.run(["sh", "-c", announced("echo out; exit 3")], check=False, capture_output=True, text=True)
    assert (done.returncode, after_beginning(done.stdout)) == (3, "out\n")
