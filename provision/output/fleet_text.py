"""Write the summary of the reports on many hosts as lines for a terminal. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from provision.chrony.chronyc.associations import Association
from provision.common.text import aligned, on_one_line, shortened
from provision.output.findings import folded
from provision.output.report import Report
from provision.output.report_text import line_text

MOST_NAMED = 10
"""Of more hosts, a note that concerns all of them, or almost all, does not name each."""
MOST_EXCEPTIONS = 3
"""The most hosts that such a note names as those that it does not concern."""
LONGEST_SEEN = 240
"""The most characters of an observation in the line of a cause."""


def fleet_text(reports: Sequence[Report]) -> str:
    """Return the summary of many hosts: counts by verdict, causes, the table of authenticated sources, and notes."""
    counts = Counter(report.word for report in reports)
    how = ", ".join(f"{count} {word}" for word, count in counts.items())
    lines = [f"{len(reports)} hosts: {how}; {_changed_hosts(reports)}"]
    lines += [f"  {text}" for text in causes_text(reports)]
    return "\n".join([*lines, *_matrix(reports), *notes_text(reports)])


def _changed_hosts(reports: Sequence[Report]) -> str:
    """Return how many hosts were changed, and on how many it is unknown."""
    changed = sum(report.has_changed for report in reports)
    unknown = sum(report.change_is_unknown for report in reports)
    if not unknown:
        return f"{changed or 'nothing'} changed"
    if not changed:
        return f"{unknown} may have changed"
    return f"{changed} changed, {unknown} may have changed"


def causes_text(reports: Iterable[Report], *, with_seen: bool = False) -> Iterator[str]:
    """Yield one line for each cause of failure, with the hosts that have it; the most frequent first.

    ``with_seen``: also with the observation on the first of these hosts.
    """
    hosts: dict[str, dict[str, str]] = {}
    for report in reports:
        for cause, seen in _causes_with_seen(report):
            hosts.setdefault(cause, {})[str(report.host)] = seen
    for cause, having in sorted(hosts.items(), key=lambda item: -len(item[1])):
        noun = "hosts"
        if len(having) == 1:
            noun = "host"
        seen = _seen_text(having) if with_seen else ""
        yield f"{len(having)} {noun} ({', '.join(having)}): {cause}{seen}"


def _seen_text(seen: Mapping[str, str]) -> str:
    """Return the observation that all hosts share, or the one of the first host, with its name."""
    host, first = next(iter(seen.items()))
    if not first:
        return ""
    text = shortened(on_one_line(first), LONGEST_SEEN)
    if len(set(seen.values())) == 1:
        return f" ({text})"
    return f" ({host}: {text})"


def notes_text(reports: Sequence[Report]) -> Iterator[str]:
    """Yield a line for each different note, with the hosts that it concerns."""
    hosts: dict[str, list[str]] = {}
    for report in reports:
        for note in dict.fromkeys(report.notes):
            hosts.setdefault(note, []).append(str(report.host))
    for text, having in hosts.items():
        note = text
        names = ", ".join(having)
        if len(reports) > MOST_NAMED and len(reports) - len(having) <= MOST_EXCEPTIONS:
            names = f"all {len(reports)} hosts"
            if others := [str(report.host) for report in reports if text not in report.notes]:
                names = f"all of the {len(reports)} hosts but {', '.join(others)}"
        if len(reports) > 1:
            note = f"{note}: {names}"
        yield line_text("note", note, "")


def causes(report: Report) -> Iterator[str]:
    """Yield why a host failed or was not tried: its error without its name, or else each finding that does not hold."""
    for cause, _ in _causes_with_seen(report):
        yield cause


def _causes_with_seen(report: Report) -> Iterator[tuple[str, str]]:
    """Yield each cause with its observation, which is empty for an error."""
    if report.error is not None:
        # Names and addresses are removed, so that equal causes on several hosts have equal text.
        words = report.error.removeprefix(f"{report.host}: ")
        words = re.sub(r"\b(connection to|answer from|cannot resolve) [\w.:%-]*\w", r"\1 the host", words)
        yield on_one_line(words), ""
    else:
        for finding in folded(report.findings):
            if finding.holds is False:
                # A claim alone reads as if it were true.
                yield f"FAILED: {finding}", finding.seen


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
