"""Write the report of a command as JUnit XML, for the test reports of GitLab, Jenkins and others. Pure.

Each host is a suite. Its cases are the run itself, each step, and each finding: ``ntp1.run``, ``ntp1.step`` and
``ntp1.finding`` are their classes (GitLab calls them suites, Jenkins takes the host for the package), and stable ids
their names, by which a case is recognised in the next report. A case holds

* an error, if the run on the host ended with one;
* a failure, if the finding does not hold;
* "skipped", if the finding was not checked, or a plan has the step still to do: that is the word for a case that was
  not executed. As a failure, it would mark each planned change as a fault; as a success, it would say that the host is
  as the site describes it.

So the exit status is 0 or 3 exactly if no case has an error or a failure. The structure is that of the schema of
Jenkins' xUnit plugin (junit-10.xsd), which Surefire and pytest follow, too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from provision.common.results import Finding, Outcome, Status
from provision.common.text import on_one_line
from provision.output.command_report import NOT_ENDED, CommandReport
from provision.output.report import Report
from provision.output.report_text import ending_text, finding_text, outcome_text
from provision.output.status_text import status_text

PROGRAM = "chrony-provision"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
OF_STEP = "site."
"""The ids of findings about steps begin with it; no two of a report have the same id."""
RESULTS = {"errors": "error", "failures": "failure", "skipped": "skipped"}
"""Attribute of a suite → the element of the cases that it counts."""


def junit_text(report: CommandReport) -> str:
    """Return the document of a command."""
    suites = [_suite_of_host(host, report) for host in report.hosts]
    if report.error is not None or report.exit_status is None:
        suites.append(_suite_of_command(report))
    root = Element("testsuites", name=f"{PROGRAM} {report.command}", time=_seconds(report.hosts))
    root.extend(suites)
    # The schema has no "skipped" here.
    for attribute in ("tests", "failures", "errors"):
        root.set(attribute, str(sum(int(suite.attrib[attribute]) for suite in suites)))
    indent(root)
    return f"{DECLARATION}\n{tostring(root, encoding='unicode')}\n"


def _suite_of_command(report: CommandReport) -> Element:
    """Return a suite that says why the whole command ended early, or that it has not ended."""
    run = _case(PROGRAM, "run", report.command)
    _add(run, "error", report.error or NOT_ENDED, kind="command")
    return _suite(PROGRAM, [run], began=report.began, time="0", properties={"site": str(report.site or "")})


def _suite_of_host(report: Report, of_command: CommandReport) -> Element:
    host = str(report.host)
    run = _case(host, "run", of_command.command, time=_seconds([report]))
    if report.error is not None:
        _add(run, "error", report.error, kind=report.word)
    SubElement(run, "system-out").text = "\n".join([*_state(report), ending_text(report)])
    cases = [run, *(_step(host, one) for one in report.outcomes), *(_finding(host, one) for one in report.findings)]
    properties = {
        "verdict": report.word,
        "role": report.role,
        "platform": report.platform,
        "address": report.address,
    }
    return _suite(host, cases, began=of_command.began, time=_seconds([report]), properties=properties)


def _state(report: Report) -> Iterator[str]:
    """Yield the lines of the state of the clock and of the sources, as on a terminal."""
    if report.status is not None:
        yield from map(on_one_line, status_text(report.status).splitlines())


def _step(host: str, outcome: Outcome) -> Element:
    case = _case(host, "step", outcome.id)
    words = outcome_text(outcome).strip()
    if outcome.status is Status.PENDING:
        _add(case, "skipped", f"would change: {outcome.reason or outcome.title}", text=words)
    else:
        SubElement(case, "system-out").text = words
    return case


def _finding(host: str, finding: Finding) -> Element:
    name = finding.id
    # The subject of a finding about a step is its title, which may name a generation: the next one has another name.
    if finding.subject and not finding.id.startswith(OF_STEP):
        name = f"{finding.id}[{finding.subject}]"
    case = _case(host, "finding", name)
    words = finding_text(finding).strip()
    if finding.holds is None:
        _add(case, "skipped", f"not checked: {finding.seen}", text=words)
    elif finding.holds:
        SubElement(case, "system-out").text = words
    else:
        _add(case, "failure", finding.seen, kind="finding", text=words)
    return case


def _suite(
    name: str, cases: Sequence[Element], *, began: datetime, time: str, properties: Mapping[str, str]
) -> Element:
    """Return a suite with its cases, counted by their results."""
    # By custom a timestamp has no zone.
    timestamp = began.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    suite = Element("testsuite", name=on_one_line(name), tests=str(len(cases)), time=time, timestamp=timestamp)
    for attribute, element in RESULTS.items():
        suite.set(attribute, str(sum(case.find(element) is not None for case in cases)))
    listed = SubElement(suite, "properties")
    for key, value in properties.items():
        SubElement(listed, "property", name=key, value=on_one_line(value))
    suite.extend(cases)
    return suite


def _case(suite: str, group: str, name: str, *, time: str = "0") -> Element:
    """Return a case; only for the whole run it is known how long it took, in seconds."""
    return Element("testcase", classname=on_one_line(f"{suite}.{group}"), name=on_one_line(name), time=time)


def _add(case: Element, element: str, message: str, *, kind: str = "", text: str = "") -> None:
    """Add the result to a case; ``text`` is on one line. Jenkins shows the message, GitLab the text alone.

    XML has no characters of control and no halves of a pair; they are escaped, as on a terminal.
    """
    line = on_one_line(message)
    result = SubElement(case, element, message=line)
    if kind:
        result.set("type", kind)
    result.text = text or line


def _seconds(reports: Iterable[Report]) -> str:
    return f"{sum(report.seconds for report in reports):.3f}"
