"""Collect the settings of one host for a site file, and the fate of each of its lines."""

from dataclasses import dataclass, field, replace

from provision.chrony.access_rules import AccessRules, Rule
from provision.chrony.statement import Statement
from provision.common.results import Remark
from provision.site.decode import Tree
from provision.site.directive import Directive
from provision.site.time import Time
from provision.takeover.networks import networks
from provision.takeover.remark import carried, changed, lost

PATHS = {"driftfile", "logdir"}
"""Files of chronyd, for which the deployment has folders of its own."""

NTP_PORT = "123"


@dataclass(slots=True)
class SiteDraft:
    """The settings of one host, as far as its lines were read."""

    chrony: str
    """The release that the site builds."""
    time: Tree = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    extra: list[Statement] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    seen: dict[str, Statement] = field(default_factory=dict)
    """The last statement of each directive that counts once."""
    addresses: set[str] = field(default_factory=set)
    port: str = NTP_PORT

    def keep(self, statement: Statement, why: str = "") -> None:
        """Remark that a line was carried."""
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


def _time(draft: SiteDraft) -> Tree:
    """Return ``[time]``, without the defaults of a site file."""
    time = dict(draft.time)
    if "servers" not in time and "pools" not in time and draft.names_sources:
        time["servers"] = []
    time.setdefault("rtcsync", False)
    # A limit of 0 is chronyd's own default: the clock is never stepped.
    time.setdefault("makestep", {"threshold": 1, "limit": 0})
    if draft.extra:
        time["extra"] = [statement.text for statement in draft.extra]
    defaults: Tree = {"rtcsync": True, "makestep": {"threshold": 1, "limit": 3}, "log": []}
    defaults |= {name: str(getattr(Time(), name)) for name in PATHS}
    return {name: time[name] for name in _in_order(time) if time[name] != defaults.get(name, ...)}


def _in_order(time: Tree) -> list[str]:
    return [name for name in Time.__struct_fields__ if name in time]


def _serve(draft: SiteDraft) -> Tree:
    allow, deny = networks(AccessRules(tuple(draft.rules)))
    if not allow or draft.port == "0":
        return {"role": "client"}
    serve: Tree = {"allow": allow}
    if deny:
        serve["deny"] = deny
    return serve
