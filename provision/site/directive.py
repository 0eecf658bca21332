"""Render directives of chrony.conf, and check the directives that the operator writes.

``directives.json`` lists the release that added each directive (from the parser, conf.c, of every release from 4.0 to
4.9; none was removed). chronyd validates the complete file on the host in any case. This module refuses directives that
``chronyd -p`` accepts but that break this tool, and faults that can be found before any host is contacted.
"""

import json
import re
from functools import cache
from pathlib import Path

from msgspec import Struct
from packaging.version import Version

from provision.chrony.releases import parse_version
from provision.common.text import quoted
from provision.site.text_types import Refused, Text, nearest

_SINCE = Path(__file__).parent / "directives.json"

# conf.c, MAX_LINE_LENGTH: longer lines are a fatal error. The length includes the newline.
_LONGEST = 2046

_GONE = "chrony no longer supports it"
_UNIT = "the service is started with what it needs of this"
_ONE_FILE = (
    "the deployment validates and switches one file; write its lines in time.extra, except those that the site file "
    "has keys for: server (time.servers), pool (time.pools), allow (serve.allow), deny (serve.deny)"
)
_KEY_LINE = re.compile(r"[0-9]+\s|.*\b(HEX|ASCII):", re.IGNORECASE | re.DOTALL)
"""The beginning of a line of a key file, or a secret in any other line."""
_REFUSED = {
    "allow": "use serve.allow",
    "authselectmode": "use time.authselectmode",
    "bindcmdaddress": "chronyc is asked through the socket in its default place",
    "commandkey": _GONE,
    "confdir": _ONE_FILE,
    "deny": "use serve.deny",
    "driftfile": "use time.driftfile",
    "dumpdir": "measurements are kept in /run, for a restart alone",
    "dumponexit": _GONE,
    "generatecommandkey": _GONE,
    "include": _ONE_FILE,
    "initstepslew": "use time.makestep: chronyd would answer nobody until its servers have answered or timed out",
    "keyfile": "use keys.file",
    "leapsectz": "use time.leapsectz",
    "linux_freq_scale": _GONE,
    "linux_hz": _GONE,
    "local": "use time.local",
    "log": "use time.log",
    "logdir": "use time.logdir",
    "mailonchange": "the service has no right to start sendmail",
    "makestep": "use time.makestep",
    "maxdistance": "use time.maxdistance",
    "maxupdateskew": "use time.maxupdateskew",
    "minsources": "use time.minsources",
    "ntpsigndsocket": "the build has no support for it",
    "pidfile": _UNIT,
    "pool": "use time.pools",
    "port": "use serve.role: a server has port 123, a client none",
    "rtcsync": "use time.rtcsync",
    "server": "use time.servers",
    "sourcedir": _ONE_FILE,
    "user": _UNIT,
}
_DRIVERS = ("SHM", "SOCK", "PPS", "PHC", "RTC")
"""refclock.c of chrony 4.9, on Linux; names are case-sensitive."""
_OPTIONS_SINCE = {
    "peer": {
        "copy": "4.1",
        "extfield": "4.2",
        "maxdelayquant": "4.3",
        "ipv4": "4.6",
        "ipv6": "4.6",
        "maxunreach": "4.8",
    },
    "ratelimit": {"kod": "4.6"},
    "refclock": {"RTC": "4.7", "local": "4.3", "optional": "4.9"},
}
"""Options that were added after 4.0, with their release, by directive (chrony's NEWS)."""


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
        if name in _REFUSED:
            raise Refused(f"{name} is not for extra lines: {_REFUSED[name]}")
        if len(line.encode()) > _LONGEST:
            raise Refused(f"is longer than the {_LONGEST} bytes that chronyd reads")
        driver = line.split()[1:2]
        if name == "refclock" and driver and driver[0] not in _DRIVERS:
            raise Refused(f"chronyd has no refclock driver {quoted(driver[0])}; it has {', '.join(_DRIVERS)}")
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
        return self.name in {"refclock", "peer", "manual"}

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

    def unknown_to(self, chrony: str) -> str | None:
        """Return why this chrony does not support the directive; None if it does or is newer than the table."""
        since = _since()
        wanted = parse_version("chrony", chrony)
        newest = max(since.values())
        if self.name not in since and wanted <= newest:
            return f"chrony {chrony} knows no directive {quoted(self.name)}{nearest(self.name, since)}"
        if (first := since.get(self.name, wanted)) > wanted:
            return f"{self.name} came with chrony {first}, and the site builds {chrony}"
        for option in self.split()[1:]:
            added = _OPTIONS_SINCE.get(self.name, {}).get(option)
            if added is not None and wanted < parse_version("chrony", added):
                return f"{self.name} {option} came with chrony {added}, and the site builds {chrony}"
        return None


@cache
def _since() -> dict[str, Version]:
    """Return the first chrony with each directive."""
    table: dict[str, list[str]] = json.loads(_SINCE.read_text(encoding="utf-8"))
    return {name: parse_version("chrony", version) for version, names in table.items() for name in names}
