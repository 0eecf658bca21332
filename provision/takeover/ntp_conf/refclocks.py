"""Translate the reference clocks of ntpd, ``server 127.127.DRIVER.UNIT``, and of NTPsec, ``refclock NAME``."""

from collections.abc import Mapping

from provision.chrony.statement import Statement
from provision.takeover.ntp_conf.collector import Collector, pairs
from provision.takeover.remark import lost

_LOCAL, _SHM, _PPS = 1, 28, 22

_DRIVERS = {
    20: "chronyd reads no serial clock: let gpsd read it, and name refclock SHM 0 or SOCK in time.extra",
    46: "chronyd does not ask gpsd: gpsd writes to refclock SHM 0 or SOCK, which time.extra names",
}
"""Reference clocks of ntpd by their number (ntp.conf(5)), and what to do instead."""

_NTPSEC_DRIVERS = {"local": _LOCAL, "shm": _SHM, "pps": _PPS, "nmea": 20, "gpsd": 46}

_DEFAULT_LOCAL_STRATUM = "5"


def add_clock(line: Statement, address: str, words: list[str], into: Collector) -> None:
    """Translate ``server 127.127.DRIVER.UNIT``."""
    parts = address.split(".")
    if len(parts) != 4 or not all(part.isdecimal() for part in parts):
        into.remarks.append(lost(line, "names no reference clock"))
        return
    options = {word.lower() for word in words if word.lower() in {"prefer", "noselect"}}
    _refclock(line, int(parts[2]), parts[3], options, _pairs_of(words) | into.fudges.get(address, {}), into)


def _pairs_of(words: list[str]) -> dict[str, str]:
    """Return the options with a value among the words of a clock."""
    plain = [word for word in words if word.lower() not in {"prefer", "noselect", "iburst", "burst", "true"}]
    return pairs(tuple(plain))


def add_ntpsec_clock(line: Statement, into: Collector) -> None:
    """Translate ``refclock NAME unit N``, as NTPsec has it."""
    name, *words = [word.lower() if number == 0 else word for number, word in enumerate(line.arguments)] or [""]
    options = {word.lower() for word in words if word.lower() in {"prefer", "noselect"}}
    values = _pairs_of(words)
    driver = _NTPSEC_DRIVERS.get(name)
    if driver is None:
        into.remarks.append(lost(line, "chronyd has no such driver; it has SHM, SOCK, PPS, PHC and RTC"))
        return
    _refclock(line, driver, values.get("unit", "0"), options, values, into)


def _refclock(
    line: Statement, driver: int, unit: str, flags: set[str], values: Mapping[str, str], into: Collector
) -> None:
    if driver == _LOCAL:
        into.add(line, "local", "stratum", values.get("stratum", _DEFAULT_LOCAL_STRATUM))
        return
    if driver == _PPS:
        why = f"name it in time.extra, with the source that numbers its seconds: refclock PPS /dev/pps{unit} lock REFID"
        into.remarks.append(lost(line, why))
        return
    if driver != _SHM:
        into.remarks.append(lost(line, _DRIVERS.get(driver, "chronyd has no such driver")))
        return
    words = ["refclock", "SHM", unit]
    for option, name in (("refid", "refid"), ("time1", "offset"), ("minpoll", "poll"), ("stratum", "stratum")):
        if option in values:
            words += [name, values[option]]
    into.add(line, *words, *sorted(flags))
