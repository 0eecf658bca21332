"""Define the description of a distribution's package manager."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

BUILD_TOOLS = ("gcc", "make", "m4")
"""Packages with one name in all distributions."""
ARCHIVERS = ("tar", "gzip")
COMMON_TOOL_PACKAGES: Mapping[str, str] = {
    "awk": "gawk",
    "cmp": "diffutils",
    "find": "findutils",
    "flock": "util-linux",
    "grep": "grep",
    "gzip": "gzip",
    "sed": "sed",
    "setpriv": "util-linux",
    "tar": "tar",
}
"""Tool → package, by the name in most distributions; the package of all other tools is coreutils."""
GLIBC_TOOLS: Mapping[str, str] = {"getent": "glibc", "ldd": "glibc", "groupadd": "shadow", "useradd": "shadow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """The commands of a package manager, and its names for the packages that a build or a script needs.

    ``query`` and ``offers`` are sh that exits 0 if the package ``$1`` is installed, or is in a repository that is
    enabled; ``owner`` is sh that prints the name of the package to which the file ``$1`` belongs, without its version;
    ``install`` takes packages as its arguments.
    """

    refresh: str
    """Fetch the package lists; fails if a repository cannot be reached."""
    install: str
    query: str
    offers: str
    owner: str
    tools: tuple[str, ...]
    """The compiler, and the other build tools that minimal images lack."""
    scripts: tuple[str, ...] = ()
    """The packages that minimal images lack and that have tools which our scripts call on every host."""
    libcap: str
    seccomp: str
    readline: str
    gnutls: str
    nettle: str
    pps: str
    tool_packages: Mapping[str, str]
    """Tool → package, for tools whose package differs from :data:`COMMON_TOOL_PACKAGES`."""
    by_hand: str
    """The command that an administrator types to install packages."""
    remedy: str = ""
    """The advice to an administrator if no repository offers a package."""

    def packages_of(self, tools: Iterable[str]) -> tuple[str, ...]:
        """Return the packages that have these tools."""
        names = (self.tool_packages.get(tool) or COMMON_TOOL_PACKAGES.get(tool, "coreutils") for tool in tools)
        return tuple(dict.fromkeys(names))
