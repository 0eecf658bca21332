"""Check a server with requests that its host sends to itself, with chronyd as a client."""

from collections.abc import Iterator

from provision.common.results import Finding
from provision.verify.checks.process import NOT_RUNNING
from provision.verify.checks.requests import local_findings, request_checks
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation

SERVER = request_checks("server", "from the host itself")


def server_findings(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    """Judge the answers at each address at which the host may ask itself."""
    if not expected.serves:
        return
    if not evidence.runs:
        yield SERVER.requests.not_checked(NOT_RUNNING)
        return
    reasons = list(expected.unqueried_reasons)
    if expected.query_addresses and not evidence.local_answers:
        reasons.append(f"the host has no address {' or '.join(expected.query_addresses)}")
    if reasons:
        yield SERVER.requests.not_checked("; ".join(reasons))
    for answers in evidence.local_answers:
        yield from local_findings(SERVER, answers)
