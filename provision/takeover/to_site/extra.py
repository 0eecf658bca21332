"""Carry lines without a key of their own as lines of ``time.extra``."""

from provision.chrony.statement import Statement
from provision.site.directive import Directive
from provision.site.text_types import Refused
from provision.site.time import Time
from provision.takeover.remark import lost
from provision.takeover.to_site.draft import SiteDraft
from provision.takeover.to_site.values import fault_of

ROOTS_CLOCKS = {("SHM", "0"), ("SHM", "1")}
"""Segments of shared memory that only root may open (gpsd(8), SHARED MEMORY)."""


def add_extra(statement: Statement, draft: SiteDraft) -> None:
    """Carry a line as it is, unless the site file or the release refuses it."""
    try:
        line = Directive(statement.text)
    except Refused as error:
        draft.remarks.append(lost(statement, str(error).removeprefix(f"{statement.name} is not for extra lines: ")))
        return
    tree = {"extra": [str(line)], "rtcsync": line.name != "rtcfile"}
    fault = next(line.faults(draft.chrony), None) or fault_of(tree, Time)
    if fault is not None:
        draft.remarks.append(lost(statement, fault))
        return
    draft.extra.append(statement)
    why = ""
    if statement.arguments[:2] in ROOTS_CLOCKS:
        why = "gpsd opens SHM 0 and 1 to root alone, and chronyd will not run as root: name SHM 2, or SOCK"
    draft.keep(statement, why)
