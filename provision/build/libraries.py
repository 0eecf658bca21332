"""Read the file ``libraries`` of a build: the packages of its libraries, as recorded by the host that compiled it.

A fixed table is not possible: the names differ by distribution and release (``libgnutls30`` is ``libgnutls30t64`` in
Debian 13). A build fits exactly one version of one distribution, so the names from the compiling host are valid on all
of its hosts.
"""

import re
from dataclasses import dataclass

from provision.common.errors import ParseError

FILE = "libraries"
"""The name of the file in the build's folder; ``library_packages.sh`` makes it."""

_LINE = re.compile(r"(?P<soname>[\w.+-]+) (?P<package>[A-Za-z0-9][\w.+-]*|-)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """Hold the direct library dependencies of a build's programs, and their packages."""

    packages: tuple[str, ...]
    """Package names without versions; the package manager knows their own dependencies."""
    unowned: tuple[str, ...] = ()
    """Sonames of libraries without a package: another host has them only if an administrator installed them."""


def parse_libraries(text: str) -> Libraries:
    """Parse the output of ``library_packages.sh``: "SONAME PACKAGE" in each line, with "-" for no package.

    Raises ParseError, also for an empty output: each program needs at least the C library.
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
