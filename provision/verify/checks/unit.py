"""Check chronyd's unit: nothing overrides it, systemd has loaded it, and the process runs as it says."""

from collections.abc import Iterator

from provision.common.results import Finding
from provision.verify.checks.check import Check
from provision.verify.checks.process import NOT_RUNNING
from provision.verify.unit import UnitState
from provision.verify.unit_differences import property_differences

NOT_OVERRIDDEN = Check("unit.not-overridden", "no file overrides chronyd's unit")
LOADED = Check("unit.loaded", "systemd has loaded chronyd's unit as it was deployed")
PROCESS = Check("unit.process", "the process runs as chronyd's unit says")


def unit_findings(state: UnitState) -> Iterator[Finding]:
    """Judge the unit; a later change by an administrator is no reason to roll back."""
    overrides = state.overrides(state.unit)
    seen = "; ".join(overrides) or "no drop-in changes it"
    yield NOT_OVERRIDDEN.finding(holds=not overrides, seen=seen, vital=False)
    different = tuple(property_differences(state.unit, state.properties, state.excused))
    seen = "; ".join(different) or f"{state.properties.get('FragmentPath')}, as it was deployed"
    yield LOADED.finding(holds=not different, seen=seen, vital=False)
    if not state.process:
        yield PROCESS.not_checked(NOT_RUNNING, vital=False)
    elif not state.is_ours:
        yield PROCESS.not_checked("systemd has not loaded chronyd's unit of the deployment", vital=False)
    else:
        differences = state.process_differences
        seen = "; ".join(differences) or state.process.get("command", "").strip()
        yield PROCESS.finding(holds=not differences, seen=seen, vital=False)
