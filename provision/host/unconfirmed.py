"""A switch that waits to be confirmed: what runs, what the host goes back to by itself, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from provision.common.errors import ParseError

BEFORE = "before"
"""Stands in place of a generation for the time service before the first deployment."""

TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnconfirmedSwitch:
    """A switch that waits to be confirmed."""

    generation: str
    """The id of the generation that was switched to."""
    fallback: str
    """The id of the generation that the host goes back to; :data:`BEFORE` or empty: the previous time service."""
    reverts_at: str | None
    """UTC by the host's clock, as ``2026-11-22T20:00:00Z``; None if no timer is set."""
    seconds_left: int | None
    """Until then, at the time of the question; the host's clock may be wrong, and this is not."""
    reverting: bool = False
    """Whether the host is going back at this moment."""

    def __str__(self) -> str:
        """Return words such as ``unconfirmed: the host goes back to generation aaaa at 20:00:00 UTC …``."""
        to = "the previous time service"
        if self.fallback not in {"", BEFORE}:
            to = f"generation {self.fallback}"
        if self.reverting:
            return f"unconfirmed: the host goes back to {to} now"
        if self.reverts_at is None or self.seconds_left is None:
            return f"unconfirmed, and no timer is set that would go back to {to}: deploy again, or roll back"
        time = self.reverts_at.partition("T")[2].removesuffix("Z")
        return f"unconfirmed: the host goes back to {to} at {time} UTC by its clock, in {self.seconds_left} s"


def parse_unconfirmed(said: Mapping[str, str]) -> UnconfirmedSwitch | None:
    """Parse the values that ``print_unconfirmed.sh`` prints; None if no switch waits. Raises ParseError."""
    generation = said.get("generation", "")
    if not generation:
        return None
    reverts_at = said.get("reverts")
    return UnconfirmedSwitch(
        generation=generation,
        fallback=said.get("fallback", ""),
        reverts_at=reverts_at,
        seconds_left=_seconds_left(reverts_at, said.get("now", "")),
        reverting=said.get("reverting") == "yes",
    )


def _seconds_left(reverts_at: str | None, now: str) -> int | None:
    if reverts_at is None:
        return None
    try:
        left = datetime.strptime(reverts_at, TIME) - datetime.strptime(now, TIME)  # noqa: DTZ007 -- both are UTC
    except ValueError as error:
        raise ParseError(f"the time of the way back cannot be read: {reverts_at!r}, {now!r}") from error
    return max(0, round(left.total_seconds()))


def named_values(text: str) -> Mapping[str, str]:
    """Return the values of ``name=value`` lines. Raises ParseError."""
    values = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if not equals:
            raise ParseError(f"expected name=value, got {line!r}")
        values[name] = value
    return values
