"""Write the statements of a chrony.conf as settings of a site file.

Each statement becomes a typed key if the site file has one, or else a line of ``time.extra``. What the site file
refuses is named with its reason. The result is what a site file's parser returns: tables of plain values.
"""

import re

from provision.chrony.language.table import How, directive
from provision.chrony.releases import DEFAULT_CHRONY
from provision.chrony.statement import Statement
from provision.common.errors import SiteError
from provision.common.results import Fate, Remark
from provision.site.decode import Tree
from provision.site.schema import Site
from provision.takeover.remark import changed, lost
from provision.takeover.to_site.draft import SiteDraft
from provision.takeover.to_site.extra import add_extra
from provision.takeover.to_site.keys import OF_KEY, add_value
from provision.takeover.to_site.sources import add_source_folder
from provision.takeover.to_site.values import fault_of
from provision.takeover.translation import Translated

_PLACE = re.compile(r"time\.(?P<key>[a-z_]+)(?:\[(?P<number>[0-9]+)\])?[^:]*: (?P<why>.*)", re.DOTALL)
"""A message about a value of ``[time]``."""


def tree_of(translation: Translated, *, chrony: str = DEFAULT_CHRONY) -> tuple[Tree, tuple[Remark, ...]]:
    """Return the settings of a host, and the fate of each of its lines.

    ``chrony`` is the release that the site builds. Raises SiteError for lines that contradict each other in a way
    that no line alone can settle.
    """
    draft = SiteDraft(chrony)
    draft.remarks += translation.remarks
    for statement in translation.statements:
        _add(statement, draft)
    while (fault := fault_of(draft.tree, Site)) is not None:
        if not _leave_out(fault, draft):
            raise SiteError(f"no site file can have these lines: {fault}")
    if not draft.names_sources:
        why = "no line that is carried names a source, and the site file leaves its default, servers of pool.ntp.org"
        draft.remarks.append(Remark(fate=Fate.CHANGED, place="", line="sources", why=why))
    tree = draft.tree
    if translation.seccomp is not None:
        tree["service"] = {"seccomp": translation.seccomp}
    return tree, tuple(draft.remarks)


def _leave_out(fault: str, draft: SiteDraft) -> bool:
    """Leave out the line that contradicts others, and return whether it is known."""
    found = _PLACE.match(fault)
    if found is None:
        return False
    key = found["key"]
    if key == "extra" and found["number"]:
        draft.take_back(draft.extra.pop(int(found["number"])), found["why"])
        return True
    if key not in draft.seen or key not in draft.time:
        return False
    del draft.time[key]
    draft.take_back(draft.seen[key], found["why"])
    return True


def _add(statement: Statement, draft: SiteDraft) -> None:
    row = directive(statement.name)
    if statement.name == "sourcedir":
        add_source_folder(statement, draft)
    elif row is None or row.site.how is How.LINE:
        add_extra(statement, draft)
    elif row.site.how is How.DEPLOYMENT:
        draft.remarks.append(changed(statement, row.site.text))
    elif row.site.how in {How.REFUSED, How.GONE}:
        draft.remarks.append(lost(statement, row.site.text))
    else:
        OF_KEY.get(row.site.text, add_value)(statement, draft)
