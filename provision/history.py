"""The history that a host keeps: a line for each time that something was switched, confirmed, or taken back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from provision.errors import ParseError

BEFORE = "before"
"""In the place of a generation: what kept time before the first deployment."""
OUTCOMES = {
    "active": "started",
    "confirmed": "proven",
    "failed": "did not come up",
    "not-confirmed": "not confirmed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A line of the history."""

    when: str
    """UTC, as ``2026-11-22T20:00:00Z``."""
    who: str
    generation: str
    """Or :data:`BEFORE`."""
    outcome: str
    """A key of :data:`OUTCOMES`."""
    build: str
    """``-`` where there is none."""
    changed: str
    """The parts that differ from the generation before, separated by commas; ``-`` where nothing was switched."""


def parse_history(text: str) -> tuple[Event, ...]:
    """Parse the host's history, oldest first. Raises ParseError."""
    return tuple(_event(line) for line in text.splitlines() if line.strip())


def _event(line: str) -> Event:
    words = line.split()
    if len(words) < 4:
        raise ParseError(f"the host's history has a line that is none of ours: {line!r}")
    # A host that nobody deployed since 0.1 has lines of four words.
    when, who, generation, outcome, build, changed = (*words[:6], "-", "-")[:6]
    return Event(when=when, who=who, generation=generation, outcome=outcome, build=build, changed=changed)


def previous(events: Sequence[Event], current: str, there: Collection[str]) -> str | None:
    """Return the generation that ran before the current one, was not found bad since, and is still there."""
    ran: dict[str, None] = {}
    for event in events:
        ran.pop(event.generation, None)
        if event.outcome in {"active", "confirmed"}:
            ran[event.generation] = None
    return next((name for name in reversed(ran) if name != current and name in there), None)


def history_text(events: Sequence[Event], current: str) -> str:
    """Return the history as a table, a line for each event; ``*`` marks the current generation."""
    rows = [("  when", "who", "generation", "build", "changed", "what became of it")]
    rows += [
        (
            f"{'*' if event.generation == current else ' '} {event.when}",
            event.who,
            event.generation,
            event.build,
            event.changed,
            OUTCOMES.get(event.outcome, event.outcome),
        )
        for event in events
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join((*(word.ljust(width) for word, width in zip(row, widths, strict=False)), row[5])) for row in rows
    )
