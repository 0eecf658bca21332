"""Collect all that the HTML page shows of one host: its state, its history, and the logs of its clock."""

from provision.build.evidence import sections
from provision.chrony.clock_log import parse_measurements_log, parse_statistics_log, parse_tracking_log
from provision.common.errors import ParseError, understood
from provision.deploy.history import read_history
from provision.deploy.history_records import events
from provision.deploy.run import Run
from provision.deploy.status import status
from provision.host import scripts
from provision.host.paths import ROOT

MOST_LINES, MOST_POINTS, MOST_BYTES = 20_000, 900, 4_000_000
"""Of a log: the last lines that are read, those that the host sends, and the most bytes that are read."""


def report(run: Run) -> None:
    """Ask a host for its state, its history, and the logs of its clock, and judge it as ``status`` does."""
    history = read_history(run)
    run.report.history = events(history.records, history.current, history.unconfirmed)
    _read_logs(run)
    status(run)


def _read_logs(run: Run) -> None:
    """Read the logs that chronyd writes where the site has set time.log. Raises CommandFailed, ParseError."""
    numbers = map(str, (MOST_LINES, MOST_POINTS, MOST_BYTES))
    host = run.session.host
    said = sections(host.ask(scripts.load("print_clock_logs", ROOT, *numbers)))
    with understood(f"{host.name}: the logs of chronyd"):
        if "finished" not in said:
            raise ParseError("the answer is incomplete; the host may have been cut off")
        run.report.clock_points = parse_tracking_log(said["tracking"])
        run.report.source_points = (
            *parse_statistics_log(said.get("statistics", "")),
            *parse_measurements_log(said.get("measurements", "")),
        )
