"""Parse the history of a host, a line for each switch, confirmation and return, and tell its events from the lines."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from provision.common.errors import ParseError
from provision.host.unconfirmed import BEFORE, UnconfirmedSwitch
from provision.output.history import Event, Kind, Result

TIMER = "chrony-undo.timer"
"""Stands in place of an operator if the host went back by itself."""
TASKS = {
    "deploy": Kind.DEPLOYED,
    "rollback": Kind.ROLLED_BACK,
    "restart": Kind.RESTARTED,
    "back": Kind.WENT_BACK,
}
"""The last word of a line → the kind of its event."""
PROOF = "prove"
"""The last word of a confirmation by this tool, which proves a generation before it confirms it."""
ENDS = {"confirmed", "not-confirmed"}
"""The outcomes of lines about an earlier switch."""
RESULTS = {
    "not-confirmed": Result.NOT_CONFIRMED,
    "failed": Result.DID_NOT_START,
    "none": Result.NO_SERVICE,
}
"""The outcome of a line → the result of its event, if the task does not matter."""
RAN = {"active", "confirmed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A line of the history."""

    when: str
    """UTC, as ``2026-11-22T20:00:00Z``."""
    who: str
    generation: str
    """Or :data:`BEFORE`."""
    outcome: str
    """``active``: it was started; ``confirmed``, ``not-confirmed``; ``failed``: it did not come up; ``none``: there was
    no previous service to start."""
    build: str
    """``-`` if there is none."""
    changed: str
    """The parts that differ from the previous generation, separated by commas; ``-`` if nothing was switched."""
    task: str
    """A key of :data:`TASKS`, or :data:`PROOF`; ``-`` if it was switched or confirmed by hand."""


def parse_history(text: str) -> tuple[Record, ...]:
    """Parse the host's history, oldest first. Raises ParseError."""
    return tuple(_record(line) for line in text.splitlines() if line.strip())


def _record(line: str) -> Record:
    words = line.split()
    if len(words) < 4:
        raise ParseError(f"the host's history has a line that is none of ours: {line!r}")
    # Lines that were written before the first release have four or six words.
    when, who, generation, outcome, build, changed, task = (*words[:7], "-", "-", "-")[:7]
    return Record(when=when, who=who, generation=generation, outcome=outcome, build=build, changed=changed, task=task)


def previous(records: Sequence[Record], current: str, there: Collection[str]) -> str | None:
    """Return the last generation that ran before the current one, has not failed since, and still exists."""
    ran: dict[str, None] = {}
    for record in records:
        ran.pop(record.generation, None)
        if record.outcome in RAN:
            ran[record.generation] = None
    return next((name for name in reversed(ran) if name != current and name in there), None)


def events(records: Sequence[Record], current: str, unconfirmed: UnconfirmedSwitch | None) -> tuple[Event, ...]:
    """Return the events of a history, oldest first: a switch and its confirmation are one."""
    found: list[Event] = []
    for record in records:
        switch = _latest(found, record.generation)
        if record.outcome in ENDS and switch is not None and found[switch].result is Result.STARTED:
            found[switch] = replace(found[switch], result=_result(record))
        else:
            found.append(_event(record))
    here = _latest(found, current)
    if here is None:
        return tuple(found)
    found[here] = replace(found[here], current=True)
    if unconfirmed is not None and unconfirmed.generation == current and found[here].result is Result.STARTED:
        found[here] = replace(found[here], result=Result.WAITS)
    return tuple(found)


def _latest(found: Sequence[Event], generation: str) -> int | None:
    """Return the number of the last event that started a generation."""
    for number in reversed(range(len(found))):
        if found[number].generation == generation and found[number].result is not Result.DID_NOT_START:
            return number
    return None


def _event(record: Record) -> Event:
    changed: tuple[str, ...] = ()
    if record.changed not in {"-", "nothing"}:
        changed = tuple(record.changed.split(","))
    return Event(
        when=record.when,
        kind=_kind(record),
        who=record.who,
        generation=record.generation,
        build=record.build.removeprefix("-"),
        changed=changed,
        result=_result(record),
    )


def _result(record: Record) -> Result:
    if record.outcome != "confirmed":
        return RESULTS.get(record.outcome, Result.STARTED)
    if record.task == PROOF:
        return Result.CONFIRMED
    return Result.CONFIRMED_BY_HAND


def _kind(record: Record) -> Kind:
    if record.who == TIMER and record.outcome in {"active", "none"}:
        return Kind.REVERTED
    if record.task in TASKS:
        return TASKS[record.task]
    if record.generation == BEFORE:
        return Kind.REMOVED
    return Kind.SWITCHED
