"""Define a rule of the lint: it finds statements in a configuration, and gives the consequence of each."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from provision.chrony.conf import source_key, uses_nts
from provision.chrony.statement import Statement


@dataclass(frozen=True, slots=True)
class Advice:
    """One result of a rule."""

    rule: str
    """The id of the rule, such as ``source.single``."""
    statement: Statement
    text: str
    """The consequence, for the operator."""
    source: str
    """Where the fact is documented."""

    def __str__(self) -> str:
        place = self.statement.place or self.statement.text
        return f"{place}: {self.text} [{self.rule}]"


class Conf:
    """The statements of one configuration, by name."""

    def __init__(self, statements: Sequence[Statement], key_ids: Collection[int] | None = None) -> None:
        self.statements = tuple(statements)
        self.key_ids = key_ids
        """The ids in the key file; None if they are not known."""

    def named(self, *names: str) -> tuple[Statement, ...]:
        """Return the statements with these directives, in order."""
        return tuple(statement for statement in self.statements if statement.name in names)

    @cached_property
    def ntp_sources(self) -> tuple[Statement, ...]:
        """Return the NTP sources that chronyd may select."""
        sources = self.named("server", "pool", "peer")
        return tuple(source for source in sources if "noselect" not in options(source))

    @cached_property
    def unauthenticated(self) -> tuple[Statement, ...]:
        """Return the NTP sources with neither a key nor NTS."""
        return tuple(source for source in self.ntp_sources if not is_authenticated(source))

    def last(self, name: str) -> Statement | None:
        """Return the last statement with a directive, which decides if only one value can hold."""
        return next(iter(reversed(self.named(name))), None)


Results = Iterator[tuple[Statement, str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its id, the source of its fact, and the function that finds statements and consequences."""

    id: str
    source: str
    find: Callable[[Conf], Results]


def options(source: Statement) -> tuple[str, ...]:
    """Return the words after the address of a source, in lower case (chronyd ignores their case)."""
    return tuple(word.lower() for word in source.arguments[1:])


def option(source: Statement, name: str) -> str | None:
    """Return the word after an option; None if the option is not set."""
    words = source.arguments[1:]
    lower = options(source)
    if name not in lower[:-1]:
        return None
    return words[lower.index(name) + 1]


def address_of(source: Statement) -> str:
    """Return the first word after a directive, which is the address of a source; empty if there is none."""
    return "".join(source.arguments[:1])


def is_authenticated(source: Statement) -> bool:
    """Return whether a source has a key or NTS."""
    return uses_nts(source.text) or source_key(source.text) is not None


def number_in(word: str | None) -> float | None:
    """Return the number that a word is; None if it is none."""
    try:
        return float(word or "")
    except ValueError:
        return None
