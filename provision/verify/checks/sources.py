"""Check the sources that authenticate their answers: by a symmetric key or by NTS."""

from collections.abc import Iterator

from provision.chrony.chronyc.associations import Association
from provision.common.results import Finding
from provision.output.status import Layer
from provision.verify.checks.check import Check
from provision.verify.checks.process import NO_ANSWER, NOT_RUNNING
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation
from provision.verify.source_faults import faults_text

AUTHENTICATED = Check("sources.authenticated", "the answers of the source are authenticated")
KNOWN = Check("sources.known", "chronyd has an address of each source with a key or NTS")
EVERY_SOURCE = "every source with a key or NTS"
"""The subject where the addresses of the sources are not known."""


def source_findings(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    """Judge the answers of each source that has a key or NTS."""
    if evidence.associations is None:
        if expected.authenticated_sources:
            reason = _reason(evidence)
            yield AUTHENTICATED.not_checked(reason, subject=EVERY_SOURCE)
            yield KNOWN.not_checked(reason)
        return
    found = [source for source in evidence.associations if source.credential]
    any_answers = any(source.authenticated for source in found)
    # One that is down takes no time away, as long as another one gives it; nor does one that was down before.
    vital = evidence.before.synchronised and expected.answered_before and not any_answers
    for source in found:
        # Without a key of its own, an answer cannot have been authenticated by NTS.
        holds: bool | None = source.authenticated and (not source.nts or source.nts_key > 0)
        answered = "Yes"
        if not source.authenticated:
            answered = "No"
            if expected.has_later_sources:
                # A source that is deployed later in this run may not have the key yet.
                holds = None
        seen = f"ntpdata says Authenticated: {answered}, {source.received} valid answers{_cookies_text(source)}"
        if source.address in evidence.faults:
            seen = f"{seen}; {evidence.faults[source.address]}"
        yield AUTHENTICATED.finding(
            holds=holds,
            seen=seen,
            subject=f"{source.credential} at {source.address}",
            vital=vital,
        )
    if len(found) < expected.authenticated_sources:
        # A source without an address is in neither list.
        seen = f"{len(found)} of {expected.authenticated_sources} have an address"
        unresolved = {name: fault for name, fault in evidence.faults.items() if fault.layer is Layer.NAME}
        if unresolved:
            seen = f"{seen}; {faults_text(unresolved)}"
        yield KNOWN.finding(holds=False, seen=seen, vital=vital)


def _cookies_text(source: Association) -> str:
    """Return what ``authdata`` says of NTS; empty of a source without it."""
    if not source.nts:
        return ""
    return f"; authdata says KeyID {source.nts_key}, NAK {source.refused_cookies}, {source.cookies} cookies"


def _reason(evidence: Evidence) -> str:
    """Return why the state of the sources is not known."""
    if not evidence.runs:
        return NOT_RUNNING
    if evidence.tracking is None:
        return NO_ANSWER
    return f"chronyc has no socket to ask for it: missing: {' '.join(evidence.missing_folders)}"
