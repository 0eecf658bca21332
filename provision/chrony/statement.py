"""Read the statements of a chrony.conf: the words of each line that is not a comment, with their place in a file.

chronyd reads the same way: util.c, UTI_SplitString and CPS_NormalizeLine of chrony 4.9.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

COMMENT = "!;#%"
"""A line whose first character is one of these is a comment (chrony.conf(5), DESCRIPTION)."""
_BLANKS = re.compile(r"[ \t\v\f\r]+")
"""isspace(3) in the C locale, without the newline: other blanks of Unicode are parts of a word."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One line of a chrony.conf: a directive and its arguments."""

    words: tuple[str, ...]
    """At least one word."""
    file: str = ""
    """The file as messages name it; empty for a text without a file, such as a command line."""
    line: int = 0
    """The number of the line in its text, from 1; 0 for words that were not read from a text."""

    @property
    def name(self) -> str:
        """Return the directive, in lower case: chronyd ignores the case of a name."""
        return self.words[0].lower()

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return the words after the directive, as they are written."""
        return self.words[1:]

    @property
    def text(self) -> str:
        """Return the line with single blanks."""
        return " ".join(self.words)

    @property
    def place(self) -> str:
        """Return ``FILE:LINE``, or an empty string without a file."""
        if not self.file:
            return ""
        return f"{self.file}:{self.line}"


def statements(text: str, file: str = "") -> Iterator[Statement]:
    """Yield the statements of a text, in order; ``file`` is the name for messages."""
    for number, line in enumerate(text.split("\n"), start=1):
        words = tuple(word for word in _BLANKS.split(line) if word)
        if words and words[0][0] not in COMMENT:
            yield Statement(words, file, number)
