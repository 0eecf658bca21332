"""Translate the configuration of an existing time service to statements of chrony, whatever program it is."""

from dataclasses import dataclass

from provision.chrony.statement import Statement
from provision.common.results import Fate, Remark
from provision.takeover import ntp_conf, timesyncd
from provision.takeover.command_line import parse_chronyd
from provision.takeover.existing import ExistingService, Program
from provision.takeover.remark import COMMAND_LINE
from provision.takeover.statements import statements_of

OTHERS = {Program.OPENNTPD: "OpenNTPD", Program.NTPD_RS: "ntpd-rs", Program.OTHER: "another program"}
"""Programs whose configuration is not translated."""

_BY_OPTION = {"m": "lock_all", "P": "sched_priority"}
"""Options of chronyd with a directive of the same effect (chronyd(8))."""
_QUIET = frozenset("dfFlLnqQrRstuUv")
"""Options about the process, its files and its messages, which the unit of a deployment sets, and ``-F``."""
_LOST = {
    "4": "the site file cannot restrict chronyd to IPv4",
    "6": "the site file cannot restrict chronyd to IPv6",
    "x": "chronyd did not set the clock, and it will after a deployment; do not deploy where something else sets it",
}


@dataclass(frozen=True, slots=True)
class Translated:
    """Hold the statements of chrony that have the effect of a configuration."""

    statements: tuple[Statement, ...]
    remarks: tuple[Remark, ...] = ()
    """About what the statements do not say."""
    seccomp: int | None = None
    """The level of the system call filter, ``chronyd -F``; None if the command line names none."""


def translated(service: ExistingService) -> Translated | None:
    """Return the translation of a configuration; None for a program whose configuration cannot be translated."""
    match service.program:
        case Program.CHRONY:
            return _of_chrony(service)
        case Program.NTPD | Program.NTPSEC:
            return Translated(*ntp_conf.translated(service))
        case Program.TIMESYNCD:
            return Translated(*timesyncd.translated(service))
    return None


def _of_chrony(service: ExistingService) -> Translated:
    found = list(statements_of(service))
    remarks = []
    seccomp = None
    for letter, value in parse_chronyd(service.command).options:
        if letter in _BY_OPTION:
            words = tuple(word for word in (_BY_OPTION[letter], value) if word)
            found.append(Statement(words))
        elif letter == "F" and value in {"0", "1", "2"}:
            seccomp = int(value)
        elif letter not in _QUIET:
            why = _LOST.get(letter, "the unit of a deployment starts chronyd without it")
            remarks.append(Remark(fate=Fate.LOST, place=COMMAND_LINE, line=f"-{letter} {value}".strip(), why=why))
    return Translated(tuple(found), tuple(remarks), seccomp)
