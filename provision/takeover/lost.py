"""Compare the time service that a host had with the generation that would replace it: what is lost, and what opens.

Pure. What the deployment itself decides, such as the place of the drift file, is no loss.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from provision.chrony.access import Access, Network
from provision.chrony.access_rules import NTP, AccessRules, opens_ipv6, widened
from provision.chrony.language.table import SOURCES, How, directive, source_option
from provision.chrony.statement import Statement, statements
from provision.common.errors import ParseError
from provision.common.results import Fate, Loss
from provision.common.text import on_one_line, shortened
from provision.host.paths import plain_path
from provision.keys import Keys, name_in_chrony
from provision.takeover.command_line import parse_chronyd
from provision.takeover.existing import ExistingService, ListedKey, Program
from provision.takeover.ntp_conf.lines import lines_of, trusted
from provision.takeover.remark import COMMAND_LINE, shown_line
from provision.takeover.statements import is_of_dhcp, statements_of
from provision.takeover.translation import translated

NTS_SERVER = ("ntsservercert", "ntsserverkey")
COMPARED = {*SOURCES, *NTS_SERVER, *NTP, "refclock", "local", "sourcedir", "port"}
"""Directives that have a comparison of their own."""
READ_WITH_IT = {"include", "confdir"}
"""Directives in whose place stand the lines of the files that they name."""
ABOUT_STEPS = {"makestep", "rtcsync"}
"""What a translation of another program says of its own way to set the clocks, unless its command line says so."""
ADDED_UP = {*SOURCES, *NTP, "log"}
"""Directives with a key of the site of which each line counts; of the others, the last one does."""
NTPD = {Program.NTPD, Program.NTPSEC}
NTP_PORTS = {"0", "123"}
PLACES = {"driftfile", "keyfile", "logdir", "ntsdumpdir"}
"""Files and folders of the host; a deployment has its own, unless a site names others."""
OPTIONS_OWNED = "46dnFfuUv"
"""Options of chronyd that the deployment decides; for 4 and 6, see _address_families."""
AT_START_ONLY = {("iburst", "")}
"""Options of a source that no one misses: a burst makes the first synchronisation faster."""
MOST_NETWORKS = 4
LONGEST = 200
"""Characters of a line in a loss."""
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The generation that would replace a time service, as far as it is compared."""

    statements: tuple[Statement, ...]
    keys: Keys = field(repr=False)
    options: tuple[tuple[str, str], ...] = ()
    """Letter and argument of the options of its chronyd."""

    @classmethod
    def of(cls, conf: str, unit: str, keys: Keys) -> "Wanted":
        """Return the wanted state of a chrony.conf, a unit, and keys."""
        commands = [line.removeprefix("ExecStart=") for line in unit.splitlines() if line.startswith("ExecStart=")]
        words = "".join(commands[:1]).split()
        return cls(statements=tuple(statements(conf)), keys=keys, options=parse_chronyd(words).options)


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
    yield from _keys(service, wanted.keys)
    old = _statements(service)
    if old is None:
        yield _not_compared(service)
    else:
        yield from _configuration(tuple(_in_force(old)), tuple(_in_force(wanted.statements)))
    if not _says_anything(service):
        was = f"the configuration file of {service.name}, which was not found"
        yield Loss(id="configuration", was=was, place=service.name)
    yield from _without_counterpart(service)
    yield from _unit(service, wanted)


def _configuration(old: Sequence[Statement], new: Sequence[Statement]) -> Iterator[Loss]:
    yield from _sources(old, new)
    yield from _lines("refclock", ("refclock",), old, new)
    yield from _lines("local", ("local",), old, new)
    yield from _access(old, new)
    yield from _remote_commands(old)
    yield from _lines("nts-server", NTS_SERVER, old, new)
    others = {statement.name for statement in old} - COMPARED - READ_WITH_IT - PLACES
    for name in sorted(others):
        if not _is_owned(name):
            yield from _lines("directive", (name,), old, new)


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


