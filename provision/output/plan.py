"""Write a plan for people: the changes, with hosts that need the same together. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from provision.common.results import Change, Sign, Status
from provision.common.text import on_one_line
from provision.output.findings import folded
from provision.output.fleet_text import notes_text
from provision.output.report import Report, Verdict
from provision.output.report_text import diff_text, error_lines, finding_text, outcome_text

MOST_HOSTS = 10
"""Of more hosts, a line names the first ones."""
SUBJECT_WIDTH = len("chrony.conf")
COUNTED = {
    Verdict.WOULD_CHANGE: "to change",
    Verdict.OK: "unchanged",
    Verdict.FAILED: "FAILED",
    Verdict.NOT_TRIED: "not tried",
}
"""The words of the last line."""
BUILD = "build"
PACKAGES = "packages"
FOLDED = (PACKAGES, "sandbox-build")
"""The ids of the change about the build, and of those that are a part of its line."""


def plan_text(
    reports: Sequence[Report], *, diffs: bool, builders: Collection[str | None] = (), closing: str = ""
) -> str:
    """Return the plan: the hosts in their order, notes, and a line with their number.

    ``diffs``: begin with each step that would change something, its reason, the differences of files, and the findings
    about a host with nothing to change.
    ``builders``: the hosts that compile by the site file; otherwise, which host compiles is not known yet.
    ``closing``: a sentence about the order of the hosts, for the last line.
    """
    lines: list[str] = []
    if diffs:
        for report in reports:
            lines += _steps(report)
    undecided = _undecided(reports, builders)
    for group in _groups(reports):
        lines += _group_lines(group, undecided)
    lines += notes_text(reports)
    lines.append(f"Plan: {_counts(reports)}. {closing}".rstrip())
    return "\n".join(lines)


def _steps(report: Report) -> Iterator[str]:
    pending = [outcome for outcome in report.outcomes if outcome.status is Status.PENDING]
    if pending or report.findings:
        yield str(report.host)
    for outcome in pending:
        yield outcome_text(outcome)
        if outcome.diff:
            yield diff_text(outcome)
    yield from map(finding_text, folded(report.findings))


def _groups(reports: Iterable[Report]) -> Iterable[Sequence[Report]]:
    """Return the hosts that need the same, in the order of the first one of each group."""
    groups: dict[object, list[Report]] = {}
    for report in reports:
        same = frozenset((one.id, one.sign, one.subject, one.text, one.minor) for one in _lines_of(report))
        groups.setdefault((report.role, same, *_faults(report)), []).append(report)
    return groups.values()


def _lines_of(report: Report) -> list[Change]:
    """Return the changes that have lines; packages and sandbox are a part of the build, if one is made."""
    has_build = _build_of(report) is not None
    return [change for change in report.changes if not (has_build and change.id in FOLDED)]


def _build_of(report: Report) -> Change | None:
    return next((change for change in report.changes if change.id == BUILD), None)


def _undecided(reports: Iterable[Report], builders: Collection[str | None]) -> Mapping[str, str]:
    """Return host → who compiles, for each build that the first hosts compile which come to it (fleet.rollout)."""
    builds = {str(report.host): (report, change) for report in reports if (change := _build_of(report)) is not None}
    needing: dict[str, list[str]] = {}
    for name, (_, build) in builds.items():
        if build.by:
            needing.setdefault(build.by, []).append(name)
    found: dict[str, str] = {}
    for by, others in needing.items():
        compilers = [name for name in by.split(", ") if name in builds]
        if compilers and not set(compilers) & set(builders):
            report, build = builds[compilers[0]]
            everyone = [name for name in builds if name in {*compilers, *others}]
            words = _some_of(everyone, len(compilers), _way(build, report))
            found.update(dict.fromkeys(everyone, words))
    return found


def _some_of(hosts: Sequence[str], count: int, way: str) -> str:
    """Return words such as ``one of ntp1, ntp2 compiles (9 packages), the other gets the artifact``."""
    others = "the others get the artifact"
    if len(hosts) - count == 1:
        others = "the other gets the artifact"
    if count == 1:
        return f"one of {_names(hosts)} {way}, {others}"
    return f"{count} of {_names(hosts)} {_in_plural(way)}, {others}"


def _group_lines(group: Sequence[Report], undecided: Mapping[str, str]) -> Iterator[str]:
    first = group[0]
    role = ""
    if first.role:
        role = f" ({first.role}{_s(group)})"
    yield f"{_names(str(report.host) for report in group)}{role}"
    changes = _lines_of(first)
    minor = [change.subject for change in changes if change.minor]
    for change in changes:
        if not change.minor and change.sign is not Sign.WARNING:
            yield _line(change.sign, change.subject, _text(change, group, undecided))
    if minor:
        yield _line(Sign.NEW, "on host", ", ".join(minor))
    for change in changes:
        if change.sign is Sign.WARNING:
            yield _line(change.sign, change.subject, change.text)
    faults = _faults(first)
    if not changes and not faults:
        yield "    nothing to change"
    yield from faults


def _faults(report: Report) -> list[str]:
    """Return a line for each failed finding, also of a host with nothing to change, and those of the error."""
    failed = [finding_text(finding) for finding in folded(report.findings) if finding.holds is False]
    return [*failed, *(f"  {line}" for line in error_lines(report))]


def _line(sign: Sign, subject: str, text: str) -> str:
    return on_one_line(f"    {sign} {subject:<{SUBJECT_WIDTH}}  {text}".rstrip())


def _text(change: Change, group: Sequence[Report], undecided: Mapping[str, str]) -> str:
    """Return the text of a change, and how each host of the group gets there if that is not said yet."""
    ways: dict[str, None] = {}
    hosts_by_way: dict[str, list[str]] = {}
    for report in group:
        host = str(report.host)
        if change.id == BUILD and host in undecided:
            ways[undecided[host]] = None
        elif way := _way(change, report):
            hosts_by_way.setdefault(way, []).append(host)
    ways.update(dict.fromkeys(_ways(hosts_by_way, len(group))))
    if not ways:
        return change.text
    return f"{change.text}: {', '.join(ways)}"


def _ways(hosts_by_way: Mapping[str, Sequence[str]], count: int) -> Iterator[str]:
    for way, hosts in hosts_by_way.items():
        if count == 1:
            yield way
        elif len(hosts) == 1:
            yield f"{hosts[0]} {way}"
        else:
            who = _names(hosts)
            if len(hosts) == count:
                who = "all"
            yield f"{who} {_in_plural(way)}"


def _in_plural(way: str) -> str:
    verb, blank, rest = way.partition(" ")
    return f"{verb.removesuffix('s')}{blank}{rest}"


def _way(change: Change, report: Report) -> str:
    """Return how a host gets there, such as ``compiles (9 packages; took 41 s on ntp1)``."""
    own = next(one for one in report.changes if one.id == change.id)
    packages = [word for one in report.changes if one.id == PACKAGES for word in one.text.split()]
    details = []
    if packages:
        details.append(f"{len(packages)} packages")
    if own.took_seconds is not None:
        details.append(f"took {own.took_seconds:.0f} s on {own.took_on}")
    if own.how and details:
        return f"{own.how} ({'; '.join(details)})"
    return own.how


def _names(hosts: Iterable[str]) -> str:
    names = list(hosts)
    if len(names) <= MOST_HOSTS:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_HOSTS])} and {len(names) - MOST_HOSTS} more"


def _counts(reports: Sequence[Report]) -> str:
    counts = Counter(report.verdict for report in reports)
    found = [f"{counts[verdict]} {word}" for verdict, word in COUNTED.items() if counts[verdict]]
    if not reports or found == [f"{len(reports)} unchanged"]:
        found = ["nothing to change"]
    return f"{len(reports)} host{_s(reports)}, {', '.join(found)}"


def _s(several: Sequence[object]) -> str:
    """Return the ending of a plural."""
    if len(several) == 1:
        return ""
    return "s"
