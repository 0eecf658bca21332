"""Write the states of hosts as the output of a monitoring plugin: one state, text, and performance data.

The form is that of the guidelines of monitoring-plugins.org, which Nagios, Icinga, Naemon and Checkmk read. Several
hosts have a summary as first line, then a line for each host that is not ok, and their performance data at the end.
"""

import re
from collections.abc import Iterator, Sequence
from enum import IntEnum

from provision.common.text import on_one_line, seconds_text
from provision.output.report import Report, Verdict
from provision.output.status import Clock, ClockLimits, HostStatus

SERVICE = "CHRONY"


class State(IntEnum):
    """The state of a service. Its value is the exit status."""

    OK = 0
    WARNING = 1
    """The time is right, and needs somebody's attention: see :data:`WARNINGS`."""
    CRITICAL = 2
    """A finding does not hold, or the host was asked and its answer is an error: the verdict is ``FAILED``."""
    UNKNOWN = 3
    """The host could not be asked: the verdict is ``not tried``. SSH is only the way to a clock that may be right. Or
    its clock is not known, and no finding says why."""


BY_URGENCY = (State.CRITICAL, State.WARNING, State.UNKNOWN, State.OK)
"""Of several hosts, the first of these is the state (as max_state_alt of the Monitoring Plugins)."""
WARNINGS = {"limits.sources"}
"""Findings of a clock that is right: with fewer sources than the site wants, the next fault may take its time."""
UNFIT_FOR_A_LABEL = re.compile(r"[^\w.@:%+\[\]/ -]")
"""Characters that a label of performance data may not have, or that a reader may take for the end of one."""


def plugin_output(reports: Sequence[Report]) -> tuple[State, str]:
    """Return the state of the hosts, and the output without the last newline."""
    if not reports:
        return State.UNKNOWN, refusal("no host was asked")
    if len(reports) == 1:
        (report,) = reports
        state = state_of(report)
        return state, _with_data(f"{_opening(state)}{report.host}: {_words(report)}", _performance(report))
    return _of_fleet(reports)


def refusal(why: str) -> str:
    """Return the output of a command that asked no host."""
    return _plain(f"{_opening(State.UNKNOWN)}{why}")


def state_of(report: Report) -> State:
    """Return the state of one host."""
    if report.verdict is Verdict.NOT_TRIED:
        return State.UNKNOWN
    failed = {finding.id for finding in report.findings if finding.holds is False}
    if report.error is not None or failed - WARNINGS:
        return State.CRITICAL
    if report.status is None or report.status.clock is None:
        # Nothing that was looked at is wrong, and the clock was not looked at.
        return State.UNKNOWN
    if failed or _waits_for_confirmation(report.status):
        return State.WARNING
    return State.OK


def _of_fleet(reports: Sequence[Report]) -> tuple[State, str]:
    states = {report.host: state_of(report) for report in reports}
    numbers = {state: sum(one is state for one in states.values()) for state in State}
    state = next(one for one in BY_URGENCY if numbers[one])
    counts = ", ".join(f"{numbers[one]} {one.name}" for one in State if numbers[one])
    data = [f"{one.name.lower()}={numbers[one]};;;0;{len(reports)}" for one in State]
    lines = [_with_data(f"{_opening(state)}{len(reports)} hosts: {counts}", data)]
    for urgency in BY_URGENCY[:-1]:
        bad = [report for report in reports if states[report.host] is urgency]
        lines += [_plain(f"[{urgency.name}] {report.host}: {_words(report)}") for report in bad]
    values = [value for report in reports for value in _performance(report, prefix=f"{report.host} ")]
    if values:
        # All that follows the second bar is performance data.
        lines.append(_with_data(f"{len(values)} values", values))
    return state, "\n".join(lines)


def _opening(state: State) -> str:
    return f"{SERVICE} {state.name} - "


def _words(report: Report) -> str:
    """Return the reasons of a state that is not ok, and otherwise the state of the clock."""
    if report.error is not None:
        return report.error.removeprefix(f"{report.host}: ")
    reasons = [finding.failure for finding in report.findings if finding.holds is False]
    status = report.status
    if status is None:
        return "; ".join(reasons) or "its state is not known"
    if status.unconfirmed is not None:
        reasons.append(str(status.unconfirmed))
    if status.clock is not None:
        reasons.append(_clock_words(status.clock))
    return "; ".join(reasons) or "its clock is not known"


def _clock_words(clock: Clock) -> str:
    offset = f"offset {seconds_text(clock.offset_seconds)}, error bound {seconds_text(clock.error_bound_seconds)}"
    if not clock.reference:
        return "no reference"
    return f"reference {clock.reference}, stratum {clock.stratum}, {offset}"


def _waits_for_confirmation(status: HostStatus | None) -> bool:
    """Return whether a switch waits to be confirmed."""
    return status is not None and not status.confirmed


def _performance(report: Report, prefix: str = "") -> list[str]:
    """Return the performance data of a host: ``label=value[unit];warning;critical;least``; none if it has no clock."""
    status = report.status
    if status is None or status.clock is None:
        return []
    name = prefix.replace("'", "").strip()
    return list(_values(status.clock, status.limits, UNFIT_FOR_A_LABEL.sub("_", name)))


def _values(clock: Clock, limits: ClockLimits | None, host: str) -> Iterator[str]:
    offset_range = error_range = ""
    if limits is not None:
        offset_range = f"-{_number(limits.offset_seconds)}:{_number(limits.offset_seconds)}"
        error_range = _number(limits.error_seconds)
    if clock.synchronised:
        yield f"{_label(host, 'offset')}={_number(clock.offset_seconds)}s;;{offset_range}"
        yield f"{_label(host, 'error')}={_number(clock.error_bound_seconds)}s;;{error_range};0"
    yield f"{_label(host, 'stratum')}={clock.stratum};;;0"


def _label(host: str, what: str) -> str:
    if not host:
        return what
    return f"'{host} {what}'"


def _number(value: float) -> str:
    """Return a number without an exponent, which performance data does not have."""
    # Zero has no sign.
    return f"{round(value, 9) + 0.0:.9f}"


def _with_data(text: str, data: Sequence[str]) -> str:
    line = _plain(text)
    if data:
        line = f"{line} | {' '.join(data)}"
    return line


def _plain(text: str) -> str:
    """Return text for one line; a bar would begin the performance data."""
    return on_one_line(text).replace("|", r"\x7c").replace("µ", "u")