def _sources(old: Sequence[Statement], new: Sequence[Statement]) -> Iterator[Loss]:
    by_address: dict[str, list[Statement]] = {}
    for statement in _named(new, SOURCES):
        by_address.setdefault(_address(statement), []).append(statement)
    for statement in _named(old, SOURCES):
        same = by_address.get(_address(statement), [])
        if not same:
            yield Loss(id="source", was=shown_line(statement), place=statement.place)
        elif _source_options(statement) not in map(_source_options, same):
            yield Loss(id="source.options", was=shown_line(statement), now=same[0].text, place=statement.place)
    wanted_folders = {folder for statement in _named(new, ("sourcedir",)) for folder in _folders(statement)}
    for statement in _named(old, ("sourcedir",)):
        # The sources of other folders are compared one by one.
        if is_of_dhcp(statement) and not wanted_folders.issuperset(_folders(statement)):
            yield Loss(id="source.dhcp", was=shown_line(statement), place=statement.place)


def _folders(statement: Statement) -> tuple[str, ...]:
    return tuple(map(plain_path, statement.arguments))


def _address(statement: Statement) -> str:
    address = "".join(statement.arguments[:1]).lower().removesuffix(".")
    try:
        return str(ip_address(address))
    except ValueError:
        return address


def _source_options(statement: Statement) -> Counter[tuple[str, str]]:
    """Return the kind of a source, and its options with their values, in no order."""
    options = Counter([(statement.name, "")])
    words = iter(statement.arguments[1:])
    for word in words:
        option = word.lower()
        value = ""
        if _has_value(option):
            value = _normal(next(words, ""))
        if (option, value) not in AT_START_ONLY:
            options[option, value] += 1
    return options


def _has_value(option: str) -> bool:
    found = source_option(option)
    return found is not None and found.kind is not None


def _lines(id_: str, names: Sequence[str], old: Sequence[Statement], new: Sequence[Statement]) -> Iterator[Loss]:
    """Yield the lines with these directives that the new configuration does not have."""
    there = list(_named(new, names))
    normal = {_normal_line(statement) for statement in there}
    for statement in _named(old, names):
        if _normal_line(statement) not in normal:
            now = "; ".join(other.text for other in there if other.name == statement.name)
            yield Loss(id=id_, was=shown_line(statement), now=now, place=statement.place or COMMAND_LINE)


def _normal_line(statement: Statement) -> tuple[str, ...]:
    words = tuple(map(_normal, statement.arguments))
    if statement.name == "local":
        words = _options_of_local(words)
    return (statement.name, *words)


def _options_of_local(words: Iterable[str]) -> tuple[str, ...]:
    """Return the options in a certain order; a stratum that is not named is 10 (chrony.conf(5), local)."""
    options = {"stratum": _normal("10")}
    left = iter(words)
    for word in left:
        options[word] = "" if word == "orphan" else next(left, "")
    return tuple(f"{name} {options[name]}" for name in sorted(options))


def _normal(word: str) -> str:
    """Return a word without the differences that chronyd does not see: 1.0 is 1, and letters have no case."""
    if _NUMBER.fullmatch(word):
        return str(float(word))
    return word.lower()


def _access(old: Sequence[Statement], new: Sequence[Statement]) -> Iterator[Loss]:
    try:
        before = AccessRules.of(old)
    except ParseError as error:
        yield Loss(id="configuration", was=f"access that cannot be compared: {error}")
        return
    after = AccessRules.of(new)
    was, now = _serves(old, before), _serves(new, after)
    places = [statement.place for statement in _named(old, tuple(NTP))]
    place = "".join(places[:1])
    if now and not was:
        yield Loss(id="server.opens", was="", now=f"an NTP server for {_in_words(after.allowed)}")
    if was and not now:
        yield Loss(id="server.closes", was=f"an NTP server for {before.in_words()}", place=place)
    if not (was and now):
        return
    yield from _other_port(old)
    if _beyond_loopback(widened(before, after)):
        now_served = f"access for {after.in_words()}"
        yield Loss(id="access.wider", was=f"access for {before.in_words()}", now=now_served, place=place)
    if opens_ipv6(before, after):
        yield Loss(id="ipv6.opens", was="access for IPv4 alone", now="also IPv6", place=place)
    if closed := _beyond_loopback(widened(after, before)):
        yield Loss(id="access.narrower", was=f"access for {_in_words(closed)}", place=place)
    for rule in before.host_names:
        if rule.statement.text not in {other.statement.text for other in after.host_names}:
            yield Loss(id="access.host-name", was=rule.statement.text, place=rule.statement.place)


