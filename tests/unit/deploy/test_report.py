"""The operation of the HTML page, on a host that is a table, and its script."""

import subprocess
from pathlib import Path

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


def test_a_host_on_which_nothing_is_deployed_is_told_what_deploys(operator: Operator) -> None:
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


def test_a_long_log_is_thinned_on_the_host(tmp_path: Path) -> None:
    logs = logging(tmp_path)
    lines = [TRACKING.replace("13:22:36", f"{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}") for n in range(5000)]
    (logs / "tracking.log").write_text("\n".join([HEADING, *lines, ""]))
    first, *some, _, last = printed(tmp_path)
    assert (first, last, len(some)) == ("==> tracking", "==> finished", 300)
    assert some[-1] == lines[-1]
    assert set(some) <= set(lines[-2000:])
    assert some == sorted(set(some))


def test_statistics_are_printed_and_measurements_only_without_them(tmp_path: Path) -> None:
    logs = logging(tmp_path)
    (logs / "measurements.log").write_text(f"{MEASUREMENTS}\n")
    assert printed(tmp_path) == ["==> tracking", "==> measurements", MEASUREMENTS, "==> finished"]
    (logs / "statistics.log").write_text(f"{HEADING}\n{STATISTICS}\n")
    assert printed(tmp_path) == ["==> tracking", "==> statistics", STATISTICS, "==> finished"]
