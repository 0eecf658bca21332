"""From which packages a build has its libraries, as the host that compiled it wrote down: the file ``libraries`` in it.

No table could say it: the names differ by distribution and by release (``libgnutls30`` is ``libgnutls30t64`` in Debian
13). A build fits one distribution in one version, so what was found where it was made holds wherever it fits.
"""

import re
from dataclasses import dataclass

from provision.errors import ParseError

FILE = "libraries"
"""In the folder of a build; ``remote/libraries.sh`` makes it."""

_LINE = re.compile(r"(?P<soname>[\w.+-]+) (?P<package>[A-Za-z0-9][\w.+-]*|-)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """The libraries that the programs of a build ask for themselves, and who has them."""

    packages: tuple[str, ...]
    """By name, without versions; what these need in turn, their manager knows."""
    unowned: tuple[str, ...] = ()
    """Sonames of those that came from no package: another host has them only if somebody puts them there."""


def parse_libraries(text: str) -> Libraries:
    """Parse what ``remote/libraries.sh`` wrote: "SONAME PACKAGE" in each line, with "-" for no package.

    Raises ParseError, also when there is none: each program asks for the C library at least.
    """
    lines = text.splitlines()
    found = [_LINE.fullmatch(line) for line in lines]
    if not lines or None in found:
        raise ParseError(f"the file {FILE} of a build is not as it was written: {_first_strange(lines)}")
    owners = [(line["soname"], line["package"]) for line in found if line]
    return Libraries(
        packages=tuple(sorted({package for _, package in owners} - {"-"})),
        unowned=tuple(sorted(soname for soname, package in owners if package == "-")),
    )


def _first_strange(lines: list[str]) -> str:
    return next((repr(line) for line in lines if not _LINE.fullmatch(line)), "it is empty")
