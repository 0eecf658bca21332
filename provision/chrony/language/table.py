"""Read the table of chrony's configuration language, ``language.toml``, which explains its own columns."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

_DATA = Path(__file__).with_name("language.toml")
SOURCES = ("server", "pool", "peer")
"""Directives that share the source options."""
OLDEST = "4.0"


class Kind(StrEnum):
    """Name what the word of an argument is."""

    INTEGER = "integer"
    NUMBER = "number"
    WORD = "word"
    NAME = "name"
    """One of the names in ``values``."""
    ADDRESS = "address"
    HOST = "host"
    NETWORK = "network"
    PATH = "path"
    REFID = "refid"
    HEXADECIMAL = "hexadecimal"


class How(StrEnum):
    """Name how a site deals with a directive or with an option of a source."""

    KEY = "key"
    """The site file has a key for it."""
    LINE = "line"
    """It can stand in ``time.extra``, or an option in ``options`` of a source."""
    DEPLOYMENT = "deployment"
    """The deployment sets it."""
    REFUSED = "refused"
    GONE = "gone"
    """Refused, too: of an older release; chronyd ignores it."""


class Argument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One word of a line; a flag (an option without a value) has no kind."""

    name: str = ""
    kind: Kind | None = None
    min: float | None = None
    max: float | None = None
    above: float | None = None
    unit: str = ""
    default: float | str | None = None
    values: tuple[str, ...] = ()
    exact: bool = False
    """Whether chronyd compares the case of letters, too."""
    values_since: dict[str, str] = {}
    """The release that brought a value, if that is later than the argument's."""
    since: str = OLDEST
    optional: bool = False
    repeated: bool = False


class Site(msgspec.Struct, frozen=True):
    """How a site deals with a directive or an option, with the site key or the reason."""

    how: How
    text: str = ""
    note: str = ""


class Option(Argument, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An option of a directive, with its value."""

    site_key: bool = msgspec.field(name="site", default=False)
    refused: str = ""

    @property
    def site(self) -> Site:
        """Return how a site deals with this option of a source."""
        if self.site_key:
            return Site(How.KEY, self.name)
        if self.refused:
            return Site(How.REFUSED, self.refused)
        return Site(How.LINE)


class Needs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the unit must grant to a directive; provision/chrony/needs.py gives the words their meaning."""

    argument: str = "none"
    capability: str = ""
    device: str = ""
    address_family: str = ""
    memlock: bool = False
    scheduling: bool = False
    effect: str = ""


class Driver(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A driver of reference clocks."""

    needs: Needs


class Directive(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A directive of chrony.conf: a row of the table."""

    name: str = ""
    since: str = OLDEST
    arguments: tuple[Argument, ...] = ()
    forms: tuple[tuple[Argument, ...], ...] = ()
    """The alternatives of a directive with several lists of arguments; otherwise one, ``arguments``."""
    options: dict[str, Option] = {}
    drivers: dict[str, Driver] = {}
    needs: Needs | None = None
    site: Site = Site(How.LINE)


class Table(msgspec.Struct, frozen=True):
    """The whole language."""

    directives: dict[str, Directive]
    source_options: dict[str, Option]


@cache
def table() -> Table:
    """Return the table; it is read once."""
    data = tomllib.loads(_DATA.read_text(encoding="utf-8"))
    reasons = data["reasons"]
    options = _options(data["source_options"])
    directives = {}
    for name, row in data["directive"].items():
        shared = options if name in SOURCES else {}
        directives[name] = _directive(name, row, reasons, shared)
    return Table(directives, options)


def directive(name: str) -> Directive | None:
    """Return a directive by its name, in any case; None if chrony 4.0 to 4.9 has none of this name."""
    return table().directives.get(name.lower())


def source_option(name: str) -> Option | None:
    """Return an option of server, pool and peer by its name, in any case; None if there is none."""
    return table().source_options.get(name.lower())


def _options(data: Mapping[str, object]) -> dict[str, Option]:
    options = {}
    for name, row in data.items():
        option = msgspec.convert(row, Option)
        options[name] = msgspec.structs.replace(option, name=name)
    return options


def _directive(name: str, row: dict[str, Any], reasons: Mapping[str, str], shared: dict[str, Option]) -> Directive:
    treatment = {how: row.pop(how, "") for how in ("site", "deployment", "refused", "note")}
    raw = {key: value for key, value in row.items() if key != "options"}
    found = msgspec.convert(raw, Directive)
    return msgspec.structs.replace(
        found,
        name=name,
        forms=found.forms or (found.arguments,),
        options=shared or _options(row.get("options", {})),
        site=_treatment(treatment, reasons),
    )


def _treatment(row: Mapping[str, object], reasons: Mapping[str, str]) -> Site:
    note = str(row["note"])
    for how, key in ((How.KEY, "site"), (How.DEPLOYMENT, "deployment"), (How.REFUSED, "refused")):
        text = str(row[key])
        if text == How.GONE:
            return Site(How.GONE, reasons[text], note)
        if text:
            return Site(how, reasons.get(text, text), note)
    return Site(How.LINE, note=note)
