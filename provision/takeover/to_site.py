"""Write the statements of a chrony.conf as settings of a site file.

Each statement becomes a typed key if the site file has one, or else a line of ``time.extra``. What the site file
refuses is named with its reason. The result is what a site file's parser returns: tables of plain values.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import fields

from provision.chrony.access_rules import AccessRules, Rule, parse_rule
from provision.chrony.language.table import How, directive
from provision.chrony.releases import DEFAULT_CHRONY
from provision.chrony.statement import Statement
from provision.common.errors import ParseError, SiteError
from provision.common.results import Fate, Remark
from provision.site.decode import Tree
from provision.site.directive import Directive, line_faults, split_options
from provision.site.read import to_table
from provision.site.schema import Site
from provision.site.source import Pool, Server, Source, Table
from provision.site.text_types import Refused
from provision.site.time import Local, Makestep, Time
from provision.takeover.networks import networks
from provision.takeover.remark import carried, changed, lost
from provision.takeover.statements import is_of_dhcp
from provision.takeover.translation import Translated

T = TypeVar("T", bound=Table)

_SOURCES: dict[str, tuple[str, type[Source]]] = {"server": ("servers", Server), "pool": ("pools", Pool)}
_PATHS = {"driftfile", "logdir"}
"""Files of chronyd, for which the deployment has folders of its own."""
_NTP_PORT = "123"
_INTERVAL = "driftfile_interval"
_ROOTS_CLOCKS = {("SHM", "0"), ("SHM", "1")}
"""Segments of shared memory that only root may open (gpsd(8), SHARED MEMORY)."""
_PLACE = re.compile(r"time\.(?P<key>[a-z_]+)(?:\[(?P<number>[0-9]+)\])?[^:]*: (?P<why>.*)", re.DOTALL)
"""A message about a value of ``[time]``."""


@dataclass(slots=True)
class _Settings:
    """Collect the settings of one host."""

    chrony: str
    time: Tree = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    extra: list[Statement] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    seen: dict[str, Statement] = field(default_factory=dict)
    """The last statement of each directive that counts once."""
    addresses: set[str] = field(default_factory=set)
    port: str = _NTP_PORT

    def keep(self, statement: Statement, why: str = "") -> None:
        self.remarks.append(carried(statement, why))

    def set(self, statement: Statement, value: object) -> None:
        """Set the key of a directive of which the last one counts."""
        self.override(statement)
        self.time[statement.name] = value
        self.keep(statement)

    def override(self, statement: Statement) -> None:
        """Replace the remark about the line before of a directive of which the last one counts."""
        before = self.seen.get(statement.name)
        if before is not None:
            self.remarks = [remark for remark in self.remarks if replace(remark, why="") != carried(before)]
            why = f"{statement.place or statement.text} comes later, and chronyd uses that"
            self.remarks.append(changed(before, why))
        self.seen[statement.name] = statement

    def take_back(self, statement: Statement, why: str) -> None:
        """Replace the remark about a statement that was carried."""
        self.remarks = [remark for remark in self.remarks if replace(remark, why="") != carried(statement)]
        self.remarks.append(lost(statement, why))

    @property
    def names_sources(self) -> bool:
        """Return whether a line names something that gives time."""
        if "servers" in self.time or "pools" in self.time or "local" in self.time:
            return True
        return any(Directive(line.text).gives_time for line in self.extra)

    @property
    def tree(self) -> Tree:
        """Return the tables of the site file that are not empty."""
        tree = {"time": _time(self), "serve": _serve(self)}
        return {name: table for name, table in tree.items() if table}


def tree_of(translation: Translated, *, chrony: str = DEFAULT_CHRONY) -> tuple[Tree, tuple[Remark, ...]]:
    """Return the settings of a host, and the fate of each of its lines.

    ``chrony`` is the release that the site builds. Raises SiteError for lines that contradict each other in a way
    that no line alone can settle.
    """
    settings = _Settings(chrony)
    settings.remarks += translation.remarks
    for statement in translation.statements:
        _add(statement, settings)
    while (fault := _fault(settings.tree, Site)) is not None:
        if not _leave_out(fault, settings):
            raise SiteError(f"no site file can have these lines: {fault}")
    if not settings.names_sources:
        why = "no line that is carried names a source, and the site file leaves its default, servers of pool.ntp.org"
        settings.remarks.append(Remark(fate=Fate.CHANGED, place="", line="sources", why=why))
    tree = settings.tree
    if translation.seccomp is not None:
        tree["service"] = {"seccomp": translation.seccomp}
    return tree, tuple(settings.remarks)


def _leave_out(fault: str, settings: _Settings) -> bool:
    """Leave out the line that contradicts others, and return whether it is known."""
    found = _PLACE.match(fault)
    if found is None:
        return False
    key = found["key"]
    if key == "extra" and found["number"]:
        settings.take_back(settings.extra.pop(int(found["number"])), found["why"])
        return True
    if key not in settings.seen or key not in settings.time:
        return False
    del settings.time[key]
    settings.take_back(settings.seen[key], found["why"])
    return True


def _add(statement: Statement, settings: _Settings) -> None:
    row = directive(statement.name)
    if statement.name == "sourcedir":
        _add_source_folder(statement, settings)
    elif row is None or row.site.how is How.LINE:
        _add_extra(statement, settings)
    elif row.site.how is How.DEPLOYMENT:
        settings.remarks.append(changed(statement, row.site.text))
    elif row.site.how in {How.REFUSED, How.GONE}:
        settings.remarks.append(lost(statement, row.site.text))
    else:
        _OF_KEY.get(row.site.text, _add_value)(statement, settings)


def _add_source(statement: Statement, settings: _Settings) -> None:
    key, kind = _SOURCES[statement.name]
    if not statement.arguments:
        settings.remarks.append(lost(statement, "names no server"))
        return
    address = statement.arguments[0]
    if address.lower() in settings.addresses:
        settings.remarks.append(changed(statement, "is named twice; the first line is carried"))
        return
    table: Tree = {"address": address}
    options, left = _options(statement.arguments[1:], kind)
    table |= options
    if "iburst" not in options:
        table["iburst"] = False
    elif options["iburst"]:
        del table["iburst"]
    further, left = _further(left, settings.chrony)
    if further:
        table["options"] = " ".join(further)
    if (fault := _fault(table, kind)) is not None:
        settings.remarks.append(lost(statement, fault))
        return
    settings.addresses.add(address.lower())
    settings.time.setdefault(key, []).append(table)
    if left:
        settings.remarks.append(lost(statement, f"the source is carried without: {' '.join(left)}"))
        return
    settings.keep(statement)


def _further(words: Iterable[str], chrony: str) -> tuple[list[str], list[str]]:
    """Return the words of the options without a key of their own, and those that a site cannot have."""
    further: list[str] = []
    left: list[str] = []
    for option in split_options(words):
        is_sound = not any(line_faults(f"server a {' '.join(option)}", chrony))
        if is_sound and _fault({"address": "a", "options": " ".join((*further, *option))}, Server) is None:
            further += option
        else:
            left += option
    return further, left


def _add_source_folder(statement: Statement, settings: _Settings) -> None:
    if is_of_dhcp(statement):
        _add_extra(statement, settings)
        return
    settings.keep(statement, "its sources are carried")


def _options(words: Iterable[str], kind: type[Table]) -> tuple[Tree, list[str]]:
    """Return the options with a key of their own, and the words of all others."""
    types = {declared.name: declared.type for declared in fields(kind)}
    left = list(words)
    found: Tree = {}
    others: list[str] = []
    while left:
        word = left.pop(0)
        name = word.lower()
        if name in {"address", "options"} or name not in types:
            others.append(word)
        elif types[name] is bool:
            found[name] = True
        elif left:
            found[name] = _scalar(left.pop(0))
        else:
            others.append(word)
    return found, others


def _scalar(word: str) -> Any:
    """Return the number in a word, or the word itself."""
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _add_rule(statement: Statement, settings: _Settings) -> None:
    try:
        rule = parse_rule(statement)
    except ParseError as error:
        settings.remarks.append(lost(statement, str(error)))
        return
    if not rule.networks:
        why = "a host name cannot stand in serve.allow or serve.deny; write its address there"
        settings.remarks.append(lost(statement, why))
        return
    settings.rules.append(rule)
    settings.keep(statement)


def _add_key_file(statement: Statement, settings: _Settings) -> None:
    settings.override(statement)
    settings.keep(statement, "its keys are in the file of keys.file")


def _add_local(statement: Statement, settings: _Settings) -> None:
    table, left = _options(statement.arguments, Local)
    if (fault := _fault(table, Local) or _fault_of_release(statement, settings)) is not None:
        settings.remarks.append(lost(statement, fault))
        return
    settings.set(statement, table)
    if left:
        settings.take_back(statement, f"is carried without: {' '.join(left)}")


def _add_drift_file(statement: Statement, settings: _Settings) -> None:
    settings.time.pop(_INTERVAL, None)
    left = statement.arguments[1:]
    if not any(line_faults(statement.text, settings.chrony)) and len(left) == len(("interval", "SECONDS")):
        settings.time[_INTERVAL] = _scalar(left[1])
        left = ()
    _set_value(statement, settings, left)


def _add_makestep(statement: Statement, settings: _Settings) -> None:
    table = dict(zip(("threshold", "limit"), map(_scalar, statement.arguments), strict=False))
    if len(statement.arguments) != 2 or _fault(table, Makestep) is not None:
        settings.remarks.append(lost(statement, "needs a threshold in seconds and a number of updates"))
        return
    settings.set(statement, table)


def _add_logs(statement: Statement, settings: _Settings) -> None:
    names = [name.lower() for name in statement.arguments]
    if (fault := _fault({"log": names}, Time) or _fault_of_release(statement, settings)) is not None:
        settings.remarks.append(lost(statement, fault))
        return
    logs = settings.time.setdefault("log", [])
    logs += [name for name in names if name not in logs]
    settings.keep(statement)


def _add_port(statement: Statement, settings: _Settings) -> None:
    settings.port = "".join(statement.arguments[:1])
    if settings.port == "0":
        settings.keep(statement, "a client")
    elif settings.port == _NTP_PORT:
        settings.keep(statement)
    else:
        settings.remarks.append(lost(statement, "a server of a deployment has port 123"))


def _add_value(statement: Statement, settings: _Settings) -> None:
    """Set the key that has the name of the directive: a number, a word, or true for one without an argument."""
    _set_value(statement, settings, statement.arguments[1:])


def _set_value(statement: Statement, settings: _Settings, left: Sequence[str]) -> None:
    """Set the key to the first argument; the words ``left`` have no counterpart."""
    value: Any = True
    if statement.arguments:
        value = _scalar(statement.arguments[0])
    # Other settings are not there yet, so that nothing contradicts it.
    fault = _fault({statement.name: value}, Time)
    if fault is None:
        settings.set(statement, value)
        if left:
            settings.take_back(statement, f"is carried without: {' '.join(left)}")
    elif statement.name in _PATHS:
        default = getattr(Time(), statement.name)
        settings.remarks.append(changed(statement, f"{default}: the service writes only below its own folders"))
    else:
        settings.remarks.append(lost(statement, fault))


_OF_KEY: Mapping[str, Callable[[Statement, _Settings], None]] = {
    "keys.file": _add_key_file,
    "serve.allow": _add_rule,
    "serve.deny": _add_rule,
    "serve.role": _add_port,
    "time.driftfile": _add_drift_file,
    "time.local": _add_local,
    "time.log": _add_logs,
    "time.makestep": _add_makestep,
    "time.pools": _add_source,
    "time.servers": _add_source,
}
"""How the arguments of a directive become the value of its key; without a row, they are a single word."""


def _add_extra(statement: Statement, settings: _Settings) -> None:
    try:
        line = Directive(statement.text)
    except Refused as error:
        settings.remarks.append(lost(statement, str(error).removeprefix(f"{statement.name} is not for extra lines: ")))
        return
    tree: Tree = {"extra": [str(line)], "rtcsync": line.name != "rtcfile"}
    fault = next(line.faults(settings.chrony), None) or _fault(tree, Time)
    if fault is not None:
        settings.remarks.append(lost(statement, fault))
        return
    settings.extra.append(statement)
    why = ""
    if statement.arguments[:2] in _ROOTS_CLOCKS:
        why = "gpsd opens SHM 0 and 1 to root alone, and chronyd will not run as root: name SHM 2, or SOCK"
    settings.keep(statement, why)


def _time(settings: _Settings) -> Tree:
    """Return ``[time]``, without the defaults of a site file."""
    time = dict(settings.time)
    if "servers" not in time and "pools" not in time and settings.names_sources:
        time["servers"] = []
    time.setdefault("rtcsync", False)
    # A limit of 0 is chronyd's own default: the clock is never stepped.
    time.setdefault("makestep", {"threshold": 1, "limit": 0})
    if settings.extra:
        time["extra"] = [statement.text for statement in settings.extra]
    defaults: Tree = {"rtcsync": True, "makestep": {"threshold": 1, "limit": 3}, "log": []}
    defaults |= {name: str(getattr(Time(), name)) for name in _PATHS}
    return {name: time[name] for name in _in_order(time) if time[name] != defaults.get(name, ...)}


def _in_order(time: Tree) -> list[str]:
    return [name for name in Time.__struct_fields__ if name in time]


def _serve(settings: _Settings) -> Tree:
    allow, deny = networks(AccessRules(tuple(settings.rules)))
    if not allow or settings.port == "0":
        return {"role": "client"}
    serve: Tree = {"allow": allow}
    if deny:
        serve["deny"] = deny
    return serve


def _fault_of_release(statement: Statement, settings: _Settings) -> str | None:
    """Return why the release that the site builds does not know a line."""
    return next(line_faults(statement.text, settings.chrony), None)


def _fault(tree: Tree, kind: type[Table]) -> str | None:
    try:
        to_table(tree, kind, Path("site.toml"), place=str)
    except SiteError as error:
        return str(error).removeprefix("site.toml: ").removeprefix(": ")
    except UnicodeEncodeError:
        return "has bytes that are no UTF-8"
    return None
