"""The events of a host's history, and their table."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from provision.common.text import aligned
from provision.host.unconfirmed import BEFORE

WIDEST = 80
"""The most characters of a cell in the table."""


class Kind(StrEnum):
    """What happened."""

    DEPLOYED = "deployed"
    ROLLED_BACK = "rolled back"
    """By the task ``rollback``."""
    SWITCHED = "switched"
    """By hand, or by a release of this tool that did not record its task."""
    RESTARTED = "restarted"
    """The generation that ran already was started anew."""
    WENT_BACK = "went back"
    """After a generation that did not come up or was not proven, because this tool or an administrator said so."""
    REVERTED = "reverted by itself"
    """By the host's own timer, because nobody confirmed the generation before."""
    REMOVED = "removed"
    """The time service from before the first deployment runs again."""


class Result(StrEnum):
    """How it ended."""

    CONFIRMED = "proven and confirmed"
    CONFIRMED_BY_HAND = "confirmed by hand"
    """With the script on the host: this tool did not prove it."""
    WAITS = "waits to be confirmed"
    NOT_CONFIRMED = "not confirmed"
    DID_NOT_START = "did not come up"
    STARTED = "started"
    """It came up, and was not proven by this tool."""
    NO_SERVICE = "no service to start"
    """No time service from before the first deployment was there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change of what keeps time on a host."""

    when: str
    """UTC by the host's clock, as ``2026-11-22T20:00:00Z``."""
    kind: Kind
    who: str
    generation: str
    """Or :data:`BEFORE`."""
    build: str
    """Empty if there is none."""
    changed: tuple[str, ...]
    """The parts that differ from the generation before it: build, conf, keys, unit."""
    result: Result
    current: bool = False
    """Whether it made the generation current that is current now."""


def history_text(events: Sequence[Event]) -> str:
    """Return the history as a table, a line for each event, oldest first."""
    rows: list[tuple[str, ...]] = [("when", "event", "by", "generation", "build", "changed", "result", "now")]
    rows += [_row(event) for event in events]
    return "\n".join(f"  {line}" for line in aligned(rows))


def _row(event: Event) -> tuple[str, ...]:
    who = event.who
    if event.kind is Kind.REVERTED:
        who = "the host"
    generation = event.generation
    if generation == BEFORE:
        generation = "(previous service)"
    now = ""
    if event.current:
        now = "current"
    cells = (
        event.when,
        event.kind.value,
        who,
        generation,
        event.build or "-",
        ",".join(event.changed) or "-",
        event.result.value,
        now,
    )
    return tuple(cell[:WIDEST] for cell in cells)
