"""Rules about keys and NTS of sources."""

from provision.chrony.conf import source_key
from provision.chrony.lint.rule import Conf, Results, Rule, address_of, option, options


def _never_selected(conf: Conf) -> Results:
    mode = conf.last("authselectmode")
    if mode is None or "".join(mode.arguments).lower() != "require":
        return
    for source in conf.unauthenticated:
        address = address_of(source)
        yield source, f"{address} is never selected: authselectmode is require, and it has neither key nor NTS"


def _nothing_to_prefer(conf: Conf) -> Results:
    mode = conf.last("authselectmode")
    if mode is None or not conf.ntp_sources:
        return
    if "".join(mode.arguments).lower() == "prefer" and len(conf.unauthenticated) == len(conf.ntp_sources):
        yield mode, "no source has a key or NTS, so that prefer has no effect"


def _missing_keys(conf: Conf) -> Results:
    if conf.key_ids is None:
        return
    for source in conf.named("server", "pool", "peer"):
        id_ = source_key(source.text)
        if id_ is not None and id_ not in conf.key_ids:
            yield source, f"key {id_} is not in the key file: chronyd never gets time from {address_of(source)}"


def _unused_keys(conf: Conf) -> Results:
    keyfile = conf.last("keyfile")
    if keyfile is None or not conf.key_ids or conf.named("allow"):
        return
    used = {source_key(source.text) for source in conf.named("server", "pool", "peer")}
    unused = sorted(set(conf.key_ids) - used)
    if unused:
        ids = ", ".join(map(str, unused))
        yield keyfile, f"no source uses key {ids}, and no client may ask this host"


def _peer_with_nts(conf: Conf) -> Results:
    for source in conf.named("peer"):
        if "nts" in options(source):
            yield source, "chronyd supports NTS with servers alone: this peer is not authenticated"


def _ntsport_without_nts(conf: Conf) -> Results:
    for source in conf.named("server", "pool"):
        if option(source, "ntsport") is not None and "nts" not in options(source):
            yield source, "ntsport has no effect without nts"


AUTHENTICATION = (
    Rule("auth.never-selected", "chrony.conf(5), authselectmode", _never_selected),
    Rule("auth.nothing-to-prefer", "chrony.conf(5), authselectmode", _nothing_to_prefer),
    Rule("auth.key-missing", "ntp_auth.c: Key is missing", _missing_keys),
    Rule("auth.key-unused", "chrony.conf(5), keyfile", _unused_keys),
    Rule("auth.peer-with-nts", "ntp_core.c: NTS not supported with peers", _peer_with_nts),
    Rule("auth.ntsport-without-nts", "chrony.conf(5), server, ntsport", _ntsport_without_nts),
)
"""The rules of this module, in the order of docs/lint.md."""
