"""Compare a host's clock with this machine's. Pure.

The host prints its time with its facts; the duration of that round trip limits the accuracy of the comparison.
"""

import re
from dataclasses import dataclass

TOLERATED = 10.0
"""Seconds. apt refuses package lists dated further ahead of its clock (apt.conf(5), Acquire::Max-FutureTime)."""
UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"))
WAY_ON = (
    "set it by hand (date --set), or let a deployment do that (time.bootstrap = true in the site), or deploy from an "
    "artifact (docs/artifacts.md), which needs no compiler"
)
REFUSED_FOR_ITS_DATE = re.compile(r"not valid yet|not yet valid|expired|EXPKEYSIG|EXPSIG", re.IGNORECASE)
"""Messages of apt, gpgv and TLS libraries about a file, signature or certificate whose dates do not fit the clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostClock:
    """The offset of a host's clock from this machine's."""

    ahead: float
    """Seconds by which the host's clock is ahead; negative if it is behind."""
    uncertainty: float
    """Seconds by which ``ahead`` may be wrong."""

    @property
    def differs(self) -> bool:
        """Return whether the clocks certainly differ by more than ``TOLERATED``."""
        return abs(self.ahead) > self.uncertainty + TOLERATED

    def __str__(self) -> str:
        difference = _in_words(abs(self.ahead))
        if self.ahead > 0:
            return f"{difference} ahead of this machine's"
        return f"{difference} behind this machine's"

    def warning(self, host: str) -> str:
        """Return the warning before a host with such a clock is changed, with the remedy."""
        return (
            f"the clock of {host} is {self}: one of the two is wrong; chronyd steps the host's once a source answers, "
            f"as time.makestep allows; until then packages and certificates may be refused for their dates: {WAY_ON}"
        )

    def explain(self, message: str) -> str:
        """Return the error message of a command; the clock is added as the cause if the message is about dates."""
        if not self.differs or not REFUSED_FOR_ITS_DATE.search(message):
            return message
        return f"{message.rstrip('.')}; the clock of the host is {self}, and dates are checked against it: {WAY_ON}"


def compare(printed: float, *, sent: float, received: float) -> HostClock:
    """Compare clocks, in seconds since 1970; the host printed whole seconds between ``sent`` and ``received``."""
    half_a_second = 0.5
    middle = (sent + received) / 2
    return HostClock(ahead=printed + half_a_second - middle, uncertainty=(received - sent) / 2 + half_a_second)


def clock_in(facts: str, *, sent: float, received: float) -> HostClock | None:
    """Return the clock of the host that printed these facts; None if it did not print its time."""
    said = re.search(r"^clock=([0-9]{1,12})$", facts, re.MULTILINE)
    if said is None:
        return None
    return compare(int(said[1]), sent=sent, received=received)


def _in_words(seconds: float) -> str:
    for length, unit in UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
