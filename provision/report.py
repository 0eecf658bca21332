"""What a run did and saw, as text that can be read by eye and by grep, and as JSON."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from provision.chronyc import Association
from provision.converge import Outcome, Status
from provision.errors import SiteError
from provision.findings import Finding
from provision.rollout import Held

WIDTH = 9


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run did on one host, and what it saw there."""

    host: str
    address: str = ""
    """At which this machine asks it for time."""
    platform: str = ""
    outcomes: list[Outcome] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    sources: tuple[Association, ...] = ()
    """Of whom it asks the time, and what comes back."""
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    """Why it ended early."""
    begun: bool = False
    """A step was applied, or cut off while it was."""
    tried: bool = False
    """Something was asked of the host; an error before that means exit status 2."""
    held: Held | None = None
    """It has come to a gate, and goes on later."""
    log: str | None = None
    round_trips: int = 0
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Say whether the host is as wanted."""
        return self.error is None and all(finding.holds is not False for finding in self.findings)

    @property
    def pending(self) -> bool:
        """Say whether a dry run would change something."""
        return any(outcome.status is Status.PENDING for outcome in self.outcomes)

    def add(self, outcome: Outcome) -> bool:
        """Take note of an outcome; False: it says nothing new. A run that was held sees its first steps again."""
        for number, known in enumerate(self.outcomes):
            if known.title == outcome.title:
                is_news = known.status is Status.UNCHANGED and outcome.status is not Status.UNCHANGED
                if is_news:
                    self.outcomes[number] = outcome
                return is_news
        self.outcomes.append(outcome)
        return True

    @property
    def changed(self) -> int:
        """Return how many steps changed something."""
        return sum(outcome.status is Status.CHANGED for outcome in self.outcomes)


def outcome_text(outcome: Outcome) -> str:
    """Return a line such as ``  changed    chrony 4.9 built  (no finished build of this recipe)``."""
    return _line(outcome.status.value, outcome.title, outcome.reason)


def diff_text(outcome: Outcome) -> str:
    """Return the diff of an outcome, indented below its line."""
    return "\n".join(f"      {line}" for line in outcome.diff.splitlines())


def finding_text(finding: Finding) -> str:
    """Return a line such as ``  ok         it runs the current generation  (3f0c…)``."""
    word = {True: "ok", False: "NOT OK", None: "not tried"}[finding.holds]
    return _line(word, finding.claim, finding.seen)


def ending_text(report: Report) -> str:
    """Return the lines that close the report on one host."""
    notes = [_line("note", note, "") for note in report.notes]
    return "\n".join([*notes, *(f"  {line}" for line in ending_lines(report))])


def ending_lines(report: Report) -> list[str]:
    """Return how it has ended: the error, where its log is, and the verdict."""
    lines = [_line("FAILED", report.error, "").strip()] if report.error else []
    if report.log and not report.ok:
        lines.append(_line("log", report.log, "").strip())
    return [*lines, f"{_verdict(report)} ({report.round_trips} round trips, {report.seconds:.1f} s)"]


def fleet_text(reports: Sequence[Report]) -> str:
    """Return what closes the report on many hosts: how many are how, why, and who is answered by whom."""
    counts = Counter(_verdict(report).partition(",")[0] for report in reports)
    changed = sum(report.changed > 0 for report in reports)
    how = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    lines = [f"{len(reports)} hosts: {how}; {changed or 'nothing'} changed"]
    lines += [f"  {text}" for text in _causes(reports)]
    return "\n".join([*lines, *_matrix(reports)])


def _causes(reports: Iterable[Report]) -> Iterator[str]:
    """Yield each reason once, with the hosts that it is given for."""
    hosts: dict[str, list[str]] = {}
    for report in reports:
        for cause in _why(report):
            hosts.setdefault(cause, []).append(report.host)
    for cause, names in sorted(hosts.items(), key=lambda item: -len(item[1])):
        yield f"{len(names)} {'host' if len(names) == 1 else 'hosts'}: {cause}: {', '.join(names)}"


def _why(report: Report) -> Iterator[str]:
    if report.error is not None:
        # Equal causes have equal words, but for the names and addresses in them.
        words = report.error.removeprefix(f"{report.host}: ")
        yield re.sub(r"\b(to|from|resolve) [\w-]*[.:][\w.:-]*\w", r"\1 it", words)
    else:
        yield from (finding.claim for finding in report.findings if finding.holds is False)


def _matrix(reports: Sequence[Report]) -> Iterator[str]:
    """Yield a table: each host that asks with a key, and what each of those that it asks has answered."""
    asking = [report for report in reports if any(source.key is not None for source in report.sources)]
    if not asking:
        return
    names = {report.address: report.host for report in reports}
    asked = list(dict.fromkeys(source.address for report in asking for source in report.sources if source.key))
    rows = [("authenticated", *(names.get(address, address) for address in asked))]
    for report in asking:
        seen = {source.address: _answer(source) for source in report.sources}
        rows.append((report.host, *(seen.get(address, "-") for address in asked)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _answer(source: Association) -> str:
    if source.key is None:
        return "without a key"
    return f"key {source.key}" if source.authenticated else f"NOT with key {source.key}"


def as_data(report: Report) -> dict[str, Any]:
    """Return the report as it goes into JSON."""
    data = asdict(report)
    for inner in ("begun", "held"):  # "tried" says what a reader needs
        del data[inner]
    return {**data, "ok": report.ok, "changed": report.changed}


def write_json(path: str, reports: list[Report]) -> None:
    """Write the reports to a file. Raises SiteError."""
    try:
        text = json.dumps([as_data(report) for report in reports], indent=2, ensure_ascii=False)
        Path(path).write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise SiteError(f"--json {path}: cannot be written: {error.strerror}") from error


def exit_status(reports: list[Report]) -> int:
    """Return 0 as wanted, 1 not as wanted, 2 not tried, 3 a dry run would change something."""
    if any(not report.ok and report.tried for report in reports):
        return 1
    if any(not report.ok for report in reports):
        return 2
    return 3 if any(report.pending for report in reports) else 0


def _verdict(report: Report) -> str:
    if not report.ok:
        return "not as wanted" if report.tried else "not tried"
    if report.pending:
        return "would change"
    return f"as wanted, {report.changed} changed" if report.changed else "as wanted, nothing changed"


def _line(word: str, what: str, why: str) -> str:
    return f"  {word:<{WIDTH}}  {what}" + (f"  ({why})" if why else "")
