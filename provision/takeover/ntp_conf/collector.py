"""Collect what the lines of ntp.conf become: statements of chrony, and remarks about what these do not say."""

from dataclasses import dataclass, field

from provision.chrony.statement import Statement
from provision.common.results import Remark


@dataclass(slots=True)
class Collector:
    """Collect the settings of a whole file."""

    found: list[Statement] = field(default_factory=list)
    """Statements of chrony."""
    remarks: list[Remark] = field(default_factory=list)
    fudges: dict[str, dict[str, str]] = field(default_factory=dict)
    """Options of each reference clock, by its address 127.127.DRIVER.UNIT."""
    rules: list[Statement] = field(default_factory=list)
    """The lines ``restrict``."""

    def add(self, line: Statement, *words: str) -> None:
        """Add a statement of chrony, made of a line of ntp.conf."""
        self.found.append(Statement(words, line.file, line.line))


def pairs(words: tuple[str, ...]) -> dict[str, str]:
    """Return the options, in lower case, with the word after each."""
    return dict(zip((word.lower() for word in words[::2]), words[1::2], strict=False))
