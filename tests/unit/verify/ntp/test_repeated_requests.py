"""A request of the host to its own daemon that was not answered at first, and is repeated (query_chronyd.sh)."""

import subprocess
from pathlib import Path

import pytest

from provision.host import scripts

ANSWER = """\
ask_alone() {
    requests=7
    mkdir -p asked/7
    echo "2026-11-27 20:30:00 127.0.0.1 N 2 111 TESTS 1111" >asked/7/measurements.log
    : >asked/7.said
}
is_lossy() { return 1; }
blocked=0 pause=0 requests=0
ask_again 127.0.0.1 'key 1' 3
"""
"""An answer arrives at the first repetition; TESTS are the tests 5 to 7 of chronyd: 5 is that of the MAC."""


@pytest.mark.parametrize(("tests", "outcome"), [("111", "answered"), ("011", "invalid")])
def test_the_mac_of_a_repeated_request_is_looked_at(tests: str, outcome: str, tmp_path: Path) -> None:
    script = (
        f"set -eu\n{scripts.functions('query_chronyd')}{scripts.text('query_chronyd')}{ANSWER.replace('TESTS', tests)}"
    )
    done = subprocess.run(["sh", "-c", script], check=False, cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{outcome}\n", "")
