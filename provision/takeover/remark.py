"""Describe the fate of each line of a host's old configuration."""

import re

from provision.chrony.statement import Statement
from provision.common.results import Fate, Remark

COMMAND_LINE = "command line"
"""The place of what no file says."""
_SECRET = re.compile(r"\b(HEX|ASCII):\S+", re.IGNORECASE)
"""A secret in a line that does not belong into a configuration file."""
_WITH_PASSWORD = {"crypto", "setvar"}
"""Directives of ntp.conf whose arguments can be a password (ntp.conf(5), crypto pw)."""


def carried(statement: Statement, why: str = "") -> Remark:
    """Return the remark about a line that the site file has."""
    return _remark(Fate.CARRIED, statement, why)


def changed(statement: Statement, why: str) -> Remark:
    """Return the remark about a line that the site file has in another way."""
    return _remark(Fate.CHANGED, statement, why)


def lost(statement: Statement, why: str) -> Remark:
    """Return the remark about a line that has no counterpart."""
    return _remark(Fate.LOST, statement, why)


def _remark(fate: Fate, statement: Statement, why: str) -> Remark:
    return Remark(fate=fate, place=_place(statement), line=shown_line(statement), why=why)


def _place(statement: Statement) -> str:
    """Return ``FILE:LINE``, or the file alone of a line that stands for all of it."""
    if not statement.file:
        return COMMAND_LINE
    if not statement.line:
        return statement.file
    return statement.place


def shown_line(statement: Statement) -> str:
    """Return a line for a message: secrets are left out."""
    if statement.name in _WITH_PASSWORD or statement.name.isdecimal():
        # A line that begins with a number is one of a key file.
        return f"{statement.words[0]} …"
    return _SECRET.sub(r"\1:…", statement.text)
