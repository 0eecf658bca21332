"""Set up every run of the tests: how Hypothesis works, which signals are ignored, and which skipped tests fail.

In CI, as root, a skipped test of booted hosts fails: there these tests are the point.
"""

import gc
import hashlib
import os
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.helpers.iri_rules import replace_slow_rules
from tests.helpers.schedule import rank, shared

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

replace_slow_rules()

# How long an example takes tells of the machine, not of what is tested.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
# For inv check, while one works; inv test, and with it CI, tries the usual 100 examples.
settings.register_profile("quick", settings.get_profile("untimed"), max_examples=15)

# Whoever starts pytest in the background, or with nohup, has these signals ignored, and every process that a test
# starts would ignore them, too: no test of Ctrl-C or of a hang-up could pass.
signal.signal(signal.SIGINT, signal.default_int_handler)
for _number in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(_number, signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.passed:
        # Nobody reads what a test printed that passed, and xdist would send it from process to process.
        report.sections = []
    # An expected failure is reported as a skip, too.
    expected = hasattr(report, "wasxfail")
    if report.skipped and not expected and item.get_closest_marker("integration") and _must_run():
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI is set: {call.excinfo and call.excinfo.value}"
    return report


@pytest.fixture(scope="session", autouse=True)
def slow_digests_are_made_once() -> Iterator[None]:
    """Keep what scrypt returns: it is slow on purpose, and hundreds of tests have the same keys."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashlib, "scrypt", cache(hashlib.scrypt))
        yield


@contextmanager
def _unmeasured() -> Iterator[None]:
    """Measure no coverage; pytest-cov's mark no_cover does not do it in the processes of xdist, measured twice."""
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(trace)


@pytest.fixture
def unmeasured() -> Iterator[None]:
    """Measure no coverage in a test that reads the whole code or each sample: it would take four times as long."""
    with _unmeasured():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Collect tests without coverage and without garbage collection: each would take twice as long.

    What the product does when it is imported is measured before.
    """
    gc.disable()
    try:
        if sys.gettrace() is None or session.config.getoption("dist", "no") != "no":
            return (yield)
        from tests.helpers.forked_tasks import import_all  # noqa: PLC0415 -- it imports the product

        import_all()
        with _unmeasured():
            return (yield)
    finally:
        # The garbage collector need not look at thousands of collected tests again and again.
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the files that take longest begin first."""
    items.sort(key=lambda item: rank(shared(item.nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "Scheduling | None":
    """Have tests that share booted hosts run in one process."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.helpers.by_hosts import ByHosts  # noqa: PLC0415 -- pytest runs without xdist, too

    return ByHosts(config, log)


def pytest_unconfigure() -> None:
    """Leave all that is left to the end of the process, in place of the garbage collector: it takes seconds."""
    gc.freeze()


@pytest.fixture
def public_path() -> Iterator[Path]:
    """Return a folder that every account may enter; pytest's own are closed to others."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _must_run() -> bool:
    return os.environ.get("CI") == "true" and os.geteuid() == 0
