"""Check that a host matches the site file, and that its evidence can be read."""

from provision.common.results import Finding
from provision.verify.checks.check import Check

MATCHES = "the host matches the site file"
"""The claim of all findings about states."""
MATCHES_DEFAULTS = "the host matches the built-in defaults"
"""The same, without a site file."""
COMPARED_STEPS = (
    "foreign-processes",
    "build",
    "account",
    "switch-script",
    "staged",
    "rehearsed",
    "firewall",
    "firewall-nts",
    "active",
    "conflicting-services",
    "process-as-unit",
    "daemon-unaltered",
    "confirmed",
    "links",
    "timedatectl",
    "boot-wait",
    "log-rotation",
    "key-usage",
    "saved-measurements",
    "nts-renewal",
    "metrics-textfile",
)
"""The ids of the steps of a deployment whose states ``verify`` compares with the site file."""
RUNNING = Check("site.running-generation", "the generation that runs is as it was deployed")
READABLE = Check("site.evidence", "the evidence of the host can be read")


def state_finding(step: str, title: str, drift: str | None, no_drift: str, claim: str = MATCHES) -> Finding:
    """Judge the state of one step by its drift: how the host differs, in words.

    ``step`` is the step's id, ``no_drift`` is shown without a drift, ``claim`` says what is compared with.
    """
    check = Check(f"site.{step}", claim)
    return check.finding(holds=drift is None, seen=drift or no_drift, subject=title)


def unreadable_finding(reason: str) -> Finding:
    """Return the finding that an answer of the host could not be read."""
    return READABLE.finding(holds=False, seen=reason)
