"""The operation of the HTML page, on a host that is a table, and its script."""

import subprocess
from pathlib import Path

import pytest

from provision.deploy.deploy import deploy
from provision.deploy.report import MOST_BYTES, report
from provision.host import scripts
from tests.unit.chrony.test_clock_log import HEADING, MEASUREMENTS, STATISTICS, TRACKING
from tests.unit.deploy.conftest import Operator


def test_the_state_the_history_and_the_logs_are_read_in_three_round_trips(operator: Operator) -> None:
    operator.site += "\n[limits]\nsources = 1\n"
    assert operator.run(deploy).ok
    operator.host.tracking_log = f"{HEADING}\n{TRACKING}"
    seen = operator.run(report)
    assert seen.ok
    assert seen.status is not None
    assert seen.history is not None
    assert [point.frequency_ppm for point in seen.clock_points] == [-3.541]
    assert seen.round_trips <= 4
    assert operator.host.told == []


def test_a_host_without_a_deployment_gets_the_command_that_deploys(operator: Operator) -> None:
    operator.host.answers["print_status"] = "==> not deployed\n"
    assert operator.run(report).error == "ntp1: nothing is deployed here; inv deploy deploys"


def printed(folder: Path, *, most_lines: int = 2000, most: int = 300) -> list[str]:
    """Run the script with dash, and return its lines."""
    script = scripts.load("print_clock_logs", str(folder), str(most_lines), str(most), str(MOST_BYTES))
    done = subprocess.run(["dash", "-c", script], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def logging(folder: Path) -> Path:
    """Return the folder of logs of a host whose chrony.conf names it."""
    logs = folder / "logs"
    logs.mkdir()
    (folder / "current").mkdir()
    (folder / "current/chrony.conf").write_text(f"server ntp1\nlogdir {logs}\n")
    return logs


def test_a_host_without_logs_prints_none(tmp_path: Path) -> None:
    empty = ["==> tracking", "==> measurements", "==> finished"]
    assert printed(tmp_path) == empty
    logging(tmp_path)
    assert printed(tmp_path) == empty


def timed(line: str, second: int) -> str:
    """Return the line of a log at another second of its day."""
    date, _, rest = line.split(" ", 2)
    return f"{date} {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} {rest}"


def test_a_long_log_is_thinned_on_the_host(tmp_path: Path) -> None:
    logs = logging(tmp_path)
    lines = [timed(TRACKING, second).replace("-3.541", f"{second % 97}.5") for second in range(5000)]
    (logs / "tracking.log").write_text("\n".join([HEADING, *lines, ""]))
    first, *some, _, last = printed(tmp_path)
    assert (first, last) == ("==> tracking", "==> finished")
    assert 90 < len(some) <= 300
    assert (some[0], some[-1]) == (lines[-2000], lines[-1])
    assert set(some) <= set(lines[-2000:])
    assert some == sorted(set(some))


@pytest.mark.parametrize("value", ["-3.541", "-8.621e-06", "8.304e-03"])
@pytest.mark.parametrize("peak", ["-4.5e+03", "4.5e+03"])
def test_a_short_peak_in_a_long_log_is_sent(value: str, peak: str, tmp_path: Path) -> None:
    logs = logging(tmp_path)
    lines = [timed(TRACKING, second) for second in range(5000)]
    lines[4321] = lines[4321].replace(value, peak)
    (logs / "tracking.log").write_text("\n".join([HEADING, *lines, ""]))
    assert lines[4321] in printed(tmp_path)


def test_a_source_that_is_between_the_others_is_sent_too(tmp_path: Path) -> None:
    logs = logging(tmp_path)
    offsets = ["-5.0e-03", "0.0e+00", "5.0e-03"]
    lines = [
        timed(STATISTICS, second)
        .replace("203.0.113.15", f"203.0.113.{second % 3}")
        .replace("-3.247e-03", offsets[second % 3])
        for second in range(3000)
    ]
    (logs / "statistics.log").write_text("\n".join(lines) + "\n")
    some = printed(tmp_path)
    for source in range(3):
        assert len([line for line in some if f"203.0.113.{source} " in line]) >= 45
    assert len(some) <= 300 + 3


def test_statistics_are_printed_and_measurements_only_without_them(tmp_path: Path) -> None:
    logs = logging(tmp_path)
    (logs / "measurements.log").write_text(f"{MEASUREMENTS}\n")
    assert printed(tmp_path) == ["==> tracking", "==> measurements", MEASUREMENTS, "==> finished"]
    (logs / "statistics.log").write_text(f"{HEADING}\n{STATISTICS}\n")
    assert printed(tmp_path) == ["==> tracking", "==> statistics", STATISTICS, "==> finished"]
