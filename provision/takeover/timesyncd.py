"""Translate the configuration of systemd-timesyncd to statements of chrony.

Source: timesyncd.conf(5). Such a host is a client.
"""

import re
from collections.abc import Iterator
from math import log2

from provision.chrony.statement import Statement
from provision.common.results import Fate, Remark
from provision.takeover.existing import ExistingService
from provision.takeover.remark import changed, lost

_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "m": 60.0, "h": 3600.0, "hr": 3600.0}
_SPAN = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[a-z]*)")
_POLL = {"PollIntervalMinSec": "minpoll", "PollIntervalMaxSec": "maxpoll"}
_DEFAULT_SPANS = {"PollIntervalMinSec": 32.0, "PollIntervalMaxSec": 2048.0, "RootDistanceMaxSec": 5.0}


def seconds(text: str) -> float | None:
    """Return a time span such as ``1min 30s`` in seconds (systemd.time(7)); None if it is none."""
    found = list(_SPAN.finditer(text))
    if not found or _SPAN.sub("", text).strip():
        return None
    if any(match["unit"] not in _UNITS for match in found):
        return None
    return sum(float(match["number"]) * _UNITS[match["unit"]] for match in found)


def assignments(service: ExistingService) -> Iterator[Statement]:
    """Yield each assignment of ``[Time]``, with its key and its words, in the order of reading.

    The servers of a link, which systemd.network(5) names in ``[Network]``, are among those of ``NTP=``.
    """
    for file in service.files:
        section = ""
        for number, line in _logical_lines(file.text):
            if line.startswith("["):
                section = line
            key, equals, value = line.partition("=")
            found = Statement((key.strip(), *value.split()), file.path, number)
            is_of_a_link = section == "[Network]" and found.words[0] == "NTP" and found.arguments
            if equals and (section == "[Time]" or is_of_a_link):
                yield found


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines without comments, with their numbers; a line that ends in a backslash goes on in the next one."""
    begun, first = "", 0
    # systemd leaves out a byte order mark.
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = raw.strip()
        if line.startswith(("#", ";")):
            continue
        first = first or number
        begun += line.removesuffix("\\")
        if line.endswith("\\"):
            begun += " "
            continue
        yield first, begun.strip()
        begun, first = "", 0
    if begun:
        yield first, begun.strip()


def translated(service: ExistingService) -> tuple[tuple[Statement, ...], tuple[Remark, ...]]:
    """Return the statements of chrony, and remarks about what they do not say."""
    named: dict[str, list[Statement]] = {"NTP": [], "FallbackNTP": []}
    spans: dict[str, Statement] = {}
    remarks: list[Remark] = []
    for found in assignments(service):
        key = found.words[0]
        if key in named and not found.arguments:
            # An empty assignment removes the servers of earlier ones.
            named[key] = []
        elif key in named:
            named[key].append(found)
        elif key in _DEFAULT_SPANS:
            spans[key] = found
        else:
            remarks.append(lost(found, "chronyd has no such setting"))
    servers = named["NTP"]
    if servers:
        why = "systemd-timesyncd asks them only if NTP= names none, and the site file has no such list"
        remarks += [lost(found, why) for found in named["FallbackNTP"]]
    else:
        servers = named["FallbackNTP"]
    if not servers:
        remarks.append(_no_servers(service))
    options, span_remarks = _polls(spans)
    # It sets the hardware clock through the kernel, and steps the clock.
    place = _main_file(service)
    clock = (Statement(("rtcsync",), place), Statement(("makestep", "1", "3"), place))
    distance, distance_remarks = _distance(spans.get("RootDistanceMaxSec"))
    lines = [*_sources(servers, options), *distance, *clock]
    return tuple(lines), (*remarks, *span_remarks, *distance_remarks)


def _main_file(service: ExistingService) -> str:
    if service.files:
        return service.files[0].path
    return service.name


def _no_servers(service: ExistingService) -> Remark:
    why = (
        "no server is named, so the distribution's built-in ones or those of DHCP were asked; name them in time.servers"
    )
    return Remark(fate=Fate.CHANGED, place=_main_file(service), line="NTP=", why=why)


def _sources(servers: list[Statement], options: list[str]) -> Iterator[Statement]:
    for found in servers:
        for address in found.arguments:
            yield Statement(("server", address, "iburst", *options), found.file, found.line)


def _polls(spans: dict[str, Statement]) -> tuple[list[str], list[Remark]]:
    options: list[str] = []
    remarks: list[Remark] = []
    for key, option in _POLL.items():
        if key not in spans:
            continue
        span = seconds(" ".join(spans[key].arguments))
        if not span:
            remarks.append(lost(spans[key], "is no time span"))
            continue
        exponent = round(log2(span))
        options += [option, str(exponent)]
        if 2**exponent != span:
            why = f"{option} {exponent}, {2**exponent} s: chronyd has powers of two"
            remarks.append(changed(spans[key], why))
    if "maxpoll" in options and "minpoll" not in options and int(options[1]) < 6:
        options += ["minpoll", str(min(5, int(options[1])))]
    return options, remarks


def _distance(found: Statement | None) -> tuple[list[Statement], list[Remark]]:
    if found is None:
        return [], []
    span = seconds(" ".join(found.arguments))
    if not span:
        return [], [lost(found, "is no time span")]
    return [Statement(("maxdistance", f"{span:g}"), found.file, found.line)], []
