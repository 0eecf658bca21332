"""The key file of a device fleet: ``python -m benchmarks.keys``; needs neither root nor hosts, and takes half a minute.

Each operation runs in a process of its own, after the file was read: CPU seconds, which drift less than others on a
machine that does other work, too; and the most memory that the process had, Python and our modules included.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.figures import replace_table
from provision.keys import Keys, make_key, parse_keys
from provision.keys.export import FORMATS
from provision.keys.ledger import Addition, notes, with_keys
from provision.keys.lint import problems
from provision.keys.listing import listing
from provision.keys.note import Note
from provision.keys.reader import KeyReader
from provision.keys.source import KeyFile
from provision.site.key_users import add, retire

TODAY = datetime.now(UTC).date()
NOTE = Note(TODAY, "devices of a fleet")
MARKS = ("<!-- keys: begin -->", "<!-- keys: end -->")


def _text(file: KeyFile) -> str:
    text = file.text()
    assert text is not None  # noqa: S101 -- it was just made
    return text


def parsed(file: KeyFile) -> Callable[[], object]:
    """Parse, as each command does."""
    text = _text(file)
    return lambda: parse_keys(text, file.name)


def rendered(file: KeyFile) -> Callable[[], object]:
    """Render what goes onto a host."""
    keys = parse_keys(_text(file), file.name)
    return lambda: keys.text


def digested(file: KeyFile) -> Callable[[], object]:
    """Name the keys, by their slow digest."""
    keys = parse_keys(_text(file), file.name)
    return lambda: keys.digest


def linted(file: KeyFile) -> Callable[[], object]:
    """Find what is wrong, ids and secrets that stand there twice among it."""
    text = _text(file)
    return lambda: list(problems(text))


def listed(file: KeyFile) -> Callable[[], object]:
    """List, with the notes."""
    text = _text(file)
    keys = parse_keys(text, file.name)
    return lambda: list(listing(keys, notes(text), {}, TODAY))


def added(file: KeyFile) -> Callable[[], object]:
    """Add a key: lock, read, write the whole file anew."""
    return lambda: add(KeyReader(), file, Addition(note=NOTE))


def retired(file: KeyFile) -> Callable[[], object]:
    """Remove a key, in the same way."""
    return lambda: retire(KeyReader(), file, {7}, {})


def exported(file: KeyFile) -> Callable[[], object]:
    """Export all as JSON."""
    keys = parse_keys(_text(file), file.name)
    return lambda: FORMATS["json"].keys(keys, ())


OPERATIONS = {
    "parse": parsed,
    "lint": linted,
    "list": listed,
    "add one": added,
    "retire one": retired,
    "export": exported,
    "render for a host": rendered,
    "digest": digested,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.keys", description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--keys", type=int, default=100_000, help="keys in the file (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each operation (default: %(default)s)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="also put the table between its marks in this file")
    parser.add_argument("--only", nargs=2, metavar=("OPERATION", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.only:
        print(json.dumps(_measured(OPERATIONS[options.only[0]], KeyFile(Path(options.only[1])))))
        return 0
    text = table(options.keys, max(options.runs, 1))
    print(text)
    if options.write:
        replace_table(options.write, text, MARKS)
    return 0


def table(keys: int, runs: int) -> str:
    """Measure every operation, and return the table."""
    rows = []
    with TemporaryDirectory(prefix="chrony-bench-") as folder:
        for name in OPERATIONS:
            found = [_in_a_process(name, KeyFile(Path(folder) / f"{number}.keys"), keys) for number in range(runs)]
            seconds, megabytes = (median(column) for column in zip(*found, strict=True))
            rows.append(f"| {name} | {seconds:.2f} | {megabytes:.0f} |")
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Linux {platform.release()}"
    return "\n".join(
        (
            f"Measured on {TODAY}: {keys:,} AES128 keys, each below its note; the middle of {runs} runs.",
            f"Machine: {machine}, Python {platform.python_version()}.",
            "",
            "| operation | CPU time, s | peak memory, MB |",
            "|---|---|---|",
            *rows,
        )
    )


def _in_a_process(name: str, file: KeyFile, keys: int) -> tuple[float, float]:
    """Return CPU seconds and megabytes of an operation, on a file of that many keys."""
    file.path.unlink(missing_ok=True)
    fleet = Keys(tuple(make_key(number, "AES128") for number in range(1, keys + 1)))
    file.change(lambda _: with_keys("", fleet, NOTE))
    words = (sys.executable, "-m", "benchmarks.keys", "--only", name, str(file.path))
    seconds, megabytes = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    return seconds, megabytes


def _measured(prepare: Callable[[KeyFile], Callable[[], object]], file: KeyFile) -> tuple[float, float]:
    operation = prepare(file)
    begun = time.process_time()
    operation()
    # ru_maxrss is in KiB on Linux.
    return time.process_time() - begun, getrusage(RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
