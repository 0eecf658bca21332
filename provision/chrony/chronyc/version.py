"""Parse ``chronyc --version`` and ``chronyd --version``."""

import re
from dataclasses import dataclass

from provision.chrony.chronyc.fields import quoted
from provision.common.errors import ParseError

VERSION = re.compile(
    r"(?P<program>chrony[cd]) \(chrony\) version (?P<version>\S+) \((?P<flags>[+-][A-Z0-9]+(?: [+-][A-Z0-9]+)*)\)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Hold the version and the features of a program."""

    program: str
    """``chronyd`` or ``chronyc``."""
    version: str
    features: frozenset[str]
    """Enabled features, such as ``PRIVDROP``; READLINE is a feature of chronyc."""


def parse_version(text: str) -> Version:
    """Parse ``chronyd --version`` or ``chronyc --version``."""
    if (match := VERSION.fullmatch(text.strip())) is None:
        raise ParseError(f"expected chrony's version and features, got {quoted(text)}")
    return Version(
        program=match["program"],
        version=match["version"],
        features=frozenset(flag[1:] for flag in match["flags"].split() if flag[0] == "+"),
    )
