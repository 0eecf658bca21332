"""Report the results of a run as text, readable by eye and by grep."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from provision.chrony.chronyc.associations import Association
from provision.chrony.clock_log import ClockPoint, SourcePoint
from provision.common.results import Change, Finding, Loss, Outcome, Remark, Sign, Status, StoppedAt, SwitchState
from provision.common.text import aligned, on_one_line
from provision.host.target import Target
from provision.output.existing import ExistingTime
from provision.output.findings import folded
from provision.output.history import Event
from provision.output.status import HostStatus

MOST_NAMED = 10
"""Of more hosts, a note that concerns all of them does not name each."""
WIDTH = len("not checked")
"""Characters of the column of words."""


class Verdict(Enum):
    """The result of a command on one host. Its value is the exit status of a command on this host alone."""

    OK = 0
    """No error, and no finding that does not hold."""
    FAILED = 1
    """A finding does not hold, or the run ended with an error. Before that, it sent a command that may change the host,
    or the host was asked and its answer is the error."""
    NOT_TRIED = 2
    """The run ended before it sent a command that may change the host, and the error is none of the host: it could not
    be reached, another run has locked it, or a file or setting on this machine is wrong."""
    WOULD_CHANGE = 3
    """A dry run found something to change."""


SWITCHING = {"active", "process-as-unit", "daemon-unaltered"}
"""The ids of the steps that a rollback of the host takes back."""
BY_URGENCY = (Verdict.FAILED, Verdict.NOT_TRIED, Verdict.WOULD_CHANGE)
"""Of the verdicts on several hosts, the first of these decides the exit status. A plan is incomplete if a host was not
tried: its exit status is not 3, because nobody may approve it as if it were complete."""


@dataclass(slots=True, kw_only=True)
class Report:
    """The results of a run on one host: outcomes of steps, findings of checks, notes and the error, if any."""

    host: Target
    address: str = ""
    """The address to which this machine sends NTP requests."""
    platform: str = ""
    role: str = ""
    """``server`` or ``client``, by the site; empty for an operation that does not need to know."""
    outcomes: list[Outcome] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    sources: tuple[Association, ...] | None = None
    """The time sources of the host's chronyd and their state; None if they are not known."""
    status: HostStatus | None = None
    """The state of chronyd, its clock and its sources; None if it was not asked for."""
    existing: ExistingTime | None = None
    """The time services that run where nothing is deployed; None if a deployment is there, or they were not asked."""
    history: tuple[Event, ...] | None = None
    """The events of the host's history, oldest first; None if it was not asked for."""
    clock_points: tuple[ClockPoint, ...] = ()
    """The clock in the past, by the host's tracking.log, oldest first."""
    source_points: tuple[SourcePoint, ...] = ()
    """The offsets from the sources in the past, by the host's statistics.log or measurements.log, oldest first."""
    losses: tuple[Loss, ...] = ()
    """Properties of the time service that the host had before, which a first deployment removes or changes."""
    imported: tuple[Remark, ...] | None = None
    """What an import made of each line of the host's configuration; None if the command is no import."""
    answers: dict[str, str] = field(default_factory=dict, repr=False)
    """The raw answers of the host by the name of the question, without secrets; empty unless they are kept."""
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    """The reason why the run ended early; None if it did not."""
    may_have_changed: bool = False
    """Whether a command that may change the host was sent to it, also if the command failed or its end is unknown."""
    tried: bool = False
    """False if the run ended as :attr:`Verdict.NOT_TRIED` says."""
    switch: SwitchState = field(default_factory=SwitchState)
    stopped_at: StoppedAt | None = None
    """The gate at which the run waits, to be continued later."""
    log: str | None = None
    round_trips: int = 0
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Return whether the run succeeded: no error, and no finding that does not hold."""
        return self.error is None and all(finding.holds is not False for finding in self.findings)

    @property
    def verdict(self) -> Verdict:
        """Return the verdict, from which text, JSON and exit status follow."""
        if not self.ok and self.tried:
            return Verdict.FAILED
        if not self.ok:
            return Verdict.NOT_TRIED
        if self.pending:
            return Verdict.WOULD_CHANGE
        return Verdict.OK

    @property
    def pending(self) -> int:
        """Return how many steps would change something; only a dry run has such steps."""
        return sum(outcome.status is Status.PENDING for outcome in self.outcomes)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return what the steps change, or would change in a dry run, and what is lost by that, in order."""
        changes = [change for outcome in self.outcomes for change in outcome.changes]
        if self.losses:
            lost = "; ".join(map(str, self.losses))
            changes.append(Change(id="lost", sign=Sign.WARNING, subject="lost", text=lost))
        return tuple(changes)

    def add(self, outcome: Outcome) -> bool:
        """Add an outcome; return whether it is news.

        A run that continues after a gate sees its first steps again, as unchanged.
        """
        for number, known in enumerate(self.outcomes):
            if known.id == outcome.id:
                is_news = known.status is Status.UNCHANGED and outcome.status is not Status.UNCHANGED
                if is_news:
                    self.outcomes[number] = outcome
                return is_news
        self.outcomes.append(outcome)
        return True

    @property
    def changed(self) -> int:
        """Return how many steps changed something that was not taken back by a rollback of the host."""
        changed = [outcome.id for outcome in self.outcomes if outcome.status is Status.CHANGED]
        if self.switch.rolled_back:
            return sum(id_ not in SWITCHING for id_ in changed)
        return len(changed)


