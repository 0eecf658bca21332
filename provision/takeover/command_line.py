"""Parse the command line of a chronyd: its options, and the directives that it reads instead of a file (chronyd(8))."""

from collections.abc import Sequence
from dataclasses import dataclass

WITH_VALUE = "fFlLPtu"
"""The options with an argument; main.c of chrony 4.9. All others are flags."""


@dataclass(frozen=True, slots=True)
class ChronydCommand:
    """The command line of a chronyd, without its program."""

    options: tuple[tuple[str, str], ...] = ()
    """Letter and argument of each option, in order; the argument of a flag is empty."""
    directives: tuple[str, ...] = ()
    """Lines of configuration: with one of them, chronyd reads no file."""

    @property
    def file(self) -> str:
        """Return the file of the last option ``-f``, or an empty string."""
        return dict(self.options).get("f", "")


def parse_chronyd(command: Sequence[str]) -> ChronydCommand:
    """Return the parsed command line; its first word is the program."""
    options: list[tuple[str, str]] = []
    directives: list[str] = []
    words = list(command[1:])
    while words:
        word = words.pop(0)
        if word == "--":
            directives += words
            break
        if not word.startswith("-") or word == "-":
            directives.append(word)
        elif not word.startswith("--"):
            options += _bundle(word[1:], words)
    return ChronydCommand(tuple(options), tuple(directives))


def _bundle(letters: str, words: list[str]) -> list[tuple[str, str]]:
    """Return the options of a word without its dash, such as ``df``; take an argument from ``words`` if it is there."""
    options = []
    for position, letter in enumerate(letters):
        if letter not in WITH_VALUE:
            options.append((letter, ""))
            continue
        value = letters[position + 1 :]
        if not value and words:
            value = words.pop(0)
        options.append((letter, value))
        break
    return options
