"""In CI, as root, a test on booted hosts that is skipped is a failure: there they are the point. No test is timed."""

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes tells of the machine, not of what is tested.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # An expected failure is reported as a skip, too.
    expected = hasattr(report, "wasxfail")
    if report.skipped and not expected and item.get_closest_marker("integration") and _must_run():
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI is set: {call.excinfo and call.excinfo.value}"
    return report


def _must_run() -> bool:
    return os.environ.get("CI") == "true" and os.geteuid() == 0
