"""Name the layer at which a source of time fails: name, route, port, server, key, NTS, selection. Pure.

Where two layers look alike from the host, the fault names both.
"""

from collections.abc import Mapping, Sequence

from provision.chrony.chronyc.associations import Association
from provision.chrony.chronyc.sources import SourceReport
from provision.output.status import Layer, SourceFault
from provision.verify.source_faults.answers import NOT_SHOWN, answer_fault, kiss_fault
from provision.verify.source_faults.selection import selection_fault
from provision.verify.source_signs import Signs

MOST_NAMED = 3
"""Faults that one text names."""


def _name_fault(name: str) -> SourceFault:
    return SourceFault(
        layer=Layer.NAME,
        seen=f"chronyd has no address for {name}",
        advice=f"see 'getent ahosts {name}' on the host, its /etc/resolv.conf and the name in the site",
    )


def source_faults(
    sources: Sequence[SourceReport], associations: Sequence[Association], signs: Signs
) -> dict[str, SourceFault]:
    """Return the fault of each source that gives no time, by its address, or by its name if that has none."""
    known = {association.address: association for association in associations}
    all_offline = signs.offline == sum(1 for source in sources if source.mode != "#")
    found = {name: _name_fault(name) for name in signs.unresolved}
    for source in sources:
        fault = _fault(source, known.get(source.name), signs, all_offline=all_offline)
        if fault is not None:
            found[source.name] = fault
    return found


def _fault(
    source: SourceReport, association: Association | None, signs: Signs, *, all_offline: bool
) -> SourceFault | None:
    if association is None:
        if source.reach or source.mode == "#":
            return selection_fault(source, signs)
        return NOT_SHOWN
    if source.state not in "*+-" and (fault := kiss_fault(association.kiss)) is not None:
        return fault
    if source.reach and (association.authenticated or not association.credential):
        return selection_fault(source, signs)
    return answer_fault(association, signs, all_offline=all_offline)


def faults_text(faults: Mapping[str, SourceFault]) -> str:
    """Return the first faults in words, each after its source."""
    shown = [f"{source}: {fault}" for source, fault in faults.items()]
    if len(shown) > MOST_NAMED:
        shown[MOST_NAMED:] = [f"and {len(shown) - MOST_NAMED} more"]
    return "; ".join(shown)
