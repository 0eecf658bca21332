"""Whether the host has a setpriv that can change the account: that of BusyBox cannot."""

import subprocess
from pathlib import Path

import pytest

from provision.host import scripts

UTIL_LINUX = "echo ' --reuid <uid|user>       set real and effective uid'"
BUSYBOX = "echo 'Usage: setpriv [OPTIONS] PROG ARGS'; echo ' --nnp,--no-new-privs' >&2"


@pytest.mark.parametrize(
    ("setpriv", "said"),
    [
        pytest.param(UTIL_LINUX, "can\n", id="that of util-linux"),
        pytest.param(BUSYBOX, "cannot\n", id="that of BusyBox"),
        pytest.param("echo 'no --reuid' >&2; exit 1", "cannot\n", id="one that fails"),
        pytest.param(None, "cannot\n", id="none"),
    ],
)
@pytest.mark.parametrize("errors", ["", "set -eu\n"], ids=["as it is", "with set -eu"])
def test_only_a_setpriv_that_changes_the_account_can(
    tmp_path: Path, setpriv: str | None, said: str, errors: str
) -> None:
    if setpriv is not None:
        (tmp_path / "setpriv").write_text(f"#!/bin/sh\n{setpriv}\n")
        (tmp_path / "setpriv").chmod(0o755)
    script = f"{errors}{scripts.text('can_setpriv')}if can_setpriv; then echo can; else echo cannot; fi"
    # No other tool is in this PATH.
    done = subprocess.run(
        ["/bin/sh", "-c", script], check=True, capture_output=True, text=True, env={"PATH": str(tmp_path)}, timeout=30
    )
    assert (done.stdout, done.stderr) == (said, "")
