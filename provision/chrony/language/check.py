"""Check a statement of a chrony.conf against the table, without a chronyd.

It refuses the lines that chronyd refuses, and also values that chronyd replaces by others in silence. Names of files,
interfaces and hosts are not looked up.
"""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from packaging.version import Version

from provision.chrony.language.table import Argument, Directive, Kind, Option, directive, table
from provision.chrony.releases import parse_version
from provision.chrony.statement import Statement
from provision.common.text import nearest, quoted

NEWEST = Version("4.9")
"""The newest release of the table; a later one may know more names."""
_LONGEST_REFID = 4
_SHORT_NETWORK = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,2}")
_INTEGER = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_BITS = {4: 32, 6: 128}


def faults(statement: Statement, version: str) -> Iterator[str]:
    """Yield the reasons why a chronyd of this version does not apply a statement as it is written.

    The reasons name the option or argument: ``minpoll: 30 is above 24 (log2 s)``. Raises SiteError if ``version`` is
    not a version.
    """
    release = parse_version("chrony", version)
    found = directive(statement.name)
    if found is None:
        if release <= NEWEST:
            names = table().directives
            yield f"chrony {version} knows no directive {quoted(statement.name)}{nearest(statement.name, names)}"
        return
    if release < Version(found.since):
        yield _too_new(found.name, found.since, release)
        return
    words = list(statement.arguments)
    form = next((form for form in found.forms if len(form) == len(words)), found.forms[0])
    yield from _arguments(found, form, words, release)
    if found.options:
        yield from option_faults(found.options, words, version)
    elif words:
        yield f"{found.name}: too many arguments, from {quoted(words[0])}"


def option_faults(options: dict[str, Option], words: Sequence[str], version: str) -> Iterator[str]:
    """Yield the faults of a list of options, such as ``["minpoll", "4", "copy"]``; see :func:`faults`."""
    release = parse_version("chrony", version)
    left = list(words)
    while left:
        word = left.pop(0)
        option = options.get(word.lower())
        if option is None:
            yield f"no option {quoted(word)}{nearest(word.lower(), options)}"
            # Whether the next word is its value cannot be known.
            return
        if release < Version(option.since):
            yield _too_new(option.name, option.since, release)
        if option.kind is None:
            continue
        if not left:
            yield f"{option.name}: needs a value ({_expected(option)})"
            return
        yield from _value(option.name, option, left.pop(0), release)


def _arguments(found: Directive, form: Sequence[Argument], words: list[str], release: Version) -> Iterator[str]:
    """Yield the faults of the arguments, and remove them from ``words``."""
    for argument in form:
        if argument.optional and _is_other(argument, words):
            continue
        if not words:
            yield f"{found.name}: {_missing(found, argument)}"
            return
        while words:
            place = found.name if len(form) == 1 else f"{found.name} {argument.name}"
            if release < Version(argument.since):
                yield _too_new(place, argument.since, release)
            yield from _value(place, argument, words.pop(0), release)
            if not argument.repeated:
                break


def _missing(found: Directive, argument: Argument) -> str:
    counts = " or ".join(str(len(form)) for form in found.forms)
    if len(found.forms) > 1:
        return f"takes {counts} arguments"
    return f"{argument.name} is missing ({_expected(argument)})"


def _is_other(argument: Argument, words: Sequence[str]) -> bool:
    """Return whether the next word, if any, does not belong to an optional argument."""
    if not words:
        return True
    if argument.kind is not Kind.NAME or argument.repeated:
        return False
    return _known(argument, words[0]) is None


def _known(argument: Argument, word: str) -> str | None:
    """Return the value of the table that a word stands for, or None."""
    for value in argument.values:
        if word == value or (word.lower() == value.lower() and not argument.exact):
            return value
    return None


def _value(place: str, argument: Argument, word: str, release: Version) -> Iterator[str]:
    match argument.kind:
        case Kind.INTEGER | Kind.NUMBER:
            yield from _number(place, argument, word)
        case Kind.NAME:
            yield from _name(place, argument, word, release)
        case Kind.HEXADECIMAL:
            yield from _name(place, argument, word.lower().removeprefix("0x").lstrip("0"), release)
        case Kind.ADDRESS:
            if not is_address(word):
                yield f"{place}: {quoted(word)} is no IP address"
        case Kind.NETWORK:
            if (why := _network_fault(word)) is not None:
                yield f"{place}: {quoted(word)} {why}"
        case Kind.REFID:
            if len(word.encode()) > _LONGEST_REFID:
                yield f"{place}: {quoted(word)} is longer than {_LONGEST_REFID} characters"
        case _:
            return


def _number(place: str, argument: Argument, word: str) -> Iterator[str]:
    pattern = _INTEGER if argument.kind is Kind.INTEGER else _NUMBER
    if not pattern.fullmatch(word):
        yield f"{place}: {quoted(word)} is no {argument.kind}"
        return
    value = float(word)
    unit = f" {argument.unit}" if argument.unit else ""
    if argument.max is not None and value > argument.max:
        yield f"{place}: {word} is above {argument.max:.17g}{unit}"
    elif argument.min is not None and value < argument.min:
        yield f"{place}: {word} is below {argument.min:.17g}{unit}"
    elif argument.above is not None and value <= argument.above:
        yield f"{place}: {word} is not above {argument.above:.17g}{unit}"


def _name(place: str, argument: Argument, word: str, release: Version) -> Iterator[str]:
    value = _known(argument, word)
    if value is None:
        yield f"{place}: {quoted(word)} is none of {', '.join(argument.values)}"
        return
    since = argument.values_since.get(value, argument.since)
    if release < Version(since):
        yield _too_new(f"{place} {value}", since, release)


def is_address(word: str) -> bool:
    """Return whether chronyd reads a word as an IP address, and not as a name."""
    if "%" in word:
        # chronyd reads no zone (util.c, UTI_StringToIP).
        return False
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


def _network_fault(word: str) -> str | None:
    net, slash, bits = word.partition("/")
    if slash and not bits.isdecimal():
        return "has no number of bits after the /"
    if is_address(net):
        return _bits_fault(bits, _BITS[ip_address(net).version])
    if not _SHORT_NETWORK.fullmatch(net):
        return "is no network" if slash else None
    if any(int(part) > 255 for part in net.split(".")):
        return "is no network"
    return _bits_fault(bits, _BITS[4])


def _bits_fault(bits: str, most: int) -> str | None:
    if bits and int(bits) > most:
        return f"has more than {most} bits"
    return None


def _expected(argument: Argument) -> str:
    """Return a description of the value: ``integer``, or the names."""
    if argument.values:
        return ", ".join(argument.values)
    return str(argument.kind)


def _too_new(what: str, since: str, release: Version) -> str:
    return f"{what} came with chrony {since}, and the release is {release}"
