"""Find statements of a chrony.conf that ``chronyd -p`` accepts and that have another effect than intended.

Each rule has a stable id, and the source of the fact that it rests on. Faults in a single line are found by the table
of chrony's language (provision/chrony/language).

Sources: chrony.conf(5); conf.c, ntp_core.c, nts_ke_server.c and refclock.c of chrony 4.9.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address

from provision.chrony.conf import source_key, uses_nts
from provision.chrony.statement import Statement

SMEARING = frozenset(
    (
        *("time.google.com", "time1.google.com", "time2.google.com", "time3.google.com", "time4.google.com"),
        *("time.android.com", "169.254.169.123", "fd00:ec2::123", "time.aws.com"),
        *("time.facebook.com", *(f"time{number}.facebook.com" for number in range(1, 6))),
    )
)
"""Servers that smear a leap second: they are wrong by up to half a second for many hours, according to Google, Amazon
and Facebook."""
OWN_TIME = ("local", "manual", "refclock")
"""Directives that give time without an NTP server."""
FEW_SOURCES = 3
"""With fewer sources, a wrong one cannot be outvoted (RFC 8633, 3.2)."""
FROM_TIME_ZONE = ("leapsectz", "leapseclist")


@dataclass(frozen=True, slots=True)
class Advice:
    """One result of a rule."""

    rule: str
    """The id of the rule, such as ``source.single``."""
    statement: Statement
    text: str
    """The consequence, for the operator."""
    source: str
    """Where the fact is documented."""

    def __str__(self) -> str:
        place = self.statement.place or self.statement.text
        return f"{place}: {self.text} [{self.rule}]"


class Conf:
    """The statements of one configuration, by name."""

    def __init__(self, statements: Sequence[Statement], key_ids: Collection[int] | None = None) -> None:
        self.statements = tuple(statements)
        self.key_ids = key_ids
        """The ids in the key file; None if they are not known."""

    def named(self, *names: str) -> tuple[Statement, ...]:
        """Return the statements with these directives, in order."""
        return tuple(statement for statement in self.statements if statement.name in names)

    @cached_property
    def ntp_sources(self) -> tuple[Statement, ...]:
        """Return the NTP sources that chronyd may select."""
        sources = self.named("server", "pool", "peer")
        return tuple(source for source in sources if "noselect" not in options(source))

    @cached_property
    def unauthenticated(self) -> tuple[Statement, ...]:
        """Return the NTP sources with neither a key nor NTS."""
        return tuple(source for source in self.ntp_sources if not _is_authenticated(source))

    def last(self, name: str) -> Statement | None:
        """Return the last statement with a directive, which decides if only one value can hold."""
        return next(iter(reversed(self.named(name))), None)


Results = Iterator[tuple[Statement, str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its id, the source of its fact, and the function that finds statements and consequences."""

    id: str
    source: str
    find: Callable[[Conf], Results]


def lint(statements: Sequence[Statement], key_ids: Collection[int] | None = None) -> Iterator[Advice]:
    """Yield the results of all rules, in the order of ``RULES``; ``key_ids``: see Conf."""
    conf = Conf(statements, key_ids)
    for rule in RULES:
        for statement, text in rule.find(conf):
            yield Advice(rule.id, statement, text, rule.source)


def options(source: Statement) -> tuple[str, ...]:
    """Return the words after the address of a source, in lower case (chronyd ignores their case)."""
    return tuple(word.lower() for word in source.arguments[1:])


def option(source: Statement, name: str) -> str | None:
    """Return the word after an option; None if the option is not set."""
    words = source.arguments[1:]
    lower = options(source)
    if name not in lower[:-1]:
        return None
    return words[lower.index(name) + 1]


def _address(source: Statement) -> str:
    return "".join(source.arguments[:1])


def _is_ip(address: str) -> bool:
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


def _is_authenticated(source: Statement) -> bool:
    return uses_nts(source.text) or source_key(source.text) is not None


def _single_source(conf: Conf) -> Results:
    if len(conf.ntp_sources) != 1 or conf.named("pool", *OWN_TIME, "sourcedir"):
        return
    [source] = conf.ntp_sources
    consequence = "a fault of that server cannot be detected; with three, chronyd outvotes one of them"
    yield source, f"it follows one server alone, {_address(source)}: {consequence}"


def _two_sources(conf: Conf) -> Results:
    if len(conf.ntp_sources) != FEW_SOURCES - 1 or conf.named("pool", *OWN_TIME, "sourcedir"):
        return
    if any({"trust", "prefer"} & set(options(source)) for source in conf.ntp_sources):
        return
    first, second = conf.ntp_sources
    consequence = "chronyd cannot tell which one is wrong and selects neither; name a third server, or trust one"
    yield second, f"if {_address(first)} and {_address(second)} disagree, {consequence}"


