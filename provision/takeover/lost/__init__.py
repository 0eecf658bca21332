"""Compare the time service that a host had with the generation that would replace it: what is lost, and what opens.

Pure. What the deployment itself decides, such as the place of the drift file, is no loss.
"""

from collections.abc import Iterable, Iterator, Sequence

from provision.chrony.access_rules import NTP
from provision.chrony.language.table import SOURCES, How, directive
from provision.chrony.statement import Statement
from provision.common.results import Fate, Loss
from provision.common.text import on_one_line, shortened
from provision.host.paths import CREDENTIALS, GENERATION, NTS_CHAIN
from provision.takeover.existing import ExistingService, Program
from provision.takeover.lost.access import access_losses, remote_command_losses
from provision.takeover.lost.keys import NTPD, key_losses
from provision.takeover.lost.lines import line_losses
from provision.takeover.lost.sources import source_losses
from provision.takeover.lost.unit import unit_losses
from provision.takeover.statements import statements_of
from provision.takeover.translation import translated
from provision.takeover.wanted import Wanted

NTS_SERVER = ("ntsservercert", "ntsserverkey")

COMPARED = {*SOURCES, *NTS_SERVER, *NTP, "refclock", "local", "sourcedir", "port"}
"""Directives that have a comparison of their own."""

READ_WITH_IT = {"include", "confdir"}
"""Directives in whose place stand the lines of the files that they name."""

ABOUT_STEPS = {"makestep", "rtcsync"}
"""What a translation of another program says of its own way to set the clocks, unless its command line says so."""

ADDED_UP = {*SOURCES, *NTP, "log"}
"""Directives with a key of the site of which each line counts; of the others, the last one does."""

PLACES = {"driftfile", "keyfile", "logdir", "ntsdumpdir"}
"""Files and folders of the host; a deployment has its own, unless a site names others."""

LONGEST = 200
"""Characters of a line in a loss."""


def losses(services: Iterable[ExistingService], wanted: Wanted) -> tuple[Loss, ...]:
    """Return the losses of all services that are not a distribution's default; each of them would be stopped."""
    found: list[Loss] = []
    for service in services:
        if not service.is_default:
            found += _losses(service, wanted)
    return tuple(dict.fromkeys(_shown(loss) for loss in found))


def _shown(loss: Loss) -> Loss:
    """Return a loss whose text from the host is short and printable."""
    was, now, place = (shortened(on_one_line(text), LONGEST) for text in (loss.was, loss.now, loss.place))
    return Loss(id=loss.id, was=was, now=now, place=place)


def _losses(service: ExistingService, wanted: Wanted) -> Iterator[Loss]:
    for path in service.unread:
        was = f"{path}, which was not read: not readable, too large or one of too many"
        yield Loss(id="configuration", was=was, place=path)
    yield from key_losses(service, wanted.keys)
    old = _statements(service)
    if old is None:
        yield _not_compared(service)
    else:
        yield from _configuration(tuple(_in_force(old)), tuple(_in_force(wanted.statements)))
    if not _says_anything(service):
        was = f"the configuration file of {service.name}, which was not found"
        yield Loss(id="configuration", was=was, place=service.name)
    yield from _without_counterpart(service)
    yield from unit_losses(service, wanted)


def _serves_nts_of_the_site(new: Sequence[Statement]) -> bool:
    """Return whether the site names the certificate, so that it is in the generation, and the host still serves NTS."""
    ours = {(f"{folder}/{NTS_CHAIN}",) for folder in (GENERATION, CREDENTIALS)}
    return any(one.name == "ntsservercert" and one.arguments[:1] in ours for one in new)


def _configuration(old: Sequence[Statement], new: Sequence[Statement]) -> Iterator[Loss]:
    yield from source_losses(old, new)
    yield from line_losses("refclock", ("refclock",), old, new)
    yield from line_losses("local", ("local",), old, new)
    yield from access_losses(old, new)
    yield from remote_command_losses(old)
    if not _serves_nts_of_the_site(new):
        yield from line_losses("nts-server", NTS_SERVER, old, new)
    others = {statement.name for statement in old} - COMPARED - READ_WITH_IT - PLACES
    for name in sorted(others):
        if not _is_owned(name):
            yield from line_losses("directive", (name,), old, new)


def _in_force(conf: Iterable[Statement]) -> Iterator[Statement]:
    """Yield the statements that count, and one for each log file."""
    statements_ = tuple(conf)
    last = {statement.name: statement for statement in statements_ if _counts_once(statement.name)}
    for statement in statements_:
        if statement.name == "log":
            for name in statement.arguments:
                yield Statement(("log", name), statement.file, statement.line)
        elif last.get(statement.name, statement) is statement:
            yield statement


def _counts_once(name: str) -> bool:
    found = directive(name)
    return found is not None and found.site.how is How.KEY and name not in ADDED_UP


def _says_anything(service: ExistingService) -> bool:
    """Return whether the configuration of a chronyd or ntpd was found; one built by hand may have its own folder."""
    if service.program is not Program.CHRONY and service.program not in NTPD:
        return True
    return bool(service.files or service.unread)


def _statements(service: ExistingService) -> tuple[Statement, ...] | None:
    """Return the configuration as statements of chrony; None for a program whose configuration cannot be translated."""
    if service.program is Program.CHRONY:
        return statements_of(service)
    translation = translated(service)
    if translation is None:
        return None
    return tuple(one for one in translation.statements if one.name not in ABOUT_STEPS or not one.file)


def _without_counterpart(service: ExistingService) -> Iterator[Loss]:
    """Yield the lines of another program that chrony has nothing for."""
    translation = translated(service)
    if service.program is Program.CHRONY or translation is None:
        return
    for remark in translation.remarks:
        if remark.fate is Fate.LOST:
            yield Loss(id="directive", was=remark.line, place=remark.place)


def _not_compared(service: ExistingService) -> Loss:
    """Return the configuration of a program whose lines cannot be compared, as a whole."""
    places = [file.path for file in service.files]
    return Loss(
        id="configuration",
        was=f"the configuration of {service.name} ({service.program.value}), which is not compared",
        place="".join(places[:1]) or service.name,
    )


def _is_owned(name: str) -> bool:
    """Return whether the deployment decides about a directive, or chronyd ignores it."""
    found = directive(name)
    return found is not None and found.site.how in {How.DEPLOYMENT, How.GONE}
