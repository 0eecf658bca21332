"""Compare the time sources of two configurations, and the options of each."""

from collections import Counter
from collections.abc import Iterator, Sequence

from provision.chrony.language.table import SOURCES, source_option
from provision.chrony.statement import Statement
from provision.common.results import Loss
from provision.host.paths import plain_path
from provision.takeover.lost.lines import address_of, named, normal
from provision.takeover.remark import shown_line
from provision.takeover.statements import is_of_dhcp

AT_START_ONLY = {("iburst", "")}
"""Options of a source that no one misses: a burst makes the first synchronisation faster."""


def source_losses(old: Sequence[Statement], new: Sequence[Statement]) -> Iterator[Loss]:
    """Yield the sources that are not named any more, or with other options."""
    by_address: dict[str, list[Statement]] = {}
    for statement in named(new, SOURCES):
        by_address.setdefault(address_of(statement), []).append(statement)
    for statement in named(old, SOURCES):
        same = by_address.get(address_of(statement), [])
        if not same:
            yield Loss(id="source", was=shown_line(statement), place=statement.place)
        elif _source_options(statement) not in map(_source_options, same):
            yield Loss(id="source.options", was=shown_line(statement), now=same[0].text, place=statement.place)
    wanted_folders = {folder for statement in named(new, ("sourcedir",)) for folder in _folders(statement)}
    for statement in named(old, ("sourcedir",)):
        # The sources of other folders are compared one by one.
        if is_of_dhcp(statement) and not wanted_folders.issuperset(_folders(statement)):
            yield Loss(id="source.dhcp", was=shown_line(statement), place=statement.place)


def _folders(statement: Statement) -> tuple[str, ...]:
    return tuple(map(plain_path, statement.arguments))


def _source_options(statement: Statement) -> Counter[tuple[str, str]]:
    """Return the kind of a source, and its options with their values, in no order."""
    options = Counter([(statement.name, "")])
    words = iter(statement.arguments[1:])
    for word in words:
        option = word.lower()
        value = ""
        if _has_value(option):
            value = normal(next(words, ""))
        if (option, value) not in AT_START_ONLY:
            options[option, value] += 1
    return options


def _has_value(option: str) -> bool:
    found = source_option(option)
    return found is not None and found.kind is not None
