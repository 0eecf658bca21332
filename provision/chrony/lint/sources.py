"""Rules about the NTP sources, and about their number."""

from ipaddress import ip_address

from provision.chrony.lint.rule import Conf, Results, Rule, address_of, number_in, option, options

OWN_TIME = ("local", "manual", "refclock")
"""Directives that give time without an NTP server."""

FEW_SOURCES = 3
"""With fewer sources, a wrong one cannot be outvoted (RFC 8633, 3.2)."""

DEFAULT_MINPOLL = 6
"""srcparams.h, SRC_DEFAULT_MINPOLL."""


def _single_source(conf: Conf) -> Results:
    if len(conf.ntp_sources) != 1 or conf.named("pool", *OWN_TIME, "sourcedir"):
        return
    [source] = conf.ntp_sources
    consequence = "a fault of that server cannot be detected; with three, chronyd outvotes one of them"
    yield source, f"it follows one server alone, {address_of(source)}: {consequence}"


def _two_sources(conf: Conf) -> Results:
    if len(conf.ntp_sources) != FEW_SOURCES - 1 or conf.named("pool", *OWN_TIME, "sourcedir"):
        return
    if any({"trust", "prefer"} & set(options(source)) for source in conf.ntp_sources):
        return
    first, second = conf.ntp_sources
    consequence = "chronyd cannot tell which one is wrong and selects neither; name a third server, or trust one"
    yield second, f"if {address_of(first)} and {address_of(second)} disagree, {consequence}"


def _same_source(conf: Conf) -> Results:
    # A host name may resolve to several servers, of which chronyd then uses a different one for each line.
    seen: set[str] = set()
    for source in conf.named("server", "peer"):
        address = address_of(source).lower()
        if address in seen:
            yield source, f"{address} is a source twice; chronyd uses the first line"
        if _is_ip(address):
            seen.add(address)


def _is_ip(address: str) -> bool:
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


def _polls(conf: Conf) -> Results:
    for source in conf.named("server", "pool", "peer"):
        least, most = number_in(option(source, "minpoll")), number_in(option(source, "maxpoll"))
        if most is None:
            continue
        if least is None:
            least = DEFAULT_MINPOLL
        if least > most:
            yield source, f"minpoll {least:g} is above maxpoll {most:g}: chronyd uses {least:g} for both"


def _strata(conf: Conf) -> Results:
    least, most = conf.last("minstratum"), conf.last("maxstratum")
    if least is None or most is None:
        return
    low, high = number_in(address_of(least)), number_in(address_of(most))
    if low is not None and high is not None and low > high:
        yield least, "minstratum is above maxstratum, so that no source can be selected"


SOURCES = (
    Rule("source.single", "RFC 8633, 3.2; chrony.conf(5), minsources", _single_source),
    Rule("source.two", "RFC 8633, 3.2", _two_sources),
    Rule("source.twice", "ntp_sources.c, NSR_AlreadyInUse", _same_source),
    Rule("source.polls", "ntp_core.c, NCR_CreateInstance", _polls),
    Rule("source.strata", "chrony.conf(5), minstratum", _strata),
)
"""The rules of this module, in the order of docs/lint.md."""
