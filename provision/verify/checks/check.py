"""A check: the stable id and the claim that its findings have in common."""

from dataclasses import dataclass

from provision.common.results import Finding


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is checked on a host; docs/checks.md has a row for each."""

    id: str
    """Subject and name in kebab case, such as ``ports.ntp``. Scripts rely on it."""
    claim: str
    """The sentence that is true of a host for which the finding holds."""

    def finding(self, *, holds: bool | None, seen: str, subject: str = "", vital: bool = True) -> Finding:
        """Return a finding of this check."""
        return Finding(id=self.id, claim=self.claim, subject=subject, holds=holds, seen=seen, vital=vital)

    def not_checked(self, reason: str, *, subject: str = "", vital: bool = True) -> Finding:
        """Return the finding that the claim could not be checked."""
        return self.finding(holds=None, seen=reason, subject=subject, vital=vital)
