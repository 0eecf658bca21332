"""The benchmark with a thousand sshd: what it records of a host, and the program that prints it; and its task."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from invoke.context import Context
from invoke.exceptions import Exit

import tasks
from benchmarks import scale
from benchmarks.hosts import BenchError
from benchmarks.scale_hosts import template, templates
from tests.helpers.booted_hosts import ROOT

LINE = "echo output; sh -c 'printf ==0123456789abcdef==' sh"
ANSWER = "clock=1795899538\nssh_connection=198.19.0.1 35474 198.19.0.5 22\n==0123456789abcdef== 0\n"
PLACE = LINE.index("0123456789abcdef")
ANOTHER = LINE.replace("0123456789abcdef", "fedcba9876543210")


def test_a_recorded_answer_says_where_the_mark_is_and_what_differs_from_run_to_run() -> None:
    assert template(LINE, ANSWER) == f"{PLACE}\noutput\nclock=\1\nssh_connection=\2\n==\3== 0\n"
    assert template("echo output; true", "") == "0\noutput\n"


def test_an_answer_with_one_of_the_bytes_that_are_replaced_cannot_be_recorded() -> None:
    with pytest.raises(BenchError, match=r"replay\.c replaces"):
        template("echo output; true", "a\2b")


def test_a_line_that_was_recorded_twice_has_one_answer_and_two_lines_of_one_length_are_refused() -> None:
    assert templates([(LINE, ANSWER), (ANOTHER, "again\n")]) == {len(LINE): template(ANOTHER, "again\n")}
    with pytest.raises(BenchError, match=r"replay\.c cannot tell them apart"):
        templates([(LINE, ANSWER), (LINE.replace("printf", "printg"), ANSWER)])


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a compiler")
def test_the_recorded_answer_is_printed_with_the_time_the_connection_and_the_mark_of_another_run(
    tmp_path: Path,
) -> None:
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / str(len(LINE))).write_text(template(LINE, ANSWER))
    program = tmp_path / "replay"
    source = ROOT / "benchmarks" / "replay.c"
    options = ("-Wall", "-Werror", f'-DFOLDER="{tmp_path}"')
    subprocess.run(["cc", *options, "-o", str(program), str(source)], check=True)

    def said(line: str) -> "subprocess.CompletedProcess[str]":
        connection = "192.0.2.1 50000 192.0.2.9 22"
        environment = {**os.environ, "SSH_CONNECTION": connection}
        words = [str(program), "-c", line]
        return subprocess.run(words, check=False, env=environment, capture_output=True, text=True)

    first, clock, *others = said(ANOTHER).stdout.splitlines()
    assert (first, others) == (
        "output",
        ["ssh_connection=192.0.2.1 50000 192.0.2.9 22", "==fedcba9876543210== 0"],
    )
    assert int(clock.removeprefix("clock=")) > 1795899538
    unknown = said("echo output; true")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "no answer was recorded to a line of 17 bytes\n"


PROBES_AND_CONNECTS = """
import socket, sys, threading
end = threading.Event()
probe = [threading.Thread(target=end.wait) for _ in range(40)]
for thread in probe:
    thread.start()
print("probes", flush=True)
sys.stdin.readline()
end.set()
for thread in probe:
    thread.join()
connection = socket.socket()
for _ in range(3):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
print("connects", flush=True)
sys.stdin.readline()
"""


def test_the_threads_that_a_run_tries_before_it_connects_are_not_counted() -> None:
    words = [sys.executable, "-c", PROBES_AND_CONNECTS]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        peaks, folder = scale.Peaks(), Path(f"/proc/{process.pid}")
        assert process.stdout.readline() == "probes\n"
        peaks.look(folder)
        assert (peaks.descriptors, peaks.threads) == (0, 0)
        print("go on", file=process.stdin, flush=True)
        assert process.stdout.readline() == "connects\n"
        peaks.look(folder)
        process.communicate("end\n")
    # Its own, and three for the connection.
    assert (peaks.descriptors, peaks.threads) == (4, 4)


@pytest.mark.parametrize(
    ("options", "module"),
    [
        pytest.param({}, "run --runs 3", id="one host"),
        pytest.param({"hosts": True}, "fleet --runs 3", id="many booted hosts"),
        pytest.param({"runs": "5"}, "run --runs 5", id="another number of runs"),
        pytest.param({"sshd": "100"}, "scale --sshd 100", id="many sshd"),
        pytest.param({"sshd": "0"}, "scale --sshd 0", id="too few sshd, which the benchmark refuses"),
    ],
)
def test_the_task_bench_runs_the_benchmark(
    options: dict[str, Any], module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(tasks, "_run", lambda _, line: lines.append(line))
    tasks.bench(Context(), **options)
    assert lines == [f"python -m benchmarks.{module}"]


@pytest.mark.parametrize("more", [{"hosts": True}, {"runs": "3"}], ids=["hosts", "runs"])
def test_the_task_bench_refuses_options_that_do_not_fit_many_sshd(
    more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_run", pytest.fail)
    with pytest.raises(Exit) as refused:
        tasks.bench(Context(), sshd="100", **more)
    assert (refused.value.code, refused.value.message) == (
        2,
        "error: --sshd boots no hosts and measures once: leave out --hosts and --runs",
    )


@pytest.mark.parametrize("number", ["0", "1", "1001"])
def test_a_number_of_hosts_that_cannot_be_measured_is_refused(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        scale.main(["--sshd", number])
    assert f"--sshd: {number} is not between 2 and 1000" in capsys.readouterr().err
