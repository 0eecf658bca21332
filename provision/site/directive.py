"""Render directives of chrony.conf, and check the directives that the operator writes.

The table of chrony's language (provision/chrony/language) says which directives a site can hold as lines, and which
lines a chrony supports. chronyd validates the complete file on the host in any case.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from msgspec import Struct

from provision.chrony.language.check import faults
from provision.chrony.language.table import How, directive, table
from provision.chrony.statement import statements
from provision.common.text import quoted
from provision.site.text_types import Network, Refused, Text

# conf.c, MAX_LINE_LENGTH: longer lines are a fatal error. The length includes the newline.
_LONGEST = 2046

_KEY_LINE = re.compile(r"[0-9]+\s|.*\b(HEX|ASCII):", re.IGNORECASE | re.DOTALL)
"""The beginning of a line of a key file, or a secret in any other line."""


def words(name: str, value: object) -> tuple[str, ...]:
    """Return the words of a directive or option, or an empty tuple if it is not set (None, False, empty)."""
    match value:
        case None | False | ():
            return ()
        case True:
            return (name,)
        case tuple():
            return (name, *map(str, value))
        case float():
            return (name, decimal(value))
        case _:
            return (name, str(value))


def decimal(value: float) -> str:
    """Return the usual notation of a number, with all its digits: 1, 0.25, 1e-05."""
    return repr(value).removesuffix(".0")


def options(table: Struct, *, without: tuple[str, ...] = ()) -> str:
    """Return the keys that are set in a table as one line of options, in the order of the table."""
    names = (name for name in table.__struct_fields__ if name not in without)
    return " ".join(word for name in names for word in words(name, getattr(table, name)))


def lines(table: Struct, *names: str) -> tuple[str, ...]:
    """Return a line for each of these keys that is set in the table."""
    directives = (words(name, getattr(table, name)) for name in names)
    return tuple(" ".join(directive) for directive in directives if directive)


def access_lines(allowed: Iterable[Network], denied: Iterable[Network]) -> tuple[str, ...]:
    """Return a line for each network that may ask for time, and for each that may not: wider networks first.

    Without denied networks, the order is that of the site file, and has no effect.
    """
    rules = [("allow", network) for network in allowed]
    refused = [("deny", network) for network in denied]
    if refused:
        # Of two networks that share four bits of an address, chronyd lets the later line decide, whichever is narrower.
        rules = sorted(rules + refused, key=lambda rule: rule[1].ip.prefixlen)
    return tuple(f"{directive} {network}" for directive, network in rules)


class Directive(Text):
    """A line of the operator: any directive except those that this tool sets itself or that would break it."""

    __slots__ = ()

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the line without leading and trailing blanks."""
        line = text.strip()
        if _KEY_LINE.match(line):
            raise Refused(
                "is a line of a key file, with a secret, so it is not shown; keys are in the file of keys.file"
            )
        name = line.partition(" ")[0].lower()
        if not name.isidentifier():
            raise Refused(f"{quoted(text)} is no directive of chrony.conf")
        if (why := _not_for_lines(name)) is not None:
            raise Refused(f"{name} is not for extra lines: {why}")
        if len(line.encode()) > _LONGEST:
            raise Refused(f"is longer than the {_LONGEST} bytes that chronyd reads")
        return line

    @property
    def name(self) -> str:
        """Return the name of the directive, in lower case."""
        return self.partition(" ")[0].lower()

    @property
    def argument(self) -> str:
        """Return the first argument, or an empty string."""
        return "".join(self.split()[1:2])

    @property
    def gives_time(self) -> bool:
        """Return whether the directive adds a source of time."""
        return self.name in {"refclock", "peer", "manual", "sourcedir"}

    @property
    def needs_ntp_port(self) -> bool:
        """Return whether a chronyd without a server's port accepts the directive and sends nothing (ntp_io.c)."""
        return self.name in {"peer", "broadcast"}

    @property
    def needs_nts(self) -> bool:
        """Return whether a chronyd without NTS accepts the directive and ignores it."""
        return self.name.startswith("nts") or self.name in {"nocerttimecheck", "nosystemcert"}

    @property
    def needs_pps(self) -> bool:
        """Return whether the directive needs a chronyd with the kernel's PPS API (RFC 2783)."""
        return self.name == "refclock" and self.split()[1:2] == ["PPS"]

    @property
    def needs_signd(self) -> bool:
        """Return whether a chronyd without MS-SNTP (-SIGND) accepts the directive and ignores it."""
        return self.name == "ntpsigndsocket"

    def faults(self, chrony: str) -> Iterator[str]:
        """Yield the reasons why this chrony would not apply the line as it is written."""
        yield from line_faults(self, chrony)


class SourceOptions(Text):
    """Options of a source for which the site file has no key, such as ``copy extfield F323``."""

    __slots__ = ()

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the options with single blanks."""
        if _KEY_LINE.match(text):
            raise Refused("has a secret in it, so it is not shown; keys are in the file of keys.file")
        names = [words[0].lower() for words in split_options(text.split())]
        for name in names:
            if names.count(name) > 1:
                raise Refused(f"{name} is named twice")
            option = table().source_options.get(name)
            if option is not None and option.site.how is How.REFUSED:
                raise Refused(f"{name}: {option.site.text}")
        return " ".join(text.split())

    @property
    def names(self) -> list[str]:
        """Return the names of the options, in lower case, without their values."""
        return [words[0].lower() for words in split_options(self.split())]


def split_options(words: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield the words of each option of a source: its name, and its value if it has one."""
    left = iter(words)
    for word in left:
        option = table().source_options.get(word.lower())
        if option is None or option.kind is None:
            yield (word,)
        else:
            yield (word, *islice(left, 1))


def line_faults(line: str, chrony: str) -> Iterator[str]:
    """Yield the reasons why this chrony would not apply a line of chrony.conf as it is written."""
    for statement in statements(line):
        yield from faults(statement, chrony)


def _not_for_lines(name: str) -> str | None:
    """Return why a directive cannot be a line of the operator; None if it can, or if the name is unknown."""
    found = directive(name)
    if found is None or found.site.how is How.LINE:
        return None
    if found.site.how is not How.KEY:
        return found.site.text
    note = f": {found.site.note}" if found.site.note else ""
    return f"use {found.site.text}{note}"
