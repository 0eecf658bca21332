"""Write the report of a command as Markdown, for the summary of a job and for comments on a proposal. Pure.

Text of hosts and files is shown as code, and has no effect there: no Markdown, no HTML, no mention (``@name``) and no
link. Code on one line is HTML, which a table and a summary can hold; several lines are a code block.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from provision.common.results import Status
from provision.common.text import on_one_line, shortened, shown
from provision.output.command_report import NOT_ENDED, CommandReport, utc
from provision.output.findings import folded
from provision.output.fleet_text import causes
from provision.output.report import BY_URGENCY, Report
from provision.output.report_text import changed_text, ending_text, finding_text, outcome_text

MOST_CHARACTERS = 60_000
"""Of a document: a comment on GitHub may have 65,536, and the reader may add words of his own."""
MOST_OF_BLOCK = 15_000
MOST_OF_ERROR = 1000
MOST_OF_CELL = 200
ACTIVE = re.compile(r"[^\w ,./=-]|_|(?<=www)\.", re.IGNORECASE)
"""Characters that Markdown, HTML or the search for links may evaluate."""
HEADINGS = ("host", "role", "verdict", "changed", "reason")


def markdown_text(report: CommandReport) -> str:
    """Return the document of a command; of parts that are too long, it has the beginning."""
    hosts = sorted(report.hosts, key=_urgency)
    parts = [f"### chrony-provision {report.command}", _about(report)]
    if report.error is not None or report.exit_status is None:
        parts.append(f"**error**: {_code(report.error or NOT_ENDED, MOST_OF_ERROR)}")
    if report.summary:
        parts.append(_block(report.summary))
    if hosts:
        parts.append(_table(hosts))
    details = [_details(host) for host in hosts if not host.ok]
    room = MOST_CHARACTERS - sum(map(len, parts))
    parts += _fitting(details, room, "Hosts that are not ok, left out here: {}")
    return "{}\n".format("\n\n".join(parts))


def _urgency(report: Report) -> int:
    """Return the place of a host in the table: the most urgent verdicts come first."""
    return [*BY_URGENCY, report.verdict].index(report.verdict)


def _about(report: CommandReport) -> str:
    words = [f"began {utc(report.began)}"]
    if report.exit_status is not None:
        words.insert(0, f"exit status {report.exit_status}")
    if report.site is not None:
        words.append(f"site {_code(str(report.site))}")
    return ", ".join(words)


def _table(hosts: Iterable[Report]) -> str:
    rows = [_row(_cells(host)) for host in hosts]
    lines = [_row(HEADINGS), _row(["---"] * len(HEADINGS))]
    return "\n".join([*lines, *_fitting(rows, MOST_OF_BLOCK, _row(["left out here: {}", "", "", "", ""]))])


def _cells(report: Report) -> Sequence[str]:
    return (
        _code(str(report.host)),
        report.role,
        report.word,
        changed_text(report),
        _code("; ".join(causes(report))),
    )


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _details(report: Report) -> str:
    """Return a block that opens on demand: the steps that are not unchanged, the findings that do not hold, the end."""
    steps = [outcome_text(outcome) for outcome in report.outcomes if outcome.status is not Status.UNCHANGED]
    findings = [finding_text(finding) for finding in folded(report.findings) if not finding.holds]
    lines = "\n".join([*steps, *findings, ending_text(report)])
    title = f"{_code(str(report.host))}: {report.word}"
    return f"<details><summary>{title}</summary>\n\n{_block(lines)}\n\n</details>"


def _fitting(texts: Sequence[str], room: int, rest: str) -> Iterator[str]:
    """Yield the texts that fit into so many characters, and then ``rest`` with the number of the others."""
    for number, text in enumerate(texts):
        # With the character between them: of many empty lines, there is nothing else.
        room -= len(text) + 1
        if room < 0:
            yield rest.format(len(texts) - number)
            return
        yield text


def _block(text: str) -> str:
    """Return a code block, whose fence is longer than each row of backticks in the text."""
    printable = "\n".join(_fitting(shown(text).split("\n"), MOST_OF_BLOCK, "lines left out here: {}"))
    longest = max(map(len, re.findall("`+", printable)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{printable}\n{fence}"


def _code(text: str, most: int = MOST_OF_CELL) -> str:
    """Return a text as code on one line; empty for an empty text."""
    if not text:
        return ""
    inert = ACTIVE.sub(lambda found: f"&#{ord(found[0])};", shortened(on_one_line(text), most))
    return f"<code>{inert}</code>"
