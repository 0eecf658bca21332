"""Read the directives of a chrony.conf."""

from collections.abc import Iterator
from itertools import pairwise


def directives(conf: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each directive, in lower case, and its first argument, or an empty string.

    chrony.conf(5): names are not case-sensitive; comments begin with one of ``!;#%``.
    """
    for words in words_in(conf):
        name, argument, *_ = [*words, ""]
        yield name.lower(), argument


def words_in(conf: str) -> Iterator[list[str]]:
    """Yield the words of each line that is neither empty nor a comment."""
    for line in conf.splitlines():
        words = line.split()
        if words and words[0][0] not in "!;#%":
            yield words


def words_of(conf: str, directive: str) -> Iterator[tuple[str, ...]]:
    """Yield the arguments of each line with this directive."""
    for line in conf.splitlines():
        name, *words = line.split() or [""]
        if name.lower() == directive:
            yield tuple(words)


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
