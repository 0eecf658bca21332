"""The checks of a chronyd that runs: from evidence to findings, a module for each subject.

Only here findings are made; the modules beside this package collect and parse evidence. No claim rests on a single
witness. A new check is a :class:`~provision.verify.checks.check.Check` in the module of its subject, a line that makes
its finding, and a row in docs/checks.md.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provision.common.results import Finding
from provision.verify.checks.build import build_findings
from provision.verify.checks.clock import clock_findings
from provision.verify.checks.directives import directive_findings
from provision.verify.checks.from_here import client_findings
from provision.verify.checks.ports import port_finding
from provision.verify.checks.process import (
    NOT_RUNNING,
    folder_findings,
    log_finding,
    not_running_finding,
    process_findings,
    unchecked_process,
)
from provision.verify.checks.server import server_findings
from provision.verify.checks.sources import source_findings
from provision.verify.checks.time_services import time_service_finding
from provision.verify.checks.unit import unit_findings
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation
from provision.verify.ntp.probe import Probe

if TYPE_CHECKING:
    from provision.verify.ntp.nts_client import NtsProbe


def findings(
    evidence: Evidence, expected: Expectation, probes: Sequence[Probe], nts_probe: "NtsProbe | None" = None
) -> tuple[Finding, ...]:
    """Judge all evidence of a host.

    ``probes`` are the answers that this machine got from the server, first at the address at which it is connected;
    none where the host is no server. ``nts_probe`` is what a server with NTS answered to this machine. A
    claim that depends on one that does not hold is not checked.
    """
    return (
        *_process(evidence, expected),
        *unit_findings(evidence.unit),
        *build_findings(evidence.build, evidence.configure, expected.version),
        *folder_findings(evidence),
        log_finding(evidence),
        port_finding(evidence, expected),
        time_service_finding(evidence.time_services),
        *directive_findings(evidence, expected.needed),
        *clock_findings(evidence, expected),
        *source_findings(evidence, expected),
        *server_findings(evidence, expected),
        *client_findings(evidence, expected, probes),
        *_nts(evidence, expected, probes, nts_probe),
    )


def _nts(
    evidence: Evidence, expected: Expectation, probes: Sequence[Probe], nts_probe: "NtsProbe | None"
) -> Sequence[Finding]:
    if expected.nts is None and evidence.nts_files is None:
        return ()
    # Imported here, for most hosts serve no NTS.
    from provision.verify.checks.nts import nts_findings  # noqa: PLC0415

    return tuple(nts_findings(evidence, expected, nts_probe, next(iter(probes), None), datetime.now(UTC)))


def _process(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    if evidence.runs:
        yield from process_findings(evidence, expected)
    else:
        yield not_running_finding()
        yield from unchecked_process(expected, NOT_RUNNING)
