"""Find the hosts of reports by the names and addresses at which they serve time. Pure."""

from collections.abc import Mapping, Sequence

from provision.output.report import Report
from provision.site.inventory import Inventory


def names_of(inventory: Inventory, reports: Sequence[Report]) -> Mapping[str, str]:
    """Return the names and addresses of the hosts of these reports → their names there."""
    names = {str(report.host): str(report.host) for report in reports}
    names |= {report.address: str(report.host) for report in reports if report.address}
    asked = set(names.values())
    for member in inventory.members:
        if member.address is not None and str(member.target) in asked:
            names[member.address] = str(member.target)
    return names
