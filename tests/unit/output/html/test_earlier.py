"""Earlier reports, for the plots of the page."""

from dataclasses import replace
from pathlib import Path

import pytest

from provision.chrony.clock_log import ClockPoint
from provision.common.errors import SiteError
from provision.host.target import parse_target
from provision.output.html.earlier import read_earlier
from provision.output.report import Report
from provision.output.report_files import ReportFiles
from tests.helpers.status_samples import CLOCK, STATUS


def written(path: Path, *reports: Report) -> Path:
    """Write a report as inv status --json does."""
    with ReportFiles({"json": path}, "status", None) as files:
        files.report.hosts = list(reports)
    return path


def test_the_clock_of_each_synchronised_host_is_read(tmp_path: Path) -> None:
    good = Report(host=parse_target("ntp1"), status=STATUS)
    wrong = Report(host=parse_target("ntp2"), status=replace(STATUS, clock=replace(CLOCK, synchronised=False)))
    silent = Report(host=parse_target("ntp3"), status=replace(STATUS, clock=None))
    path = written(tmp_path / "report.json", good, wrong, silent, Report(host=parse_target("ntp4")))
    found = read_earlier([path, path])
    (point, other) = found["ntp1"]
    assert (set(found), point) == ({"ntp1"}, other)
    assert point == ClockPoint(
        time_seconds=point.time_seconds, offset_seconds=-3e-6, error_bound_seconds=5e-3, frequency_ppm=-12.5
    )


@pytest.mark.parametrize("text", [b"", b"[]", b'{"version": 1}', b"\xff", b'{"version":1,"time":"now","hosts":[]}'])
def test_a_file_that_is_no_report_is_an_error_of_one_line(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(text)
    with pytest.raises(SiteError, match="no report of inv status --json") as caught:
        read_earlier([path])
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"report\.json: cannot be read: "):
        read_earlier([tmp_path / "report.json"])