def _other_port(old: Sequence[Statement]) -> Iterator[Loss]:
    for port in _named(old, ("port",)):
        if "".join(port.arguments[:1]) not in NTP_PORTS:
            yield Loss(id="directive", was=port.text, now="port 123", place=port.place)


def _remote_commands(old: Sequence[Statement]) -> Iterator[Loss]:
    """Yield the addresses at which chronyd takes commands of other hosts; a deployment has the socket and loopback."""
    if not any(_named(old, ("cmdallow",))):
        return
    for statement in _named(old, ("bindcmdaddress",)):
        address = _address(statement)
        if address and not address.startswith("/") and address != "::1" and not address.startswith("127."):
            yield Loss(id="directive", was=statement.text, place=statement.place)


def _serves(conf: Sequence[Statement], access: AccessRules) -> bool:
    """Return whether a chronyd with this configuration answers NTP clients on other hosts."""
    ports = [statement.arguments[:1] for statement in _named(conf, ("port",))]
    if ports and ports[-1] == ("0",):
        return False
    return bool(_beyond_loopback(access.allowed)) or any(rule.allows for rule in access.host_names)


def _beyond_loopback(networks: Iterable[Network]) -> tuple[Network, ...]:
    return tuple(network for network in networks if not network.is_loopback)


def _in_words(networks: tuple[Network, ...]) -> str:
    """Return the networks; of a network with a gap, the many parts that are left are not all named."""
    if len(networks) > MOST_NETWORKS:
        first = ", ".join(map(str, networks[:MOST_NETWORKS]))
        return f"{first} and {len(networks) - MOST_NETWORKS} more networks"
    return Access(networks).in_words()


def _keys(service: ExistingService, wanted: Keys) -> Iterator[Loss]:
    by_id = {key.id: key for key in wanted}
    for there in _used_keys(service):
        was = f"key {there.id} {there.type}"
        key = by_id.get(there.id)
        if key is None:
            yield Loss(id="key", was=was, place=there.place)
        elif _key_type(there.type) != _key_type(key.type):
            yield Loss(id="key", was=was, now=f"key {key.id} {key.type}", place=there.place)
        elif there.short_digest and there.short_digest != key.short_digest:
            yield Loss(id="key.secret", was=was, now=f"key {key.id} with another secret", place=there.place)


def _used_keys(service: ExistingService) -> Iterator[ListedKey]:
    """Yield the keys that the service uses: of ntpd, those that trustedkey names."""
    if service.program not in NTPD:
        yield from service.listed_keys
        return
    ids = trusted(lines_of(service))
    yield from (key for key in service.listed_keys if key.id in ids)


def _key_type(name: str) -> str:
    """Return a type as chrony names it; ntp.keys(5) has others for the same."""
    return name_in_chrony(name) or name.upper()


def _unit(service: ExistingService, wanted: Wanted) -> Iterator[Loss]:
    """Yield the options of a service's command line and of its unit."""
    if service.program is Program.CHRONY:
        given = parse_chronyd(service.command).options
        for letter, value in given:
            if letter not in OPTIONS_OWNED and (letter, value) not in wanted.options:
                yield Loss(id="option", was=f"chronyd -{letter} {value}".rstrip(), place=service.name)
        yield from _address_families(service, {letter for letter, _ in given}, wanted)
    if service.own_unit:
        yield Loss(id="unit", was="a unit file of its own", place=service.own_unit)
    for place, setting in service.lost_settings:
        yield Loss(id="unit", was=setting, place=place)


def _address_families(service: ExistingService, given: set[str], wanted: Wanted) -> Iterator[Loss]:
    there = {letter for letter, _ in wanted.options}
    for letter, family, other in (("4", "IPv4", "IPv6"), ("6", "IPv6", "IPv4")):
        if letter in given and letter not in there:
            yield Loss(
                id=f"{other.lower()}.opens",
                was=f"chronyd -{letter}, {family} alone",
                now=f"also {other}",
                place=service.name,
            )


def _named(conf: Iterable[Statement], names: Sequence[str]) -> Iterator[Statement]:
    return (statement for statement in conf if statement.name in names)
