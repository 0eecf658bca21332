"""Carry time sources as tables of ``time.servers`` and ``time.pools``."""

from collections.abc import Iterable

from provision.chrony.statement import Statement
from provision.site.decode import Tree
from provision.site.directive import line_faults, split_options
from provision.site.source import Pool, Server, Source
from provision.takeover.remark import changed, lost
from provision.takeover.statements import is_of_dhcp
from provision.takeover.to_site.draft import SiteDraft
from provision.takeover.to_site.extra import add_extra
from provision.takeover.to_site.values import fault_of, options_of

SOURCES: dict[str, tuple[str, type[Source]]] = {"server": ("servers", Server), "pool": ("pools", Pool)}


def add_source(statement: Statement, draft: SiteDraft) -> None:
    """Carry a line ``server`` or ``pool``; the words that a site file cannot have are lost."""
    key, kind = SOURCES[statement.name]
    if not statement.arguments:
        draft.remarks.append(lost(statement, "names no server"))
        return
    address = statement.arguments[0].lower()
    if address in draft.addresses:
        draft.remarks.append(changed(statement, "is named twice; the first line is carried"))
        return
    table, left = _table(statement, kind, draft.chrony)
    if (fault := fault_of(table, kind)) is not None:
        draft.remarks.append(lost(statement, fault))
        return
    draft.addresses.add(address)
    draft.time.setdefault(key, []).append(table)
    if left:
        draft.remarks.append(lost(statement, f"the source is carried without: {' '.join(left)}"))
        return
    draft.keep(statement)


def _table(statement: Statement, kind: type[Source], chrony: str) -> tuple[Tree, list[str]]:
    """Return the table of a source, and the words that a site cannot have."""
    options, others = options_of(statement.arguments[1:], kind)
    table: Tree = {"address": statement.arguments[0], **options}
    # A site file has iburst by default, chrony.conf has not.
    if "iburst" not in options:
        table["iburst"] = False
    elif options["iburst"]:
        del table["iburst"]
    further, left = _further(others, chrony)
    if further:
        table["options"] = " ".join(further)
    return table, left


def _further(words: Iterable[str], chrony: str) -> tuple[list[str], list[str]]:
    """Return the words of the options without a key of their own, and those that a site cannot have."""
    further: list[str] = []
    left: list[str] = []
    for option in split_options(words):
        is_sound = not any(line_faults(f"server a {' '.join(option)}", chrony))
        if is_sound and fault_of({"address": "a", "options": " ".join((*further, *option))}, Server) is None:
            further += option
        else:
            left += option
    return further, left


def add_source_folder(statement: Statement, draft: SiteDraft) -> None:
    """Carry a line ``sourcedir``: as it is for the servers of DHCP, otherwise by the sources in the folder."""
    if is_of_dhcp(statement):
        add_extra(statement, draft)
        return
    draft.keep(statement, "its sources are carried")
