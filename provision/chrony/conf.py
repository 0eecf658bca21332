"""Search a chrony.conf for directives and for the authentication of its sources."""

from collections.abc import Iterator
from itertools import pairwise

from provision.chrony.statement import statements


def directives(conf: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each directive, in lower case, and its first argument, or an empty string."""
    for statement in statements(conf):
        argument, *_ = [*statement.arguments, ""]
        yield statement.name, argument


def words_of(conf: str, directive: str) -> Iterator[tuple[str, ...]]:
    """Yield the arguments of each line with this directive."""
    for statement in statements(conf):
        if statement.name == directive:
            yield statement.arguments


def uses_nts(line: str) -> bool:
    """Return whether a line names a source that is authenticated by NTS (chrony.conf(5), server, nts)."""
    name, *options = [*line.lower().split(), ""]
    return name in {"server", "pool"} and "nts" in options[1:]


def source_key(line: str) -> int | None:
    """Return the id of the symmetric key of a source; None for a source without a key, and for other lines.

    chrony.conf(5), server, pool, peer: their options are not case-sensitive.
    """
    name, *options = [*line.lower().split(), ""]
    if name not in {"server", "pool", "peer"}:
        return None
    for option, value in pairwise(options):
        if option == "key" and value.isdecimal():
            return int(value)
    return None
