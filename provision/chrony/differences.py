"""Name the differences of two chrony.conf files by their statements, in a few words: sources and directives.

Access rules, whose effect is what counts, and places that a deployment chooses are left out. Comments, blanks and the
order of sources and of different directives make no difference.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provision.chrony.access_rules import COMMANDS, NTP
from provision.chrony.language.table import SOURCES as NTP_SOURCES
from provision.chrony.language.table import Option, table
from provision.chrony.statement import Statement
from provision.common.text import MINUS

SOURCES = {*NTP_SOURCES, "refclock"}
LEFT_OUT = {*NTP, *COMMANDS, "keyfile", "dumpdir"}
"""Those about access, and the places that a deployment chooses."""
MOST_NAMED = 4
"""Of more sources or directives, the first ones are named."""
MOST_PARTS = 4
"""Of more differences, the first ones are shown."""
SHOWN_OPTIONS = ("key", "nts", "prefer", "noselect")
"""Options of a source that are named with it."""

Arguments = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One source: its kind, its address, and its options with their arguments."""

    kind: str
    address: str
    options: Mapping[str, Arguments]

    @classmethod
    def of(cls, statement: Statement) -> "Source":
        """Return the source of a statement; a refclock is named by its driver and the parameter of it."""
        row = table().directives[statement.name]
        count = len(row.forms[0])
        words = statement.arguments
        return cls(statement.name, " ".join(words[:count]), _options(row.options, words[count:]))

    @property
    def name(self) -> str:
        """Return address and kind; a server has no kind."""
        if self.kind == "server":
            return self.address
        return f"{self.kind} {self.address}"

    def __str__(self) -> str:
        words = [self.name]
        for option in self.options:
            if option in SHOWN_OPTIONS:
                words += [option, *self.options[option]]
        return " ".join(words)


def summary(statements: Sequence[Statement]) -> str:
    """Return the sources of a configuration, and how many further directives it has."""
    sources = [str(source) for source in _sources(statements)]
    others = len(_by_directive(statements))
    noun = "directives"
    if others == 1:
        noun = "directive"
    return f"{_some(sources) or 'no source'}; {others} more {noun}"


def difference(old: Sequence[Statement], new: Sequence[Statement]) -> str:
    """Return how a configuration changes; empty if only left-out directives and comments differ."""
    parts = [*_source_changes(old, new), *_directive_changes(old, new)]
    shown, left = parts[:MOST_PARTS], len(parts) - MOST_PARTS
    if left > 0:
        shown.append(f"{left} more (--diff)")
    return "; ".join(shown)


def _sources(statements: Iterable[Statement]) -> list[Source]:
    return [Source.of(one) for one in statements if one.name in SOURCES]


def _options(known: Mapping[str, Option], words: Sequence[str]) -> Mapping[str, Arguments]:
    """Return option → its arguments; an option that no known chrony has counts as one without arguments."""
    found: dict[str, Arguments] = {}
    left = list(words)
    while left:
        name = left.pop(0).lower()
        option = known.get(name)
        found.setdefault(name, ())
        if option is not None and option.kind is not None:
            found[name] += tuple(left[:1])
            del left[:1]
    return found


def _source_changes(old: Iterable[Statement], new: Iterable[Statement]) -> Iterator[str]:
    gone, come, changed = _compared(_sources(old), _sources(new))
    if gone and come:
        yield f"{_some(gone)} → {_some(come)}"
    elif gone:
        yield f"{MINUS} {_some(gone)}"
    elif come:
        yield f"+ {_some(come)}"
    for before, after in changed:
        yield f"{after.name}: {_changed_options(before.options, after.options)}"


def _compared(
    old: Iterable[Source], new: Sequence[Source]
) -> tuple[Sequence[Source], Sequence[Source], Sequence[tuple[Source, Source]]]:
    """Return the sources that go and that come, and the pairs of one name that differ.

    Several sources can have one name, such as an address with two ports: equal ones belong together, before others.
    """
    come = list(new)
    different = []
    for source in old:
        if source in come:
            come.remove(source)
        else:
            different.append(source)
    gone, changed = [], []
    for source in different:
        partner = next((one for one in come if one.name == source.name), None)
        if partner is None:
            gone.append(source)
        else:
            come.remove(partner)
            changed.append((source, partner))
    return gone, come, changed


def _changed_options(before: Mapping[str, Arguments], after: Mapping[str, Arguments]) -> str:
    """Return the options that come and go; chronyd does not mind their order."""
    parts = []
    for option in dict.fromkeys((*before, *after)):
        if option not in after:
            parts.append(f"{MINUS} {option}")
        elif option not in before:
            parts.append(f"+ {' '.join((option, *after[option]))}")
        elif before[option] != after[option]:
            parts.append(f"{option} {' '.join(before[option])} → {' '.join(after[option])}")
    return ", ".join(parts)


def _directive_changes(old: Iterable[Statement], new: Iterable[Statement]) -> Iterator[str]:
    before, after = _by_directive(old), _by_directive(new)
    for name, now in after.items():
        was = before.get(name, now)
        if was != now and _values(was) != _values(now):
            yield f"{name} {_and(was)} → {_and(now)}"
    come = [" ".join((name, *words)) for name, now in after.items() if name not in before for words in now]
    gone = [name for name in before if name not in after]
    if come:
        yield f"+ {_some(come)}"
    if gone:
        yield f"{MINUS} {_some(gone)}"


def _by_directive(statements: Iterable[Statement]) -> Mapping[str, tuple[Arguments, ...]]:
    """Return directive → the arguments of its lines; a line that is there twice in a row is one."""
    found: dict[str, tuple[Arguments, ...]] = {}
    for one in statements:
        lines = found.get(one.name, ())
        if one.name not in SOURCES | LEFT_OUT and lines[-1:] != (one.arguments,):
            found[one.name] = (*lines, one.arguments)
    return found


def _values(lines: Iterable[Arguments]) -> list[list[str | float]]:
    """Return the arguments of lines, numbers as numbers: 1 and 1.0 are the same."""
    return [[_value(word) for word in words] for words in lines]


def _value(word: str) -> str | float:
    try:
        return float(word)
    except ValueError:
        return word


def _and(lines: Iterable[Arguments]) -> str:
    """Return the arguments of several lines of one directive; a line may have none."""
    return " and ".join(map(" ".join, lines))


def _some(things: Sequence[object]) -> str:
    """Return the first things, and how many more there are."""
    names = ", ".join(map(str, things[:MOST_NAMED]))
    if len(things) <= MOST_NAMED:
        return names
    return f"{names} and {len(things) - MOST_NAMED} more"
