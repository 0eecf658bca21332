"""The result of a proof: the findings about a running chronyd, and what they were made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from provision.chrony.chronyc.associations import Association
from provision.common.results import Finding
from provision.verify.ntp.probe import Probe


@dataclass(frozen=True, slots=True)
class Proof:
    """The findings about a running chronyd."""

    findings: tuple[Finding, ...]
    advice: tuple[str, ...] = ()
    """Obstacles for its clients for which chronyd is not the cause, such as a firewall."""
    sources: tuple[Association, ...] | None = None
    """Its sources, and whether they answer; None if they are not known."""
    answers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The answers to the looks at the compared states, by their ids."""
    evidence: str = field(default="", repr=False)
    """The output of the script that collects the evidence."""
    probes: tuple[Probe, ...] = ()
    """The answers to the requests of this machine."""

    @property
    def is_complete(self) -> bool:
        """Return whether no finding fails."""
        return all(finding.holds is not False for finding in self.findings)
