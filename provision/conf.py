"""The directives of a chrony.conf."""

from collections.abc import Iterator
from itertools import pairwise


def directives(conf: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each directive, in lower case, and the word behind it, or nothing.

    chrony.conf(5): names are not case-sensitive; comments begin with one of ``!;#%``.
    """
    for line in conf.splitlines():
        words = line.split()
        if words and words[0][0] not in "!;#%":
            yield words[0].lower(), words[1] if len(words) > 1 else ""


def source_key(line: str) -> int | None:
    """Return the id of the symmetric key with which a line has a source asked; None: it has none, or is another line.

    chrony.conf(5), server, pool, peer: their options are not case-sensitive.
    """
    name, *options = [*line.lower().split(), ""]
    keys = [int(value) for option, value in pairwise(options) if option == "key" and value.isdecimal()]
    return keys[0] if keys and name in {"server", "pool", "peer"} else None
