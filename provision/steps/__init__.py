"""A step is one wanted state: it asks one question, knows how far away it is, and how to get there."""

from typing import Protocol

from provision.host import Host


class Step(Protocol):
    """One wanted state of a host."""

    @property
    def title(self) -> str:
        """What the operator calls it."""

    def look(self) -> str:
        """Return POSIX sh, read-only, run as root, that prints what the host has.

        "No" is an answer and exits 0; "could not tell" exits otherwise.
        """

    def drift(self, seen: str) -> str | None:
        """Return how the host differs, in words; None is "as wanted". Pure."""

    def diff(self, seen: str) -> str:
        """Return the change as a unified diff, secrets redacted; empty where there is no text to compare. Pure."""

    def apply(self, host: Host) -> None:
        """Remove the drift. Raises ProvisionError."""


class NoDiff:
    """For steps whose drift says it all."""

    def diff(self, seen: str) -> str:  # noqa: ARG002 -- the protocol's
        """Return nothing."""
        return ""
