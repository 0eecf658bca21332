"""Write the report on a host as lines for a terminal. Pure."""

from provision.common.results import Finding, Outcome
from provision.common.text import on_one_line
from provision.output.findings import WORDS
from provision.output.report import Report, Verdict

WIDTH = len("not checked")
"""Characters of the column of words."""


def outcome_text(outcome: Outcome) -> str:
    """Return a line such as ``  changed    chrony 4.9 built  (no finished build of this recipe)``."""
    return line_text(outcome.status.value, outcome.title, outcome.reason)


def diff_text(outcome: Outcome) -> str:
    """Return the diff of an outcome, indented below its line."""
    return "\n".join(f"      {line}" for line in outcome.diff.splitlines())


def finding_text(finding: Finding) -> str:
    """Return a line such as ``  ok         chronyd runs the current generation  (3f0c…)``."""
    return line_text(WORDS[finding.holds], str(finding), finding.seen)


def ending_text(report: Report) -> str:
    """Return the lines that close the report on one host."""
    notes = [line_text("note", note, "") for note in report.notes]
    lost = [line_text("lost", str(loss), loss.place) for loss in report.losses]
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
            word = report.word
        lines.append(line_text(word, report.error, "").strip())
    if report.log and not report.ok:
        lines.append(line_text("log", report.log, "").strip())
    return lines


def _verdict(report: Report) -> str:
    """Return the verdict and, where it does not follow from that, what was changed."""
    word = report.word
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
    if report.change_is_unknown:
        return "may have changed"
    if report.has_changed:
        return f"{report.changed} changed"
    return "nothing changed"


def line_text(word: str, what: str, why: str) -> str:
    """Return a line of the report: the word in its column, the subject, and the reason in brackets, if there is one."""
    line = f"  {word:<{WIDTH}}  {on_one_line(what)}"
    if why:
        line += f"  ({on_one_line(why)})"
    return line
