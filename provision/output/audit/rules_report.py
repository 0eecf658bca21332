"""Write how the rules were judged, as JSON for programs and as Markdown for people."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import msgspec

from provision.common.errors import RuleBroken
from provision.common.text import in_json, on_one_line
from provision.output.audit.rules import Judged, Judgement, RuleSet, judge_all
from provision.output.report import Report

JSON, MARKDOWN = "rules.json", "rules.md"
VERSION = 1
"""Of the JSON document: it grows when a field changes its meaning or goes, not when one is added."""
LEGEND = (
    "`holds`: each observation agrees. `does not hold`: one contradicts. `not checked`: this tool does not look at a "
    "part of it, or could not. `cannot hold`: the purpose of the host excludes it."
)


MOST_NAMED = 5
"""Rules that an error names."""


@dataclass(frozen=True, slots=True)
class RulesReport:
    """The sets of rules of a command, and how they were judged on its hosts."""

    sets: tuple[RuleSet, ...] = ()

    def files(self, reports: Sequence[Report]) -> dict[str, bytes]:
        """Return both documents by their names; none without a set."""
        if not self.sets:
            return {}
        text = json.dumps(_document(self.sets, reports), indent=2, ensure_ascii=False)
        return {JSON: f"{in_json(text)}\n".encode(), MARKDOWN: "".join(_markdown(self.sets, reports)).encode()}

    def lines(self, reports: Sequence[Report]) -> Iterator[str]:
        """Yield a line for each set, with the number of rules for each outcome."""
        for rules in self.sets:
            outcomes = [one.outcome for report in reports for one in judge_all(rules, report)]
            yield f"rules: {rules.title}: {_counts(outcomes) or 'none is for these hosts'}"

    def fault(self, reports: Sequence[Report]) -> RuleBroken | None:
        """Return the error that names the rules that do not hold; None if there are none."""
        broken = [
            f"{one.id} on {report.host}"
            for rules in self.sets
            for report in reports
            for one in judge_all(rules, report)
            if one.outcome is Judgement.DOES_NOT_HOLD
        ]
        if not broken:
            return None
        named = ", ".join(broken[:MOST_NAMED])
        if len(broken) > MOST_NAMED:
            named += f" and {len(broken) - MOST_NAMED} more"
        return RuleBroken(f"--rules: does not hold: {named}; {MARKDOWN} in the evidence says why")


def _document(sets: Iterable[RuleSet], reports: Sequence[Report]) -> dict[str, object]:
    found = []
    for rules in sets:
        hosts = {str(report.host): [asdict(one) for one in judge_all(rules, report)] for report in reports}
        platforms = {str(report.host): rules.platform(report) for report in reports}
        documents = msgspec.to_builtins(rules.documents)
        found.append({"title": rules.title, "documents": documents, "platforms": platforms, "hosts": hosts})
    return {"version": VERSION, "sets": found}


def _markdown(sets: Iterable[RuleSet], reports: Sequence[Report]) -> Iterator[str]:
    for rules in sets:
        yield f"# {_cell(rules.title)}\n\n{LEGEND}\n"
        for report in reports:
            yield from _host(rules, report)


def _host(rules: RuleSet, report: Report) -> Iterator[str]:
    """Yield the section about a host."""
    yield f"\n## {_cell(str(report.host))}\n\n"
    platform = rules.platform(report)
    if not platform:
        yield f"No rule is for the platform {_cell(report.platform or 'unknown')}.\n"
        return
    document = rules.documents[platform]
    judged = judge_all(rules, report)
    summary = _counts([one.outcome for one in judged]) or "no rule"
    yield f"{_cell(document.title)}, {_cell(document.version)} (read: {_cell(document.read)}): {summary}.\n\n"
    if rules.is_rebuild(report):
        words = f"{report.platform} is derived from {platform} (ID_LIKE): {document.rebuilds}"
        yield f"{_cell(words)}.\n\n"
    yield "| rule | title | outcome | why |\n|---|---|---|---|\n"
    for one in judged:
        yield f"| {_cell(one.id)} | {_cell(one.title)} | {one.outcome} | {_why(one)} |\n"


def _counts(outcomes: Iterable[Judgement]) -> str:
    """Return words such as ``4 holds, 2 cannot hold``; empty without a rule."""
    return ", ".join(f"{count} {outcome}" for outcome, count in Counter(outcomes).items())


def _why(judged: Judged) -> str:
    """Return the reasons, the note, and the remaining observations of a rule."""
    parts = [*judged.why, *(seen for seen in judged.seen if seen not in judged.why)]
    if judged.note:
        parts.append(f"Note: {judged.note}")
    return "<br>".join(map(_cell, parts))


def _cell(text: str) -> str:
    """Return a text of a host or a file that Markdown shows as it is, on one line."""
    text = on_one_line(text)
    for char in "\\`*_[]<>|#&~":
        text = text.replace(char, f"\\{char}")
    return text
