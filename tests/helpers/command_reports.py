"""Reports of commands, made by hand, and the structure of their JUnit files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from provision.output.command_report import CommandReport
from provision.output.report import Report

BEGAN = datetime(2026, 11, 27, 19, 2, 17, tzinfo=UTC)

ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "time", "timestamp", "tests", "failures", "errors", "skipped"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"classname", "name", "time"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
    "system-out": set(),
}
"""Element → its attributes, of those that junit-10.xsd has (github.com/jenkinsci/xunit-plugin)."""
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "properties": {"property"},
    "testcase": {"failure", "error", "skipped", "system-out"},
}
COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}
RESULTS = set(COUNTED.values())


def command_report(*hosts: Report, **changes: Any) -> CommandReport:
    """Return the report of a command that ended."""
    report = CommandReport(command="verify", site=Path("site.toml"), began=BEGAN, hosts=list(hosts))
    report.conclude(None)
    for name, value in changes.items():
        setattr(report, name, value)
    return report


def checked_junit(text: str) -> Element:
    """Return the root of a JUnit file after a check of its structure, its counts and its names."""
    root = fromstring(text)  # noqa: S314 -- our own
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.keys()) == ATTRIBUTES[element.tag], element.tag
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set()), element.tag
    for suite in [root, *root]:
        assert suite.get("tests") == str(len(list(suite.iter("testcase"))))
        for attribute, element_name in COUNTED.items():
            assert suite.get(attribute, suite is root) in {str(len(list(suite.iter(element_name)))), True}
    cases = list(root.iter("testcase"))
    assert cases, "a report without a case could pass for a success"
    names = [(case.get("classname"), case.get("name")) for case in cases]
    # GitLab ignores the second case with a name.
    assert len(set(names)) == len(names), names
    assert all(len([child for child in case if child.tag in RESULTS]) <= 1 for case in cases)
    return root