def outcome_text(outcome: Outcome) -> str:
    """Return a line such as ``  changed    chrony 4.9 built  (no finished build of this recipe)``."""
    return _line(outcome.status.value, outcome.title, outcome.reason)


def diff_text(outcome: Outcome) -> str:
    """Return the diff of an outcome, indented below its line."""
    return "\n".join(f"      {line}" for line in outcome.diff.splitlines())


def finding_text(finding: Finding) -> str:
    """Return a line such as ``  ok         chronyd runs the current generation  (3f0c…)``."""
    word = {True: "ok", False: "FAILED", None: "not checked"}[finding.holds]
    return _line(word, str(finding), finding.seen)


def ending_text(report: Report) -> str:
    """Return the lines that close the report on one host."""
    notes = [_line("note", note, "") for note in report.notes]
    lost = [_line("lost", str(loss), loss.place) for loss in report.losses]
    return "\n".join([*lost, *notes, *(f"  {line}" for line in ending_lines(report))])


def ending_lines(report: Report) -> list[str]:
    """Return the last lines about a host: the error, the path of its log, and the verdict."""
    verdict = f"{_verdict(report)} ({report.round_trips} round trips, {report.seconds:.1f} s)"
    return [*error_lines(report), verdict]


def error_lines(report: Report) -> list[str]:
    """Return the error of a host and the path of its log; nothing if it has no error."""
    lines: list[str] = []
    if report.error:
        word = "error"
        if report.verdict is Verdict.FAILED:
            word = WORDS[report.verdict]
        lines.append(_line(word, report.error, "").strip())
    if report.log and not report.ok:
        lines.append(_line("log", report.log, "").strip())
    return lines


def fleet_text(reports: Sequence[Report]) -> str:
    """Return the summary of many hosts: counts by verdict, causes, the table of authenticated sources, and notes."""
    counts = Counter(WORDS[report.verdict] for report in reports)
    how = ", ".join(f"{count} {word}" for word, count in counts.items())
    lines = [f"{len(reports)} hosts: {how}; {_changed_hosts(reports)}"]
    lines += [f"  {text}" for text in causes_text(reports)]
    return "\n".join([*lines, *_matrix(reports), *notes_text(reports)])


def _changed_hosts(reports: Sequence[Report]) -> str:
    """Return how many hosts were changed, and on how many it is unknown."""
    changed = sum(_has_changed(report) for report in reports)
    unknown = sum(_change_is_unknown(report) for report in reports)
    if not unknown:
        return f"{changed or 'nothing'} changed"
    if not changed:
        return f"{unknown} may have changed"
    return f"{changed} changed, {unknown} may have changed"


def _has_changed(report: Report) -> bool:
    """Return whether a step changed the host; the step that fetches a tarball changes only this machine."""
    return report.may_have_changed and report.changed > 0


def _change_is_unknown(report: Report) -> bool:
    """Return whether a command that may change the host was sent, and no step was completed."""
    return report.may_have_changed and not report.changed and not report.ok and not report.switch.rolled_back


def causes_text(reports: Iterable[Report]) -> Iterator[str]:
    """Yield one line for each cause of failure, with the hosts that have it; the most frequent first."""
    hosts: dict[str, list[Target]] = {}
    for report in reports:
        for cause in causes(report):
            hosts.setdefault(cause, []).append(report.host)
    for cause, having in sorted(hosts.items(), key=lambda item: -len(item[1])):
        noun = "hosts"
        if len(having) == 1:
            noun = "host"
        yield f"{len(having)} {noun} ({', '.join(map(str, having))}): {cause}"


