"""Find statements of a chrony.conf that ``chronyd -p`` accepts and that have another effect than intended.

Each rule has a stable id, and the source of the fact that it rests on. Faults in a single line are found by the table
of chrony's language (provision/chrony/language).

Sources: chrony.conf(5); conf.c, ntp_core.c, nts_ke_server.c and refclock.c of chrony 4.9.
"""

from collections.abc import Collection, Iterator, Sequence

from provision.chrony.lint.authentication import AUTHENTICATION
from provision.chrony.lint.clock import CLOCK
from provision.chrony.lint.directives import DIRECTIVES
from provision.chrony.lint.leap_seconds import LEAP_SECONDS
from provision.chrony.lint.refclocks import REFCLOCKS
from provision.chrony.lint.rule import Advice, Conf
from provision.chrony.lint.server import NTS_SERVER, SERVER
from provision.chrony.lint.sources import SOURCES
from provision.chrony.statement import Statement

RULES = (*SOURCES, *AUTHENTICATION, *LEAP_SECONDS, *NTS_SERVER, *CLOCK, *SERVER, *REFCLOCKS, *DIRECTIVES)
"""All rules, in the order of docs/lint.md."""


def lint(statements: Sequence[Statement], key_ids: Collection[int] | None = None) -> Iterator[Advice]:
    """Yield the results of all rules, in the order of ``RULES``; ``key_ids``: see Conf."""
    conf = Conf(statements, key_ids)
    for rule in RULES:
        for statement, text in rule.find(conf):
            yield Advice(rule.id, statement, text, rule.source)
