"""Check the other time services of a host, and which of them keeps time after an uninstallation."""

from collections.abc import Iterator

from provision.common.results import Finding
from provision.verify.checks.check import Check
from provision.verify.time_services import Service, TimeServices

ALONE = Check("time-services.alone", "no other time service runs, or starts at boot")
RESTORED = Check("time-services.restored", "a time service runs")


def time_service_finding(found: TimeServices) -> Finding:
    """Judge whether the deployed chronyd alone keeps time; a service that came later is no reason to roll back."""
    services = [service for service in found.conflicting if _is_rival(service)]
    rivals = "; ".join(map(str, (*services, *found.processes)))
    return ALONE.finding(holds=not rivals, seen=rivals or "none", vital=False)


def _is_rival(service: Service) -> bool:
    return service.runs or bool(service.triggers) or service.enabled.startswith("enabled")


def restored_findings(running: tuple[str, ...], before: tuple[str, ...]) -> Iterator[Finding]:
    """Judge the time services after an uninstallation.

    ``running`` are those that run now, ``before`` those that ran before the first deployment. Where there were none,
    and there are none now, the host is as it was, and there is no finding.
    """
    gone = [name for name in before if name not in running]
    if running:
        seen = ", ".join(running)
        if len(gone) == 1:
            seen += f"; {gone[0]} does not run any more"
        elif gone:
            seen += f"; {', '.join(gone)} do not run any more"
        yield RESTORED.finding(holds=True, seen=seen)
    elif before:
        seen = f"none does; {', '.join(before)} did before the first deployment: install or start a time service"
        yield RESTORED.finding(holds=False, seen=seen)
