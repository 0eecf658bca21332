"""Directives of chrony.conf: values to words, and the lines that the operator writes himself.

``directives.json`` says which chrony added which directive (read from the parser, conf.c, of every release from
4.0 to 4.9; none was removed). chronyd validates the whole file on the host in any case; what is refused here is what
``chronyd -p`` would accept although it breaks what this tool does, and what can be told before any host is touched.
"""

import json
from functools import cache
from pathlib import Path

from msgspec import Struct
from packaging.version import Version

from provision.releases import parse_version
from provision.site.values import Refused, Text, nearest, quoted

_SINCE = Path(__file__).parent / "directives.json"

# conf.c, MAX_LINE_LENGTH: longer lines are a fatal error. The newline counts.
_LONGEST = 2046

_GONE = "chrony no longer supports it"
_UNIT = "the service is started with what it needs of this"
_ONE_FILE = "the deployment validates and switches one file; write its lines in time.extra"
_REFUSED = {
    "allow": "use serve.allow",
    "authselectmode": "use time.authselectmode",
    "bindcmdaddress": "chronyc is asked through the socket in its default place",
    "commandkey": _GONE,
    "confdir": _ONE_FILE,
    "deny": "use serve.deny",
    "driftfile": "use time.driftfile",
    "dumpdir": "measurements are kept where the service keeps state",
    "dumponexit": _GONE,
    "generatecommandkey": _GONE,
    "include": _ONE_FILE,
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


def words(name: str, value: object) -> tuple[str, ...]:
    """Return a directive or option as its words; none when it is not set (None, False, empty)."""
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
    """Return a number as people write it, with all its digits: 1, 0.25, 1e-05."""
    return repr(value).removesuffix(".0")


def options(table: Struct, *, without: tuple[str, ...] = ()) -> str:
    """Return the keys of a table that are set, as one line of options, in the order in which the table has them."""
    names = (name for name in table.__struct_fields__ if name not in without)
    return " ".join(word for name in names for word in words(name, getattr(table, name)))


def lines(table: Struct, *names: str) -> tuple[str, ...]:
    """Return a line for each of these keys of a table that is set."""
    directives = (words(name, getattr(table, name)) for name in names)
    return tuple(" ".join(directive) for directive in directives if directive)


class Directive(Text):
    """A line of the operator's own: any directive but those that this tool sets itself, or that would break it."""

    __slots__ = ()

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the line without blanks around it."""
        line = text.strip()
        name = line.partition(" ")[0].lower()
        if not name.isidentifier():
            raise Refused(f"{quoted(text)} is no directive of chrony.conf")
        if name in _REFUSED:
            raise Refused(f"{name} is not for extra lines: {_REFUSED[name]}")
        if len(line.encode()) > _LONGEST:
            raise Refused(f"is longer than the {_LONGEST} bytes that chronyd reads")
        return line

    @property
    def name(self) -> str:
        """Return which directive it is, in lower case."""
        return self.partition(" ")[0].lower()

    @property
    def gives_time(self) -> bool:
        """Say whether it is where time may come from."""
        return self.name in {"refclock", "peer", "manual"}

    @property
    def needs_nts(self) -> bool:
        """Say whether a chronyd without NTS accepts it, and does nothing."""
        return self.name.startswith("nts") or self.name in {"nocerttimecheck", "nosystemcert"}

    @property
    def needs_pps(self) -> bool:
        """Say whether only a chronyd with the kernel's PPS API (RFC 2783) can do it."""
        return self.name == "refclock" and self.split()[1:2] == ["PPS"]

    def unknown_to(self, chrony: str) -> str | None:
        """Say why this chrony does not know the directive; None when it does, or is newer than our table."""
        since = _since()
        wanted, newest = parse_version("chrony", chrony), max(since.values())
        if self.name not in since and wanted <= newest:
            return f"chrony {chrony} knows no directive {quoted(self.name)}{nearest(self.name, since)}"
        if (first := since.get(self.name, wanted)) > wanted:
            return f"{self.name} came with chrony {first}, and the site builds {chrony}"
        return None


@cache
def _since() -> dict[str, Version]:
    """Return the chrony that first knew each directive."""
    table: dict[str, list[str]] = json.loads(_SINCE.read_text(encoding="utf-8"))
    return {name: parse_version("chrony", version) for version, names in table.items() for name in names}
