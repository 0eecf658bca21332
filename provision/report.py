"""What a run did and saw, as text that can be read by eye and by grep, and as JSON."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from provision.converge import Outcome, Status
from provision.errors import SiteError
from provision.findings import Finding

WIDTH = 9


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run did on one host, and what it saw there."""

    host: str
    platform: str = ""
    outcomes: list[Outcome] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    """Why it ended early."""
    begun: bool = False
    """A step was applied, or cut off while it was."""
    tried: bool = False
    """Something was asked of the host; an error before that means exit status 2."""
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
    """Return the lines that close the report."""
    lines = [_line("note", note, "") for note in report.notes]
    if report.error:
        lines.append(_line("FAILED", report.error, ""))
    if report.log and not report.ok:
        lines.append(_line("log", report.log, ""))
    lines.append(f"  {_verdict(report)} ({report.round_trips} round trips, {report.seconds:.1f} s)")
    return "\n".join(lines)


def as_data(report: Report) -> dict[str, Any]:
    """Return the report as it goes into JSON."""
    data = asdict(report)
    del data["begun"]  # "tried" says what a reader needs
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
