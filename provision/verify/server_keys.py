"""Tell a key that a server does not know from a wrong secret, where the server was asked for its state as well. Pure.

chronyd drops a request with an unknown key and one with a wrong MAC in silence, so that a client cannot tell which it
is. The state of the server has the ids of its keys.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from provision.chrony.key_ids import parse_key_ids
from provision.common.results import Finding
from provision.output.report import Report
from provision.output.status import HostStatus, Layer, SourceFault, TimeSource


def has_refused_keys(reports: Sequence[Report]) -> bool:
    """Return whether a source of a host may not know its key."""
    return any(_is_refused(source) for report in reports for source in _sources(report))


def tell_key_faults_apart(reports: Sequence[Report], names: Mapping[str, str]) -> None:
    """Replace the fault of each source of which the server's state says more, in the states and in the findings.

    ``names`` are names and addresses of hosts → their names in the reports.
    """
    states = {str(report.host): report.status for report in reports if report.status is not None}
    for report in reports:
        for source, fault, note in list(_told(report, states, names)):
            _replace(report, source, fault)
            if note not in report.notes:
                report.notes.append(note)


def _told(
    report: Report, states: Mapping[str, HostStatus], names: Mapping[str, str]
) -> Iterator[tuple[TimeSource, SourceFault, str]]:
    """Yield each source of which more is known, with its fault and a note about the server."""
    for source in _sources(report):
        server = names.get(source.address, names.get(source.name, ""))
        state = states.get(server)
        if _is_refused(source) and source.fault is not None and state is not None and state.generation:
            yield (source, *_fault(source, source.fault, server, state.key_ids))


def _fault(source: TimeSource, fault: SourceFault, server: str, ids: str) -> tuple[SourceFault, str]:
    if not any(source.key_id in some for some in parse_key_ids(ids)):
        note = f"{server} has no key {source.key_id} (its keys: {ids or 'none'})"
        advice = f"deploy {server} with this key, or let the host use one that it has"
        return SourceFault(layer=Layer.KEY_UNKNOWN, seen=f"{fault.seen}: {note}", advice=advice), note
    note = f"{server} has a key {source.key_id}, with another secret or type"
    advice = "compare the key's line in chrony.keys here and there, and deploy both"
    return SourceFault(layer=Layer.MAC_WRONG, seen=f"{fault.seen}: {note}", advice=advice), note


def _is_refused(source: TimeSource) -> bool:
    return source.fault is not None and source.fault.layer is Layer.KEY_REFUSED


def _sources(report: Report) -> tuple[TimeSource, ...]:
    if report.status is None:
        return ()
    return report.status.sources


def _replace(report: Report, source: TimeSource, fault: SourceFault) -> None:
    """Give a source of a report another fault; the findings name it, too."""
    if report.status is None:
        return
    sources = tuple(replace(one, fault=fault) if one is source else one for one in report.status.sources)
    report.status = replace(report.status, sources=sources)
    report.findings = [_renamed(finding, source, fault) for finding in report.findings]


def _renamed(finding: Finding, source: TimeSource, fault: SourceFault) -> Finding:
    """Return a finding that names the new fault of a source, and the old one of another source, if that is equal."""
    old, new = str(source.fault), str(fault)
    if f"{source.address}: {old}" in finding.seen:
        old, new = f"{source.address}: {old}", f"{source.address}: {new}"
    elif source.address not in f"{finding.subject} {finding.seen}":
        return finding
    return replace(finding, seen=finding.seen.replace(old, new))
