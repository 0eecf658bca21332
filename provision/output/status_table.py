"""The state of many hosts as a table: a line for each host, the worst first."""

from collections import Counter
from collections.abc import Iterator, Sequence

from provision.common.text import aligned, on_one_line, seconds_text
from provision.output.fleet_text import causes_text, notes_text
from provision.output.report import Report, Verdict
from provision.output.status import TimeSource
from provision.output.status_text import authentication_text, offset_text

HEADINGS = (
    "host",
    "role",
    "stratum",
    "offset",
    "error bound",
    "source",
    "reach",
    "authentication",
    "generation",
    "state",
)
URGENCY = (Verdict.FAILED, Verdict.NOT_TRIED, Verdict.OK)
COLOURS = {Verdict.FAILED: "red", Verdict.NOT_TRIED: "yellow"}
LEAST_NEEDED = ("generation", "authentication", "reach", "role", "source")
"""The columns that a narrow terminal does without, the first of them first."""
STATE_WIDTH = len("not tried")
SHORT_ID = 8
"""Characters of the id of a generation; it has 16."""


def worst_first(reports: Sequence[Report]) -> list[Report]:
    """Return the reports by verdict, then by the error bound, the largest first; equal ones keep their order."""
    return sorted(reports, key=lambda report: (URGENCY.index(report.verdict), -_error_bound(report)))


def status_lines(reports: Sequence[Report], width: int | None = None) -> list[tuple[str, str]]:
    """Return the lines of the table, the counts, the causes and the notes of the task ``status``.

    With each line comes its style: a colour, ``bold``, or an empty text. ``width``: leave out columns, so that the
    state of each host stands within so many characters.
    """
    ordered = worst_first(reports)
    rows: list[Sequence[str]] = [HEADINGS, *map(_cells, ordered)]
    if width is not None:
        rows = _fitting(rows, width)
    table = list(aligned(rows))
    lines = [(table[0], "bold")]
    for line, report in zip(table[1:], ordered, strict=True):
        lines.append((line, COLOURS.get(report.verdict, "")))
    counts = Counter(report.word for report in ordered)
    noun = "host" if len(reports) == 1 else "hosts"
    lines.append((f"{len(reports)} {noun}: {', '.join(f'{count} {word}' for word, count in counts.items())}", "bold"))
    lines += [(f"  {text}", "") for text in causes_text(ordered, with_seen=True)]
    return lines + [(text, "") for text in notes_text(ordered)]


def _fitting(rows: Sequence[Sequence[str]], width: int) -> list[Sequence[str]]:
    """Return the rows without columns that would push the state, which is the last one, out of the width."""
    kept = list(range(len(HEADINGS)))
    for name in LEAST_NEEDED:
        before_state = sum(max(len(row[number]) for row in rows) + 2 for number in kept[:-1])
        if before_state + STATE_WIDTH <= width:
            break
        kept.remove(HEADINGS.index(name))
    return [[row[number] for number in kept] for row in rows]


def _error_bound(report: Report) -> float:
    if report.status is None or report.status.clock is None:
        return float("inf")
    return report.status.clock.error_bound_seconds


def _cells(report: Report) -> tuple[str, ...]:
    return tuple(on_one_line(cell) for cell in (str(report.host), *_values(report), _state(report)))


def _values(report: Report) -> Iterator[str]:
    """Yield the cells between the host and its state; a hyphen for each value that is not known."""
    status = report.status
    if status is None:
        yield from "-" * (len(HEADINGS) - 2)
        return
    yield status.role.value
    if status.clock is None:
        yield from "---"
    else:
        yield str(status.clock.stratum)
        yield offset_text(status.clock.offset_seconds)
        yield seconds_text(status.clock.error_bound_seconds)
    yield from _source(status.selected)
    yield status.generation[:SHORT_ID] or "-"


def _source(selected: TimeSource | None) -> tuple[str, str, str]:
    if selected is None:
        return "-", "-", "-"
    return selected.name, f"{selected.reach:03o}", authentication_text(selected)


def _state(report: Report) -> str:
    """Return the verdict and, in short, the reason: the checks that fail, and the layers at which sources do."""
    word = report.word
    failed = [finding.id for finding in report.findings if finding.holds is False]
    if failed:
        return f"{word}: {', '.join(dict.fromkeys(failed))}{_layers(report)}"
    if report.status is not None and report.status.unconfirmed is not None:
        return f"{word}, not confirmed"
    return word


def _layers(report: Report) -> str:
    """Return the layers at which sources fail, such as `` (no-route)``; empty if all give time."""
    if report.status is None:
        return ""
    layers = [source.fault.layer.value for source in report.status.sources if source.fault is not None]
    if not layers:
        return ""
    return f" ({', '.join(dict.fromkeys(layers))})"
