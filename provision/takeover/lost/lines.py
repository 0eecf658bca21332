"""Compare the lines of two configurations that have the same directive."""

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from provision.chrony.statement import Statement
from provision.common.results import Loss
from provision.takeover.remark import COMMAND_LINE, shown_line

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?")


def line_losses(id_: str, names: Sequence[str], old: Sequence[Statement], new: Sequence[Statement]) -> Iterator[Loss]:
    """Yield the lines with these directives that the new configuration does not have."""
    there = list(named(new, names))
    known = {_normal_line(statement) for statement in there}
    for statement in named(old, names):
        if _normal_line(statement) not in known:
            now = "; ".join(other.text for other in there if other.name == statement.name)
            yield Loss(id=id_, was=shown_line(statement), now=now, place=statement.place or COMMAND_LINE)


def named(conf: Iterable[Statement], names: Sequence[str]) -> Iterator[Statement]:
    """Return the statements with these directives, in order."""
    return (statement for statement in conf if statement.name in names)


def address_of(statement: Statement) -> str:
    """Return the address of a source as it is compared: an IP address in its usual form, or a name in lower case."""
    address = "".join(statement.arguments[:1]).lower().removesuffix(".")
    try:
        return str(ip_address(address))
    except ValueError:
        return address


def _normal_line(statement: Statement) -> tuple[str, ...]:
    words = tuple(map(normal, statement.arguments))
    if statement.name == "local":
        words = _options_of_local(words)
    return (statement.name, *words)


def _options_of_local(words: Iterable[str]) -> tuple[str, ...]:
    """Return the options in a certain order; a stratum that is not named is 10 (chrony.conf(5), local)."""
    options = {"stratum": normal("10")}
    left = iter(words)
    for word in left:
        options[word] = "" if word == "orphan" else next(left, "")
    return tuple(f"{name} {options[name]}" for name in sorted(options))


def normal(word: str) -> str:
    """Return a word without the differences that chronyd does not see: 1.0 is 1, and letters have no case."""
    if _NUMBER.fullmatch(word):
        return str(float(word))
    return word.lower()
