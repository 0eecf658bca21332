"""Build, deploy and prove on each platform that boots here: ``python -m benchmarks.reach``; needs root on Debian.

Every platform has a fresh sandbox, and nothing is cached but the tarballs, so that chrony is compiled there. With
--write the rows go into the table of docs/platforms.md; those of platforms that were not run stay.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import MARKS, replace_table
from provision.chrony.configure_log import parse_configure_log
from provision.host.sandbox import sandbox, vm
from tests.helpers.booted_hosts import ROOT, booted, login
from tests.helpers.operators import Operator

DOCUMENT = ROOT / "docs/platforms.md"
PATIENCE = 3 * 3600
"""Seconds for a deployment. An emulated processor compiles for half an hour on a quiet machine."""
SUITES = tuple(dict.fromkeys((*sandbox.SUITES, *vm.PROCESSORS)))
"""The suites that this machine boots, the emulated ones last."""
HEAD = ("sandbox", "processor", "platform", "run on", "findings that hold", "second run", "64-bit `time_t`", "seconds")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run each platform, print its row, and return the exit status: 1 if one is not proven."""
    parser = argparse.ArgumentParser(prog="benchmarks.reach", description=(__doc__ or "").split("\n")[0])
    natively = ",".join(sandbox.SUITES)
    parser.add_argument("--suites", default=natively, help=f"which of {','.join(SUITES)} (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help=f"also write the rows into {DOCUMENT.name}")
    options = parser.parse_args(arguments)
    failed = False
    for suite in options.suites.split(","):
        print(f"{suite}: compiling, deploying and proving", file=sys.stderr)
        try:
            row = reach(suite)
        except AssertionError as error:
            print(f"error: {suite}: {error}", file=sys.stderr)
            failed = True
            continue
        print(row)
        if options.write:
            write(row)
    return int(failed)


def reach(suite: str) -> str:
    """Deploy twice to a fresh host of a suite, and return its row. Raises AssertionError if that is not proven."""
    with TemporaryDirectory() as home, booted(f"reach-{suite}", suite) as host:
        operator = Operator(Path(home), patience=PATIENCE)
        begun = time.monotonic()
        first = operator.run("deploy", f"--host=sandbox:{host.name}")
        seconds = time.monotonic() - begun
        first.assert_proven()
        again = operator.run("deploy", f"--host=sandbox:{host.name}")
        again.assert_proven()
        log = parse_configure_log(login(host, "cat /opt/chrony/current/build/configure.log"))
    findings = len(first.report["findings"])
    return line(
        f"`{suite}`",
        "emulated" if host.vm else "this machine's",
        first.report["platform"],
        f"{datetime.now(UTC):%Y-%m-%d}",
        f"{findings} of {findings}",
        f"{len(again.changed)} changes",
        "no" if log.has_short_time else "yes",
        f"{seconds:.0f}",
    )


def line(*cells: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


def write(row: str) -> None:
    """Put a row into the table of the document, in place of the one of its sandbox."""
    table = DOCUMENT.read_text().partition(MARKS[0])[2].partition(MARKS[1])[0]
    rows = {one.split("|")[1]: one for one in (*table.splitlines(), row) if one.startswith("| `")}
    replace_table(DOCUMENT, "\n".join((line(*HEAD), line(*("---" for _ in HEAD)), *rows.values())))


if __name__ == "__main__":
    sys.exit(main())
