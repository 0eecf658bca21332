"""The report of a command: its exit status and its error, by the way in which it ended."""

from datetime import datetime, timedelta, timezone

import pytest

from provision.common.errors import NotRecorded, OutputUnread, SiteError
from provision.output.command_report import CommandReport, utc
from tests.helpers.command_reports import BEGAN, command_report
from tests.helpers.report_samples import BAD, PENDING, report

ENDINGS = [
    pytest.param(SiteError("site.toml: time.servers: empty"), "site.toml: time.servers: empty", 2, id="bad input"),
    pytest.param(NotRecorded("the key file"), "the key file", 1, id="not recorded"),
    pytest.param(KeyboardInterrupt(), "interrupted", 130, id="interrupted"),
    pytest.param(OutputUnread("nobody reads the output"), "nobody reads the output", 141, id="nobody reads"),
    pytest.param(OSError(28, "No space left on device"), "No space left on device", 1, id="a full disk"),
    pytest.param(OSError(13, "Permission denied", "/x"), "/x: Permission denied", 1, id="a file"),
    pytest.param(ZeroDivisionError("secret"), "internal error: ZeroDivisionError", 1, id="a bug"),
]


@pytest.mark.parametrize(("error", "words", "status"), ENDINGS)
def test_an_error_of_the_command_decides_its_exit_status(error: BaseException, words: str, status: int) -> None:
    made = command_report(report(findings=[BAD]))
    made.conclude(error)
    assert (made.error, made.exit_status) == (words, status)


def test_without_an_error_the_hosts_decide() -> None:
    assert command_report(report()).exit_status == 0
    assert command_report(report(outcomes=[PENDING])).exit_status == 3
    assert command_report(report(outcomes=[PENDING]), report(findings=[BAD])).exit_status == 1


def test_a_command_that_has_not_ended_has_no_exit_status() -> None:
    assert CommandReport(command="deploy", site=None, began=BEGAN).exit_status is None


def test_a_time_is_in_utc_and_in_seconds() -> None:
    there = datetime(2026, 11, 27, 20, 2, 17, 999, tzinfo=timezone(timedelta(hours=1)))
    assert utc(there) == "2026-11-27T19:02:17Z"