def notes_text(reports: Sequence[Report]) -> Iterator[str]:
    """Yield a line for each different note, with the hosts that it concerns."""
    hosts: dict[str, list[str]] = {}
    for report in reports:
        for note in dict.fromkeys(report.notes):
            hosts.setdefault(note, []).append(str(report.host))
    for text, having in hosts.items():
        note = text
        names = ", ".join(having)
        if len(having) == len(reports) and len(reports) > MOST_NAMED:
            names = f"all {len(reports)} hosts"
        if len(reports) > 1:
            note = f"{note}: {names}"
        yield _line("note", note, "")


def causes(report: Report) -> Iterator[str]:
    """Yield why a host failed or was not tried: its error without its name, or else each finding that does not hold."""
    if report.error is not None:
        # Names and addresses are removed, so that equal causes on several hosts have equal text.
        words = report.error.removeprefix(f"{report.host}: ")
        yield on_one_line(re.sub(r"\b(connection to|answer from|cannot resolve) [\w.:%-]*\w", r"\1 the host", words))
    else:
        for finding in folded(report.findings):
            if finding.holds is False:
                # A claim alone reads as if it were true.
                yield f"FAILED: {finding}"


def _matrix(reports: Sequence[Report]) -> Iterator[str]:
    """Yield a table with a row for each host that has authenticated sources, and a column for each source.

    A host that failed, or was not tried, and whose sources are not known, may have such sources: it has a row as well.
    """
    authenticated = [source for report in reports for source in report.sources or () if source.credential]
    if not authenticated:
        return
    names = {report.address: str(report.host) for report in reports}
    addresses = list(dict.fromkeys(source.address for source in authenticated))
    rows = [("authenticated", *(names.get(address, address) for address in addresses))]
    shown = [report for report in reports if _is_in_matrix(report)]
    rows += [(str(report.host), *_answers(report.sources, addresses)) for report in shown]
    for line in aligned(rows):
        yield f"  {line}"


def _is_in_matrix(report: Report) -> bool:
    if report.sources is None:
        return not report.ok
    return any(source.credential for source in report.sources)


def _answers(sources: tuple[Association, ...] | None, addresses: Sequence[str]) -> Iterator[str]:
    """Yield a cell for each address."""
    if sources is None:
        yield from ("not known" for _ in addresses)
        return
    seen = {source.address: _answer(source) for source in sources}
    yield from (seen.get(address, "-") for address in addresses)


def _answer(source: Association) -> str:
    if not source.credential:
        return "not authenticated"
    if not source.authenticated:
        return f"NOT with {source.credential}"
    return source.credential


def exit_status(reports: list[Report]) -> int:
    """Return the exit status of a command on these hosts: the value of the most urgent verdict."""
    verdicts = {report.verdict for report in reports}
    for verdict in BY_URGENCY:
        if verdict in verdicts:
            return verdict.value
    return Verdict.OK.value


WORDS = {
    Verdict.OK: "ok",
    Verdict.FAILED: "FAILED",
    Verdict.NOT_TRIED: "not tried",
    Verdict.WOULD_CHANGE: "would change",
}
"""The verdicts as the operator reads them."""


def _verdict(report: Report) -> str:
    """Return the verdict and, where it does not follow from that, what was changed."""
    word = WORDS[report.verdict]
    if report.verdict in {Verdict.OK, Verdict.FAILED}:
        return f"{word}, {changed_text(report)}"
    return word


def changed_text(report: Report) -> str:
    """Return how many steps have changed a host, or would change it; after a rollback and an unknown end, that too."""
    if report.verdict is Verdict.WOULD_CHANGE:
        return f"{report.pending} would change"
    if report.verdict is Verdict.OK:
        return f"{report.changed or 'nothing'} changed"
    return _changed_steps(report)


def _changed_steps(report: Report) -> str:
    if report.switch.rolled_back:
        return f"rolled back, {report.changed or 'nothing else'} changed"
    if _change_is_unknown(report):
        return "may have changed"
    if _has_changed(report):
        return f"{report.changed} changed"
    return "nothing changed"


def _line(word: str, what: str, why: str) -> str:
    line = f"  {word:<{WIDTH}}  {on_one_line(what)}"
    if why:
        line += f"  ({on_one_line(why)})"
    return line
