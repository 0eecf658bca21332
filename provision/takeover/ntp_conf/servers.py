"""Translate the lines ``server``, ``pool`` and ``peer``."""

from provision.chrony.statement import Statement
from provision.takeover.ntp_conf.collector import Collector
from provision.takeover.ntp_conf.refclocks import add_clock
from provision.takeover.remark import lost

_FLAGS = {
    "iburst": "iburst",
    "burst": "burst",
    "prefer": "prefer",
    "noselect": "noselect",
    "true": "trust",
    "nts": "nts",
    "xleave": "xleave",
}
"""Options of a server without a value, and their names in chrony."""

_VALUES = {"minpoll", "maxpoll", "version", "key"}

_LOST_VALUES = {"ttl", "mode", "bias", "ask", "require", "cert", "ca", "aead"}
"""Options of a server with a value that have no counterpart."""

_ATOM = "127.127."


def add_source(line: Statement, into: Collector) -> None:
    """Translate a line that names an NTP server or, by the address 127.127.DRIVER.UNIT, a reference clock."""
    words = list(line.arguments)
    family = [f"ipv{word[1]}" for word in words if word in {"-4", "-6"}]
    words = [word for word in words if word not in {"-4", "-6"}]
    if not words:
        into.remarks.append(lost(line, "names no server"))
        return
    address = words.pop(0)
    if address.startswith(_ATOM):
        add_clock(line, address, words, into)
        return
    options, gone = _server_options(words)
    address, port = _without_port(address)
    if port:
        options += ["ntsport" if "nts" in options else "port", port]
    if gone:
        why = f"the server is carried without {', '.join(gone)}, which chrony does not have"
        if "autokey" in gone and not {"key", "nts"} & set(options):
            why += "; it is asked without authentication"
        into.remarks.append(lost(line, why))
    into.add(line, line.name, address, *options, *family)


def _server_options(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the options of a server in the words of chrony, and those that chrony does not have."""
    options: list[str] = []
    gone: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0).lower()
        if word in _FLAGS:
            options.append(_FLAGS[word])
        elif word in _VALUES and left:
            options += [word, left.pop(0)]
        else:
            gone.append(word)
            if word in _LOST_VALUES and left:
                left.pop(0)
    return options, gone


def _without_port(address: str) -> tuple[str, str]:
    """Return the parts of HOST:PORT and [IPv6]:PORT, as NTPsec has them; the port is empty if there is none."""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        return host, rest.removeprefix(":")
    if address.count(":") == 1:
        host, _, port = address.partition(":")
        return host, port
    return address, ""
