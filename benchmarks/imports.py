"""Measure the import time of each module of a run with ``python -X importtime``, and make a table of libraries."""

import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.figures import head, line

LINE = re.compile(r"import time: +(?P<own>\d+) \| +\d+ \| *(?P<module>\S+)")
"""A line of ``-X importtime``: microseconds of the module itself, with those that it imports, and its name."""
STANDARD = "Python's own modules"
LEAST = 1.0
"""Milliseconds; libraries with a shorter import time share one row."""


def parse_import_times(text: str) -> dict[str, int]:
    """Return the microseconds of each module itself, from the standard error of a run."""
    return {found["module"]: int(found["own"]) for found in LINE.finditer(text)}


def least(runs: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return the least microseconds of each module in several runs, for other work only makes an import slower."""
    found: dict[str, int] = {}
    for times in runs:
        for module, own in times.items():
            found[module] = min(own, found.get(module, own))
    return found


def import_table(runs: Sequence[Mapping[str, int]]) -> str:
    """Return the table of libraries, the slowest first; the modules of Python itself are one of them."""
    times = least(runs)
    microseconds, modules = Counter[str](), Counter[str]()
    for module, own in times.items():
        library = library_of(module)
        microseconds[library] += own
        modules[library] += 1
    rows = [head("imports of a run without changes", "modules", "ms")]
    rest = [library for library, own in microseconds.items() if own / 1000 < LEAST]
    for library, own in microseconds.most_common():
        if library not in rest:
            rows.append(line(library, str(modules[library]), f"{own / 1000:.0f}"))
    others = sum(microseconds[library] for library in rest)
    rows.append(line("others", str(sum(modules[library] for library in rest)), f"{others / 1000:.0f}"))
    rows.append(line("all", str(len(times)), f"{sum(times.values()) / 1000:.0f}"))
    return "\n".join(rows)


def library_of(module: str) -> str:
    """Return the library of a module, such as ``jinja2`` for ``jinja2.lexer``."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return STANDARD
    return top


def program() -> tuple[str, ...]:
    """Return the command that runs ``inv`` and prints the times of its imports."""
    return (sys.executable, "-X", "importtime", str(Path(sys.executable).with_name("inv")))
