"""What was measured, the budgets, and both as Markdown."""

import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.hosts import BenchError
from provision.common.errors import ProvisionError

FIRST, AGAIN = "first run, bare host", "nothing to do"
SANDBOX = 'first run, build.on = "sandbox", nothing cached'
ARTIFACT = "first run, the artifact at hand"
TRIPS = "round trips"
COMPILER = "the host has a compiler afterwards"
PROVEN = "an authenticated request is answered"
PAUSE = "longest silence of the NTP port in a switch"

TOOL, GUIDE, ANSIBLE, PYINFRA = "this tool", "the guide", "ansible-core", "pyinfra"
MARKS = ("<!-- table: begin -->", "<!-- table: end -->")


def remote(first: str) -> str:
    """Return the name of the figure for the commands on the host, of a first run with this name."""
    return f"{first}: its commands on the host"


@dataclass(frozen=True, slots=True)
class Figures:
    """The values of each (contender, what)."""

    values: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, contender: str, what: str, value: float) -> None:
        """Add the value of one run."""
        self.values[contender, what].append(value)

    def middle(self, contender: str, what: str) -> float:
        """Return the median."""
        return median(self.values[contender, what])

    def ratio(self, what: str, other: str) -> float:
        """Return the median of this tool, divided by another's."""
        return self.middle(TOOL, what) / self.middle(other, what)

    def cell(self, contender: str, what: str, form: str) -> str:
        """Return the median, and least and most where they differ; "-" for what was not measured."""
        if not (values := self.values.get((contender, what))):
            return "-"
        return spread(values, form)


@dataclass(frozen=True, slots=True)
class Budget:
    """What must hold."""

    claim: str
    measured: Callable[[Figures], float]
    limit: Callable[[Figures], float]
    form: str = ".2f"

    def row(self, figures: Figures) -> str:
        """Return a row of the table."""
        measured, limit = self.measured(figures), self.limit(figures)
        return verdict(self.claim, measured, limit, self.form)


BUDGETS = (
    Budget("first run / the guide's", lambda figures: figures.ratio(FIRST, GUIDE), lambda _: 0.60),
    Budget("first run / pyinfra's", lambda figures: figures.ratio(FIRST, PYINFRA), lambda _: 0.80),
    Budget(
        "compiled in a sandbox: commands on the host / first run",
        lambda figures: figures.middle(TOOL, remote(SANDBOX)) / figures.middle(TOOL, FIRST),
        lambda _: 0.25,
    ),
    Budget(
        "the artifact at hand / first run",
        lambda figures: figures.middle(TOOL, ARTIFACT) / figures.middle(TOOL, FIRST),
        lambda _: 0.10,
    ),
    Budget("nothing to do / Ansible's", lambda figures: figures.ratio(AGAIN, ANSIBLE), lambda _: 0.07),
    Budget("nothing to do / pyinfra's", lambda figures: figures.ratio(AGAIN, PYINFRA), lambda _: 0.35),
    Budget("nothing to do, s", lambda figures: figures.middle(TOOL, AGAIN), lambda _: 0.75),
    Budget("longest silence in a switch, s", lambda figures: max(figures.values[TOOL, PAUSE]), lambda _: 1.0),
    Budget("nothing to do, round trips", lambda figures: max(figures.values[TOOL, TRIPS]), lambda _: 3, ".0f"),
)


def tables(figures: Figures, contenders: Sequence[str]) -> str:
    """Return what was measured and how it stands to the budgets, as Markdown."""

    def row(title: str, what: str, form: str) -> str:
        return line(title, *(figures.cell(name, what, form) for name in contenders))

    measured = (
        head("median (least to most)", *contenders),
        row(f"{FIRST}, s", FIRST, ".1f"),
        row("its commands on the host, s", remote(FIRST), ".1f"),
        row(f"{SANDBOX}, s", SANDBOX, ".1f"),
        row("its commands on the host, s", remote(SANDBOX), ".1f"),
        line(COMPILER, *(_yes(figures.values[name, COMPILER], otherwise="no") for name in contenders)),
        row(f"{ARTIFACT}, s", ARTIFACT, ".1f"),
        row("its commands on the host, s", remote(ARTIFACT), ".1f"),
        row(f"{AGAIN}, s", AGAIN, ".2f"),
        row(f"{AGAIN}, round trips", TRIPS, ".0f"),
        row(f"{PAUSE}, s", PAUSE, ".2f"),
        line(PROVEN, *(_yes(figures.values[name, PROVEN]) for name in contenders)),
    )
    budgets = (head("budget", "measured", "limit", ""), *(budget.row(figures) for budget in BUDGETS))
    return "\n".join((*measured, "", *budgets))


def replace_table(file: Path, text: str, marks: tuple[str, str] = MARKS) -> None:
    """Put a text between two marks in a file. ValueError when they are not there."""
    head, begin, rest = file.read_text().partition(marks[0])
    _, end, tail = rest.partition(marks[1])
    if not begin or not end:
        raise ValueError(f"{file}: {' and '.join(marks)} must stand in it")
    file.write_text(f"{head}{begin}\n{text}\n{end}{tail}")


def print_tables(measure: Callable[[], str], write: Path | None, marks: tuple[str, str] = MARKS) -> int:
    """Measure, print the tables, put them between the marks in the file ``write`` if there is one; return the status.

    Measuring ends with its hosts removed, also after SIGTERM.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        text = measure()
    except (BenchError, ProvisionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(text)
    if write is not None:
        replace_table(write, text, marks)
    return 0


def verdict(claim: str, measured: float, limit: float, form: str = ".2f") -> str:
    """Return a row that says whether a budget is met."""
    return line(claim, format(measured, form), f"≤ {limit:{form}}", "met" if measured <= limit else "**missed**")


def spread(values: Sequence[float], form: str) -> str:
    """Return the median, and least and most where they differ."""
    low, middle, high = (format(value, form) for value in (min(values), median(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def _yes(values: Sequence[float], *, otherwise: str = "**no**") -> str:
    """Return "yes" if all values are true, else ``otherwise``; with "no" for that, "-" if there are no values."""
    if not values and otherwise == "no":
        return "-"
    return "yes" if values and all(values) else otherwise


def line(*cells: str) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def head(*cells: str) -> str:
    """Return its first two rows."""
    return f"{line(*cells)}\n|{'---|' * len(cells)}"
