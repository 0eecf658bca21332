"""Every fault at every place of a deployment: the cases, side by side on a few hosts, and the table of the results."""

import queue
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from tests.helpers.faults import FAULTS, Case, Result, break_run
from tests.helpers.host_under_test import HostUnderTest
from tests.helpers.lab import Lab
from tests.helpers.odd_faults import ODD

HOSTS = 5
"""At once; most of the time they wait for a timer, or boot."""
LONG = ("installing packages", "building", "rehearsing", "switching", "proving", "confirming")
"""First words of the commands that are broken in the middle, too."""
STORIES = {
    "running": "Upgrade of a running host to another chrony.conf",
    "packaged": "First deployment with Debian's chrony; before the switch, only steps that an upgrade lacks",
    "fresh": "The build before a first deployment",
    "tools": "The build before a first deployment",
}
RANK = ("fresh", "tools", "packaged", "running")
BUILT = "installing the build"
SWITCHING = "switching"


def places(commands: Iterable[str]) -> list[str]:
    """Return the places of a deployment, from the commands that it ran."""
    known = list(dict.fromkeys(commands))
    found = []
    for name in known:
        found += [f"before {name}", *([f"inside {name}"] if name.startswith(LONG) else [])]
    return [*found, f"after {known[-1]}"]


def cases(lab: Lab) -> list[Case]:
    """Return all cases but the odd ones."""
    end = lab.first.index(BUILT) + 1
    build, first = lab.first[:end], lab.first[end:]
    # Up to the switch, a first deployment does what an upgrade does, but for commands of its own.
    own = {*first[first.index(SWITCHING) :], *(set(first) - set(lab.upgrade))}
    of_build = [place for place in places(build) if place.startswith("inside")]
    found = [("running", place) for place in places(lab.upgrade)]
    found += [("packaged", place) for place in places(first) if _command(place) in own]
    found += [("fresh" if "packages" in place else "tools", place) for place in of_build]
    return [Case(kind, fault, place) for kind, place in found for fault in FAULTS]


def _command(place: str) -> str:
    return place.split(" ", 1)[1]


@dataclass(slots=True)
class Matrix:
    """Results, as they come in."""

    lab: Lab
    results: dict[Case, Result] = field(default_factory=dict)
    errors: dict[Case, str] = field(default_factory=dict)

    def run(self, todo: Iterable[Case]) -> None:
        """Run all cases; return when the last has ended."""
        # Those that take longest go first; those of a kind together, as going to another one takes a boot.
        waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
        for case in sorted(todo, key=lambda case: (case.fault not in ODD, RANK.index(case.kind))):
            waiting.put(case)
        threads = [threading.Thread(target=self._work, args=(f"matrix-{n}", waiting)) for n in range(HOSTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, name: str, waiting: "queue.SimpleQueue[Case]") -> None:
        with self.lab.host(name) as tested:
            kind = ""
            while not waiting.empty():
                try:
                    case = waiting.get_nowait()
                except queue.Empty:
                    return
                # An upgrade leaves a host that can be upgraded again.
                if case.kind != kind or kind != "running":
                    tested.become(self.lab.disk(case.kind))
                kind = case.kind if self._try(tested, case) else ""

    def _try(self, tested: HostUnderTest, case: Case) -> bool:
        try:
            self.results[case] = result = break_one(tested, case)
        except Exception as error:  # noqa: BLE001 -- it belongs to the case, and is told by its test
            self.errors[case] = f"{type(error).__name__}: {error!s:.2000}"
            return False
        return not any(problems(case, result))


def break_one(tested: HostUnderTest, case: Case) -> Result:
    """Run one case."""
    if case.fault in FAULTS:
        return break_run(tested, case, FAULTS[case.fault])
    return ODD[case.fault].run(tested, case)


def problems(case: Case, result: Result) -> Iterator[str]:
    """Say what is not as it has to be."""
    if not result.proven:
        yield "no authenticated answer afterwards"
    if case.kind == "running" and result.served not in {"old", "new"}:
        yield f"{result.served} runs"
    if result.next_run.status != 0:
        yield f"the next run: {result.next_run.output[-500:]}{result.next_run.errors}"
    if case.fault != "power cut" and result.left:
        yield f"left: {' '.join(result.left)}"
    # A run that has nothing to change does not take the lock, and who did not take it must not tidy up.
    if result.left_at_last and (result.next_run.changed or case.fault != "power cut"):
        yield f"left at last: {' '.join(result.left_at_last)}"


def table(results: Mapping[Case, Result], order: list[Case]) -> str:
    """Return the tables of docs/reliability.md: what served, and the longest silence."""
    done = [case for case in order if case in results]
    lines = []
    for operation, rows in groupby(
        (case for case in done if case.fault in FAULTS), key=lambda case: STORIES[case.kind]
    ):
        lines += ["", f"**{operation}**", "", f"| where | {' | '.join(FAULTS)} |", f"|---|{'---|' * 4}"]
        for place, row in groupby(rows, key=lambda case: case.place):
            cells = {case.fault: cell(results[case]) for case in row}
            lines.append(f"| {place} | {' | '.join(cells.get(fault, '') for fault in FAULTS)} |")
    lines += ["", "**Other faults**", "", "| fault | server afterwards, longest time without an answer |", "|---|---|"]
    lines += [f"| {case.fault} | {cell(results[case])} |" for case in done if case.fault in ODD]
    return "\n".join(lines[1:]) + "\n"


def cell(result: Result) -> str:
    """Return what served, the longest silence in seconds, and what is not as it should be."""
    answers = "" if result.proven else "; **it does not answer**"
    completed = "" if result.next_run.status == 0 else "; **the next run failed**"
    return f"{result.served}, {result.silence:.1f} s{answers}{completed}"


def rows(text: str) -> set[str]:
    """Return the first columns of tables."""
    return {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")}


def between_marks(path: Path, marks: tuple[str, str]) -> tuple[str, str, str]:
    """Return what stands before, between and behind two marker lines of a file."""
    head, _, rest = path.read_text().partition(f"{marks[0]}\n")
    body, _, tail = rest.partition(f"{marks[1]}\n")
    return f"{head}{marks[0]}\n", body, f"{marks[1]}\n{tail}"
