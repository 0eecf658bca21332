"""Parse the command line of a chronyd (chronyd(8)) or of an ntpd: its options, and the directives of chronyd."""

from collections.abc import Sequence
from dataclasses import dataclass

WITH_VALUE = "fFlLPtu"
"""The options of chronyd with an argument; main.c of chrony 4.9. All others are flags."""
_NTPD_WITH_VALUE = "cDfiIklpPrstuUw"
"""The same of ntpd: ntpd(8) of ntp.org 4.2.8 and of NTPsec."""
_NTPD_NAMES = {"ipv4": "4", "ipv6": "6", "interface": "I", "novirtualips": "L", "slew": "x", "trustedkey": "t"}
"""The long names of ntpd for options that matter here."""


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
            options += _bundle(word[1:], words, WITH_VALUE)
    return ChronydCommand(tuple(options), tuple(directives))


def parse_ntpd(command: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return letter and argument of each option of an ntpd; its first word is the program."""
    options: list[tuple[str, str]] = []
    words = list(command[1:])
    while words:
        word = words.pop(0)
        name, _, value = word.removeprefix("--").partition("=")
        if word.startswith("--") and name in _NTPD_NAMES:
            options += _bundle(_NTPD_NAMES[name] + value, words, _NTPD_WITH_VALUE)
        elif word.startswith("-") and not word.startswith("--"):
            options += _bundle(word[1:], words, _NTPD_WITH_VALUE)
    return tuple(options)


def _bundle(letters: str, words: list[str], with_value: str) -> list[tuple[str, str]]:
    """Return the options of a word without its dash, such as ``df``; take an argument from ``words`` if it is there."""
    options = []
    for position, letter in enumerate(letters):
        if letter not in with_value:
            options.append((letter, ""))
            continue
        value = letters[position + 1 :]
        if not value and words:
            value = words.pop(0)
        options.append((letter, value))
        break
    return options
