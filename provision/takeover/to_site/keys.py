"""Carry directives that have a key of their own in the site file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from provision.chrony.access_rules import parse_rule
from provision.chrony.statement import Statement
from provision.common.errors import ParseError
from provision.site.directive import line_faults
from provision.site.time import Local, Makestep, Time
from provision.takeover.remark import changed, lost
from provision.takeover.to_site.draft import NTP_PORT, PATHS, SiteDraft
from provision.takeover.to_site.sources import add_source
from provision.takeover.to_site.values import fault_of, fault_of_release, options_of, scalar

INTERVAL = "driftfile_interval"


def _add_rule(statement: Statement, draft: SiteDraft) -> None:
    try:
        rule = parse_rule(statement)
    except ParseError as error:
        draft.remarks.append(lost(statement, str(error)))
        return
    if not rule.networks:
        why = "a host name cannot stand in serve.allow or serve.deny; write its address there"
        draft.remarks.append(lost(statement, why))
        return
    draft.rules.append(rule)
    draft.keep(statement)


def _add_key_file(statement: Statement, draft: SiteDraft) -> None:
    draft.override(statement)
    draft.keep(statement, "its keys are in the file of keys.file")


def _add_local(statement: Statement, draft: SiteDraft) -> None:
    table, left = options_of(statement.arguments, Local)
    if (fault := fault_of(table, Local) or fault_of_release(statement, draft.chrony)) is not None:
        draft.remarks.append(lost(statement, fault))
        return
    draft.set(statement, table)
    if left:
        draft.take_back(statement, f"is carried without: {' '.join(left)}")


def _add_drift_file(statement: Statement, draft: SiteDraft) -> None:
    draft.time.pop(INTERVAL, None)
    left = statement.arguments[1:]
    if not any(line_faults(statement.text, draft.chrony)) and len(left) == len(("interval", "SECONDS")):
        draft.time[INTERVAL] = scalar(left[1])
        left = ()
    _set_value(statement, draft, left)


def _add_makestep(statement: Statement, draft: SiteDraft) -> None:
    table = dict(zip(("threshold", "limit"), map(scalar, statement.arguments), strict=False))
    if len(statement.arguments) != 2 or fault_of(table, Makestep) is not None:
        draft.remarks.append(lost(statement, "needs a threshold in seconds and a number of updates"))
        return
    draft.set(statement, table)


def _add_logs(statement: Statement, draft: SiteDraft) -> None:
    names = [name.lower() for name in statement.arguments]
    if (fault := fault_of({"log": names}, Time) or fault_of_release(statement, draft.chrony)) is not None:
        draft.remarks.append(lost(statement, fault))
        return
    logs = draft.time.setdefault("log", [])
    logs += [name for name in names if name not in logs]
    draft.keep(statement)


def _add_port(statement: Statement, draft: SiteDraft) -> None:
    draft.port = "".join(statement.arguments[:1])
    if draft.port == "0":
        draft.keep(statement, "a client")
    elif draft.port == NTP_PORT:
        draft.keep(statement)
    else:
        draft.remarks.append(lost(statement, "a server of a deployment has port 123"))


def add_value(statement: Statement, draft: SiteDraft) -> None:
    """Set the key that has the name of the directive: a number, a word, or true for one without an argument."""
    _set_value(statement, draft, statement.arguments[1:])


def _set_value(statement: Statement, draft: SiteDraft, left: Sequence[str]) -> None:
    """Set the key to the first argument; the words ``left`` have no counterpart."""
    value: Any = True
    if statement.arguments:
        value = scalar(statement.arguments[0])
    # Other settings are not there yet, so that nothing contradicts it.
    fault = fault_of({statement.name: value}, Time)
    if fault is None:
        draft.set(statement, value)
        if left:
            draft.take_back(statement, f"is carried without: {' '.join(left)}")
    elif statement.name in PATHS:
        default = getattr(Time(), statement.name)
        draft.remarks.append(changed(statement, f"{default}: the service writes only below its own folders"))
    else:
        draft.remarks.append(lost(statement, fault))


OF_KEY: Mapping[str, Callable[[Statement, SiteDraft], None]] = {
    "keys.file": _add_key_file,
    "serve.allow": _add_rule,
    "serve.deny": _add_rule,
    "serve.role": _add_port,
    "time.driftfile": _add_drift_file,
    "time.local": _add_local,
    "time.log": _add_logs,
    "time.makestep": _add_makestep,
    "time.pools": add_source,
    "time.servers": add_source,
}
"""How the arguments of a directive become the value of its key; without a row, they are a single word."""