def _same_source(conf: Conf) -> Results:
    # A host name may resolve to several servers, of which chronyd then uses a different one for each line.
    seen: set[str] = set()
    for source in conf.named("server", "peer"):
        address = _address(source).lower()
        if address in seen:
            yield source, f"{address} is a source twice; chronyd uses the first line"
        if _is_ip(address):
            seen.add(address)


def _never_selected(conf: Conf) -> Results:
    mode = conf.last("authselectmode")
    if mode is None or "".join(mode.arguments).lower() != "require":
        return
    for source in conf.unauthenticated:
        yield source, f"{_address(source)} is never selected: authselectmode is require, and it has neither key nor NTS"


def _nothing_to_prefer(conf: Conf) -> Results:
    mode = conf.last("authselectmode")
    if mode is None or not conf.ntp_sources:
        return
    if "".join(mode.arguments).lower() == "prefer" and len(conf.unauthenticated) == len(conf.ntp_sources):
        yield mode, "no source has a key or NTS, so that prefer has no effect"


def _smears(source: Statement) -> bool:
    return _address(source).lower().rstrip(".") in SMEARING


def _smear_mixed(conf: Conf) -> Results:
    smeared = [source for source in conf.ntp_sources if _smears(source)]
    if 0 < len(smeared) < len(conf.ntp_sources):
        names = ", ".join(map(_address, smeared))
        yield (
            smeared[0],
            f"{names} smears leap seconds and the other sources do not: for a day they will differ",
        )


def _smear_with_leap_seconds(conf: Conf) -> Results:
    if not any(map(_smears, conf.ntp_sources)):
        return
    for statement in conf.named(*FROM_TIME_ZONE):
        yield statement, "the leap second is applied twice: the sources smear it, and this host inserts it"


def _nts_pair(conf: Conf) -> Results:
    certificates, keys = conf.named("ntsservercert"), conf.named("ntsserverkey")
    if len(certificates) != len(keys):
        yield (
            (certificates + keys)[0],
            f"chronyd does not start: {len(certificates)} ntsservercert and {len(keys)} ntsserverkey are no pairs",
        )
    elif certificates and not conf.named("ntsdumpdir"):
        yield (
            certificates[0],
            "without ntsdumpdir, all NTS clients need a new key exchange after each restart, at the same time",
        )


def _ntsport_without_nts(conf: Conf) -> Results:
    for source in conf.named("server", "pool"):
        if option(source, "ntsport") is not None and "nts" not in options(source):
            yield source, "ntsport has no effect without nts"


def _peer_with_nts(conf: Conf) -> Results:
    for source in conf.named("peer"):
        if "nts" in options(source):
            yield source, "chronyd supports NTS with servers alone: this peer is not authenticated"


def _always_steps(conf: Conf) -> Results:
    statement = conf.last("makestep")
    if statement is None or len(statement.arguments) != 2:
        return
    threshold, limit = statement.arguments
    if _number(threshold) == 0 and _number(limit) != 0:
        yield statement, "steps the clock at each update, however small its error; 1 second is usual"


def _open_port_zero(conf: Conf) -> Results:
    port = conf.last("port")
    if port is not None and port.arguments[:1] == ("0",):
        for statement in conf.named("allow")[:1]:
            yield statement, "nobody is served: port 0 closes the NTP port"


def _command_port_closed(conf: Conf) -> Results:
    opened = [statement for statement in conf.named("bindcmdaddress") if not _address(statement).startswith("/")]
    statement = conf.last("cmdallow")
    if statement is not None and not opened and not all(map(_is_loopback, conf.named("cmdallow"))):
        yield statement, "no other host can send commands: chronyd listens on loopback without bindcmdaddress"


def _is_loopback(statement: Statement) -> bool:
    return statement.arguments[:1] in {("127.0.0.1",), ("::1",), ("127/8",), ("127.0.0.0/8",), ("localhost",)}


def _pps_alone(conf: Conf) -> Results:
    clocks = conf.named("refclock")
    pulses = [clock for clock in clocks if clock.arguments[:1] == ("PPS",)]
    if len(pulses) < len(clocks) or conf.named("server", "pool", "peer", "manual", "sourcedir"):
        return
    if pulses and not any("local" in options(clock) for clock in pulses):
        yield pulses[0], "a pulse alone does not tell which second it marks: name another source or refclock"


def _unknown_lock(conf: Conf) -> Results:
    clocks = conf.named("refclock")
    known = {option(clock, "refid") or _default_refid(clock, number) for number, clock in enumerate(clocks)}
    for clock in clocks:
        lock = option(clock, "lock")
        if lock is not None and lock not in known:
            yield clock, f"no refclock has refid {lock}: the lock has no effect"


def _default_refid(clock: Statement, number: int) -> str:
    """Return the refid of a clock without the option: refclock.c, RCL_AddRefclock."""
    return f"{_address(clock)[:3]}{number % 10}"


