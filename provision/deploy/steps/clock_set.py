"""Define the step that sets a wrong clock from this machine's, before packages and certificates are judged by it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults
from provision.host.clock import HostClock
from provision.host.host import Host

SYNCHRONISED = "synchronised"
"""Printed by the look beside the difference where a time service of the host has set the clock."""


@dataclass(frozen=True, slots=True)
class ClockSet(StepDefaults):
    """The clock differs from this machine's by seconds at most, unless a time service of the host has set it.

    It is set to about a second: chronyd does the rest.
    """

    id: ClassVar[str] = "clock-set"
    changes_host: ClassVar[bool] = True
    title: ClassVar[str] = "clock roughly as this machine's (time.bootstrap)"

    when_set: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    """Called after the clock was set."""

    def look(self) -> str:
        """Print the seconds by which the clock is ahead of this machine's, and whether it is synchronised."""
        # The kernel keeps this flag (adjtimex(2), STA_UNSYNC): it is cleared if the clock is set by hand, and at boot.
        return (
            f"echo $(($(date +%s) - {time.time():.0f}))\n"
            f"if timedatectl 2>/dev/null | grep -q 'synchronized: yes'; then echo {SYNCHRONISED}; fi"
        )

    def drift(self, seen: str) -> str | None:
        """Return how wrong the clock is; None if it is synchronised."""
        clock = _clock(seen)
        if SYNCHRONISED in seen or not clock.differs:
            return None
        return str(clock)

    def afterwards(self, reason: str) -> str:
        """Return how wrong the clock was."""
        return f"it was {reason}"

    def notes(self, seen: str) -> tuple[str, ...]:
        """Return why a clock that differs is not set."""
        if SYNCHRONISED in seen and _clock(seen).differs:
            return ("the clock was not set (time.bootstrap): a time service of the host says that it is right",)
        return ()

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return how wrong the clock is."""
        return (Change(id=self.id, sign=Sign.CHANGED, subject="clock", text=f"{drift}; set from it"),)

    def apply(self, host: Host) -> None:
        """Set the clock from this machine's. Raises CommandFailed."""
        host.run("setting the clock", f"date -u -s @{time.time():.0f} >/dev/null")
        self.when_set()


def _clock(seen: str) -> HostClock:
    """Return the clock by the answer to the look, whose seconds are whole. Raises ValueError for other answers."""
    seconds, *_ = seen.split()
    return HostClock(ahead=float(int(seconds)), uncertainty=1.0)
