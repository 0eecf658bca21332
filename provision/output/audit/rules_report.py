"""Write how the rules were judged, as JSON for programs and as Markdown for people."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

import msgspec

from provision.common.text import in_json, on_one_line
from provision.output.audit.rules import Judged, RuleSet, judge_all
from provision.output.report import Report

JSON, MARKDOWN = "rules.json", "rules.md"
VERSION = 1
"""Of the JSON document: it grows when a field changes its meaning or goes, not when one is added."""
LEGEND = (
    "`holds`: each observation agrees. `does not hold`: one contradicts. `not checked`: this tool does not look at a "
    "part of it, or could not. `cannot hold`: the purpose of the host excludes it."
)


def rules_files(sets: Sequence[RuleSet], reports: Sequence[Report]) -> dict[str, bytes]:
    """Return both documents by their names."""
    text = json.dumps(_document(sets, reports), indent=2, ensure_ascii=False)
    return {JSON: f"{in_json(text)}\n".encode(), MARKDOWN: "".join(_markdown(sets, reports)).encode()}


def _document(sets: Iterable[RuleSet], reports: Sequence[Report]) -> dict[str, object]:
    found = []
    for rules in sets:
        hosts = {str(report.host): [asdict(one) for one in judge_all(rules, report)] for report in reports}
        found.append({"title": rules.title, "documents": msgspec.to_builtins(rules.documents), "hosts": hosts})
    return {"version": VERSION, "sets": found}


def _markdown(sets: Iterable[RuleSet], reports: Sequence[Report]) -> Iterator[str]:
    for rules in sets:
        yield f"# {_cell(rules.title)}\n\n{LEGEND}\n"
        for report in reports:
            yield from _host(rules, report)


def _host(rules: RuleSet, report: Report) -> Iterator[str]:
    """Yield the section about a host."""
    yield f"\n## {_cell(str(report.host))}\n\n"
    platform = rules.platform(report.platform)
    if not platform:
        yield f"No rule is for the platform {_cell(report.platform or 'unknown')}.\n"
        return
    document = rules.documents[platform]
    judged = judge_all(rules, report)
    counts = Counter(one.outcome for one in judged)
    summary = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    yield f"{_cell(document.title)}, {_cell(document.version)} (read: {_cell(document.read)}): {summary}.\n\n"
    yield "| rule | title | outcome | why |\n|---|---|---|---|\n"
    for one in judged:
        yield f"| {_cell(one.id)} | {_cell(one.title)} | {one.outcome} | {_why(one)} |\n"


def _why(judged: Judged) -> str:
    """Return the reasons, the note, and the remaining observations of a rule."""
    parts = [*judged.why, *(seen for seen in judged.seen if seen not in judged.why)]
    if judged.note:
        parts.append(f"Note: {judged.note}")
    return "<br>".join(map(_cell, parts))


def _cell(text: str) -> str:
    """Return a text of a host or a file that Markdown shows as it is, on one line."""
    text = on_one_line(text)
    for char in "\\`*_[]<>|#":
        text = text.replace(char, f"\\{char}")
    return text
