"""A claim, whether it holds, and what was seen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim about a host; what was seen is quoted."""

    claim: str
    holds: bool | None
    """None: it could not be tried from here, which ``seen`` explains; that is no failure of the host."""
    seen: str
    vital: bool = True
    """A switch is not confirmed when it does not hold."""
