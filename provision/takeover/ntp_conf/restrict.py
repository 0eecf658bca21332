"""Translate the lines ``restrict``: which clients ntpd answers."""

from collections.abc import Collection, Iterator
from ipaddress import ip_address, ip_network

from provision.chrony.statement import Statement
from provision.common.results import Fate, Remark
from provision.takeover.ntp_conf.collector import Collector
from provision.takeover.remark import carried, changed, lost

_REFUSING = {"ignore", "noserve"}

_ABOUT_QUERIES = {"nomodify", "noquery", "notrap", "nopeer", "noepeer", "kod", "lowpriotrap", "nomrulist", "mssntp"}
"""Flags of ``restrict`` about mode 6, peers and answers to those who are refused: chronyd has none of these."""


def add_access(into: Collector, place: str) -> None:
    """Translate the lines ``restrict``: of those that contain an address, the narrowest decides, as in chrony."""
    open_by_default = {4: True, 6: True}
    # Several lines about one network add their flags (ntp_restrict.c, hack_restrict).
    refused = [line for line in into.rules if _REFUSING & _flags(line)]
    for line in refused:
        for version in _default_of(line):
            open_by_default[version] = False
    denied = {_network(line) for line in refused}
    default = next((line for line in into.rules if list(_default_of(line))), Statement(("restrict",), place))
    for version, network in ((4, "0.0.0.0/0"), (6, "::/0")):
        if open_by_default[version]:
            into.add(default, "allow", network)
    if all(open_by_default.values()) and not into.rules:
        into.remarks.append(
            Remark(fate=Fate.CARRIED, place=place, line="allow", why="ntpd serves everyone without a line restrict")
        )
    for line in into.rules:
        _rule(line, denied, into)
    if any("limited" in _flags(line) for line in into.rules):
        limited = next(line for line in into.rules if "limited" in _flags(line))
        into.add(limited, "ratelimit")
        into.remarks.append(changed(limited, "limited is ratelimit, for all clients, with the limits of chrony"))


def _rule(line: Statement, denied: Collection[str | None], into: Collector) -> None:
    flags = _flags(line)
    if "notrust" in flags:
        into.remarks.append(lost(line, "notrust: chronyd answers requests without a key, too, where it answers any"))
    if "version" in flags or "ntpport" in flags:
        into.remarks.append(lost(line, "version and ntpport: chronyd does not tell requests apart by these"))
    if _ABOUT_QUERIES & flags:
        into.remarks.append(carried(line, "its flags about queries are for mode 6, which chronyd does not have"))
    if list(_default_of(line)) or line.arguments[:1] == ("source",):
        return
    network = _network(line)
    if network is None:
        into.remarks.append(lost(line, "names no IP network; write it in serve.allow or serve.deny"))
        return
    verb = "deny" if network in denied else "allow"
    into.add(line, verb, network)


def _words(line: Statement) -> list[str]:
    return [word for word in line.arguments if word not in {"-4", "-6"}]


def _flags(line: Statement) -> set[str]:
    """Return the flags of a line, in lower case: what follows the address and its mask."""
    words = _words(line)[1:]
    if words[:1] == ["mask"]:
        words = words[2:]
    return {word.lower() for word in words}


def _default_of(line: Statement) -> Iterator[int]:
    """Yield the IP versions whose default a line sets; ``restrict default`` sets both."""
    if _words(line)[:1] != ["default"]:
        return
    if "-6" not in line.arguments:
        yield 4
    if "-4" not in line.arguments:
        yield 6


def _network(line: Statement) -> str | None:
    words = _words(line)
    if not words:
        return None
    text = words[0]
    if words[1:2] == ["mask"] and len(words) > 2:
        text = f"{text}/{_bits(words[2])}"
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        return None


def _bits(mask: str) -> str:
    """Return the length of a mask; the mask itself if it is none."""
    try:
        number = ip_address(mask)
    except ValueError:
        return mask
    bits = f"{int(number):0{number.max_prefixlen}b}"
    if "01" in bits:
        return mask
    return str(bits.count("1"))
