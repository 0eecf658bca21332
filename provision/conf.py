"""The directives of a chrony.conf."""

from collections.abc import Iterator


def directives(conf: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each directive, in lower case, and the word behind it, or nothing.

    chrony.conf(5): names are not case-sensitive; comments begin with one of ``!;#%``.
    """
    for line in conf.splitlines():
        words = line.split()
        if words and words[0][0] not in "!;#%":
            yield words[0].lower(), words[1] if len(words) > 1 else ""