def _limits_without_log(conf: Conf) -> Results:
    if conf.named("noclientlog"):
        for statement in conf.named("ratelimit", "ntsratelimit", "cmdratelimit"):
            yield statement, "chronyd does not start: it limits by the log that noclientlog turns off"


def _strata(conf: Conf) -> Results:
    least, most = conf.last("minstratum"), conf.last("maxstratum")
    if least is None or most is None:
        return
    low, high = _number(_address(least)), _number(_address(most))
    if low is not None and high is not None and low > high:
        yield least, "minstratum is above maxstratum, so that no source can be selected"


def _polls(conf: Conf) -> Results:
    for source in conf.named("server", "pool", "peer"):
        least, most = _number(option(source, "minpoll")), _number(option(source, "maxpoll"))
        if most is None:
            continue
        if least is None:
            least = DEFAULT_MINPOLL
        if least > most:
            yield source, f"minpoll {least:g} is above maxpoll {most:g}: chronyd uses {least:g} for both"


def _no_more(conf: Conf) -> Results:
    for statement in conf.named("commandkey", "generatecommandkey", "linux_freq_scale", "linux_hz", "dumponexit"):
        yield statement, f"chrony no longer supports {statement.name}, and ignores it"


def _rtc_twice(conf: Conf) -> Results:
    if conf.named("rtcsync"):
        for statement in conf.named("rtcfile"):
            yield statement, "chronyd does not start: rtcfile and rtcsync exclude each other"


def _missing_keys(conf: Conf) -> Results:
    if conf.key_ids is None:
        return
    for source in conf.named("server", "pool", "peer"):
        id_ = source_key(source.text)
        if id_ is not None and id_ not in conf.key_ids:
            yield source, f"key {id_} is not in the key file: chronyd never gets time from {_address(source)}"


def _unused_keys(conf: Conf) -> Results:
    keyfile = conf.last("keyfile")
    if keyfile is None or not conf.key_ids or conf.named("allow"):
        return
    used = {source_key(source.text) for source in conf.named("server", "pool", "peer")}
    unused = sorted(set(conf.key_ids) - used)
    if unused:
        ids = ", ".join(map(str, unused))
        yield keyfile, f"no source uses key {ids}, and no client may ask this host"


DEFAULT_MINPOLL = 6
"""srcparams.h, SRC_DEFAULT_MINPOLL."""


def _number(word: str | None) -> float | None:
    try:
        return float(word or "")
    except ValueError:
        return None


RULES = (
    Rule("source.single", "RFC 8633, 3.2; chrony.conf(5), minsources", _single_source),
    Rule("source.two", "RFC 8633, 3.2", _two_sources),
    Rule("source.twice", "ntp_sources.c, NSR_AlreadyInUse", _same_source),
    Rule("source.polls", "ntp_core.c, NCR_CreateInstance", _polls),
    Rule("source.strata", "chrony.conf(5), minstratum", _strata),
    Rule("auth.never-selected", "chrony.conf(5), authselectmode", _never_selected),
    Rule("auth.nothing-to-prefer", "chrony.conf(5), authselectmode", _nothing_to_prefer),
    Rule("auth.key-missing", "ntp_auth.c: Key is missing", _missing_keys),
    Rule("auth.key-unused", "chrony.conf(5), keyfile", _unused_keys),
    Rule("auth.peer-with-nts", "ntp_core.c: NTS not supported with peers", _peer_with_nts),
    Rule("auth.ntsport-without-nts", "chrony.conf(5), server, ntsport", _ntsport_without_nts),
    Rule("leap.smear-mixed", "chrony.conf(5), leapsecmode", _smear_mixed),
    Rule("leap.smear-with-leap-seconds", "chrony.conf(5), leapsectz", _smear_with_leap_seconds),
    Rule("nts.server-files", "conf.c: Uneven number of NTS certs and keys; nts_ke_server.c: No ntsdumpdir", _nts_pair),
    Rule("clock.always-steps", "chrony.conf(5), makestep", _always_steps),
    Rule("clock.rtc-twice", "rtc.c: rtcfile directive cannot be used with rtcsync", _rtc_twice),
    Rule("serve.port-closed", "chrony.conf(5), port", _open_port_zero),
    Rule("serve.limit-without-log", "clientlog.c: cannot be enabled with noclientlog", _limits_without_log),
    Rule("commands.port-closed", "chrony.conf(5), bindcmdaddress", _command_port_closed),
    Rule("refclock.pps-alone", "chrony.conf(5), refclock, PPS", _pps_alone),
    Rule("refclock.unknown-lock", "refclock.c: Invalid lock refid", _unknown_lock),
    Rule("directive.no-longer-supported", "conf.c: directive is no longer supported", _no_more),
)
"""All rules, in the order of docs/lint.md."""
