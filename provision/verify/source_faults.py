"""Name the layer at which a source of time fails: name, route, port, server, key, NTS, selection. Pure.

Where two layers look alike from the host, the fault names both.
"""

import re
from collections.abc import Mapping, Sequence

from provision.chrony.chronyc.associations import Association
from provision.chrony.chronyc.sources import SourceReport
from provision.output.status import Layer, SourceFault
from provision.verify.source_signs import Asked, Outcome, Signs

USABLE = "*+DLPU"
"""States of selectdata in which nothing is wrong with the source: another one is better, or comes first."""
MOST_NAMED = 3
"""Faults that one text names."""


def _name_fault(name: str) -> SourceFault:
    return SourceFault(
        layer=Layer.NAME,
        seen=f"chronyd has no address for {name}",
        advice=f"see 'getent ahosts {name}' on the host, its /etc/resolv.conf and the name in the site",
    )


def source_faults(
    sources: Sequence[SourceReport], associations: Sequence[Association], signs: Signs
) -> dict[str, SourceFault]:
    """Return the fault of each source that gives no time, by its address, or by its name if that has none."""
    known = {association.address: association for association in associations}
    all_offline = signs.offline == sum(1 for source in sources if source.mode != "#")
    found = {name: _name_fault(name) for name in signs.unresolved}
    for source in sources:
        fault = _fault(source, known.get(source.name), signs, all_offline=all_offline)
        if fault is not None:
            found[source.name] = fault
    return found


def _fault(
    source: SourceReport, association: Association | None, signs: Signs, *, all_offline: bool
) -> SourceFault | None:
    if association is None:
        if source.reach or source.mode == "#":
            return _not_selected(source, signs)
        return NOT_SHOWN
    if source.state not in "*+-" and (fault := _kiss_fault(association.kiss)) is not None:
        return fault
    if source.reach and (association.authenticated or not association.credential):
        return _not_selected(source, signs)
    return _silent_fault(association, signs, all_offline=all_offline)


def _silent_fault(association: Association, signs: Signs, *, all_offline: bool) -> SourceFault:
    address = association.address
    if association.key is not None and association.key_bits == 0:
        return SourceFault(
            layer=Layer.KEY_MISSING,
            seen=f"chronyd has no usable key {association.key}, and sends no request",
            advice="see chronyd's log: its key file lacks the key, or the key is too short",
        )
    if signs.offline and (all_offline or _told_offline(address, signs.log)):
        return OFFLINE
    if association.nts and not association.key_bits:
        return _key_exchange(signs.names.get(address, address), address, signs.log)
    return _not_answered(association, signs)


OFFLINE = SourceFault(
    layer=Layer.OFFLINE,
    seen="chronyd was told not to ask it",
    advice="'chronyc online' lets it ask again; a script of the network or the option offline may have told it",
)


NOT_SHOWN = SourceFault(
    layer=Layer.NO_ANSWER,
    seen="it does not answer; chronyc shows no more of it",
    advice="is UDP port 123 open here, on the path and there?",
)


def _told_offline(address: str, log: Sequence[str]) -> bool:
    told = [line for line in log if re.search(rf"Source {re.escape(address)} (?:on|off)line", line)]
    return bool(told) and told[-1].endswith(" offline")


NTS_PORT = "is TCP port 4460 open there and on the path, and does a server with NTS listen?"
DATES = (
    "is the host's clock wrong? With 'nocerttimecheck 1' in time.extra, NTS accepts any dates until the clock was set"
)
NO_LINE = SourceFault(
    layer=Layer.NTS_CONNECTION,
    seen="chronyd has no keys by NTS-KE, and its log does not say why",
    advice=f"{NTS_PORT} chronyd tries again later, with longer pauses",
)
KEY_EXCHANGE = (
    (
        "does not match the expected",
        Layer.NTS_NAME,
        "name the server in the site as its certificate does, or give it a certificate for this name",
    ),
    ("not yet valid certificate", Layer.NTS_EARLY, DATES),
    ("expired certificate", Layer.NTS_EXPIRED, f"renew the certificate there and restart its chronyd, or: {DATES}"),
    (
        "NOT trusted",
        Layer.NTS_UNTRUSTED,
        "the host has to trust the authority that signed the certificate: ntstrustedcerts in time.extra",
    ),
    ("TLS handshake", Layer.NTS_TLS, "does chronyd there have the key of its certificate? See its log"),
    ("TLS session", Layer.NTS_TLS, "the host's own part of TLS fails: see chronyd's log and its trusted certificates"),
    ("Could not connect", Layer.NTS_CONNECTION, NTS_PORT),
    ("timed out", Layer.NTS_CONNECTION, NTS_PORT),
    ("NTS-KE", Layer.NTS_RESPONSE, "is it a server with NTS, and does it admit this host (allow)?"),
)
"""Words of chronyd's log about NTS-KE → layer and advice; the first that is found counts. GnuTLS makes some of them."""


def _key_exchange(name: str, address: str, log: Sequence[str]) -> SourceFault:
    """Return why there are no keys for NTS. Labels in the log are as in ``198.51.100.7:4460 (ntp.example)``."""
    label = re.compile(rf"(?:^|[\s[(])(?:{re.escape(address)}|{re.escape(name)})(?:[\s\]):]|$)")
    for line in reversed(log):
        if label.search(line) is None:
            continue
        for words, layer, advice in KEY_EXCHANGE:
            if words in line:
                return SourceFault(layer=layer, seen=f"chronyd said: {line.strip().rstrip('.')}", advice=advice)
    return NO_LINE


def _kiss_fault(kiss: str) -> SourceFault | None:
    """Return the fault that a server itself names; not all kiss codes do."""
    if kiss == "RATE":
        return SourceFault(
            layer=Layer.RATE,
            seen="the server answers that this host asks too often (kiss code RATE)",
            advice="ask it less often (minpoll), or raise its ratelimit; hosts behind one address share a limit",
        )
    if kiss in {"DENY", "RSTR"}:
        return SourceFault(
            layer=Layer.DENIED,
            seen=f"the server answers that it does not serve this host (kiss code {kiss})",
            advice="its access rules have to admit the host's address",
        )
    return None


def _not_answered(association: Association, signs: Signs) -> SourceFault:
    asked = signs.asked.get(association.address)
    if any(line.rstrip().endswith(f"Received KoD RATE from {association.address}") for line in signs.log):
        kiss = "RATE"
    elif asked is not None:
        kiss = asked.kiss
    else:
        kiss = ""
    if (fault := _kiss_fault(kiss)) is not None:
        return fault
    if asked is None:
        return _not_asked(association)
    if asked.outcome is Outcome.ANSWERED:
        return _answered_without_key(association, asked, signs)
    if asked.outcome is Outcome.SILENCE:
        return _silent(association)
    return _not_sent(association, asked)


def _not_sent(association: Association, asked: Asked) -> SourceFault:
    if asked.outcome is Outcome.NO_ROUTE:
        return SourceFault(
            layer=Layer.NO_ROUTE,
            seen=f"the host has no route to it: {asked.words}",
            advice=f"see 'ip route get {association.address}' on the host",
        )
    if asked.outcome is Outcome.FORBIDDEN:
        return _closed_here("the kernel of the host refuses to send to it: Operation not permitted")
    return SourceFault(
        layer=Layer.CLOSED_THERE,
        seen="its UDP port is closed: Connection refused",
        advice="does its chronyd run, as a server, at this address?",
    )


def _closed_here(seen: str) -> SourceFault:
    return SourceFault(
        layer=Layer.CLOSED_HERE, seen=seen, advice="a firewall of this host has to let UDP to port 123 out"
    )


def _silent(association: Association) -> SourceFault:
    return SourceFault(
        layer=Layer.NO_ANSWER,
        seen=f"nothing comes back: {association.sent} requests of chronyd, and one without a key",
        advice="is UDP port 123 open there, on the path and for answers here? Does chronyd run there and admit it?",
    )


def _not_asked(association: Association) -> SourceFault:
    """Return the fault where the host has sent no request of its own: it has no bash."""
    if _has_wrong_answers(association):
        return _wrong_answers(association)
    if association.received and not association.synchronised:
        return UNSYNCHRONISED
    return SourceFault(
        layer=Layer.NO_ANSWER,
        seen=f"chronyd has sent {association.sent} requests and has no valid answer; the host could not ask by itself",
        advice="is there a route, is UDP port 123 open here, on the path and there, and does the server know the key?",
    )


UNSYNCHRONISED = SourceFault(
    layer=Layer.UNSYNCHRONISED,
    seen="the server answers that its own clock is not synchronised",
    advice="see 'inv status' of the server, and its sources",
)


def _has_wrong_answers(association: Association) -> bool:
    return association.key is not None and association.answers > association.received


def _wrong_answers(association: Association) -> SourceFault:
    wrong = association.answers - association.received
    return SourceFault(
        layer=Layer.MAC_WRONG,
        seen=f"{wrong} of its {association.answers} answers have no valid MAC of {association.credential}",
        advice="compare the key's type and secret in chrony.keys here and there",
    )


def _never_sent(signs: Signs) -> SourceFault:
    if signs.offline:
        # The option offline leaves no line in the log.
        return OFFLINE
    return _closed_here("chronyd could send it no request, while another program of the host can")


def _answered_without_key(association: Association, asked: Asked, signs: Signs) -> SourceFault:
    if not asked.synchronised:
        return UNSYNCHRONISED
    if not association.sent:
        return _never_sent(signs)
    if _has_wrong_answers(association):
        return _wrong_answers(association)
    if association.key is not None:
        return SourceFault(
            layer=Layer.KEY_REFUSED,
            seen=f"a request without a key is answered, the {association.sent} with key {association.key} are not",
            advice=f"the server does not know key {association.key}, or has another secret for it: both are dropped in "
            "silence; compare the key's line in chrony.keys here and there",
        )
    if association.nts:
        return SourceFault(
            layer=Layer.NTS_REFUSED,
            seen=f"a request without NTS is answered, the {association.sent} with NTS are not "
            f"({association.refused_cookies} cookies refused)",
            advice="does the path drop long NTP packets? If cookies are refused: chronyd gets new ones by itself",
        )
    return SourceFault(
        layer=Layer.NOT_YET,
        seen=f"a request of the host is answered, the {association.sent} of chronyd were not",
        advice="it answers now: ask again when chronyd has sent its next requests",
    )


SELECTION = {
    "N": (Layer.NOSELECT, "it has the option noselect: it is only measured", "nothing, if that is meant"),
    "M": (
        Layer.SAMPLES,
        "it has too few measurements yet",
        "wait for its next answers",
    ),
    "s": (UNSYNCHRONISED.layer, UNSYNCHRONISED.seen, UNSYNCHRONISED.advice),
    "r": (Layer.STRATUM, "its stratum is outside of minstratum and maxstratum", "see these directives"),
    "d": (Layer.DISTANCE, "its root distance is larger than maxdistance", "see its delay, and the clock of the server"),
    "~": (Layer.JITTER, "its jitter is larger than maxjitter", "see the path to it: its delay changes too much"),
    "w": (Layer.WAITS, "other sources have no measurement yet", "wait for their answers"),
    "W": (Layer.WAITS, "minsources, or a required source, is not reached", "see the other sources, and authselectmode"),
    "S": (Layer.STALE, "its measurements are older than those of the others", "see whether it still answers"),
    "O": (Layer.ORPHAN, "it serves its own clock, of a stratum of local orphan here", "see local orphan on both hosts"),
    "T": (Layer.NOT_TRUSTED, "it does not agree with the trusted sources", "see the sources with the option trust"),
    "x": (
        Layer.FALSETICKER,
        "its time does not agree with that of the other sources",
        "find out whose clock is wrong: this one's or that of the others; three sources outvote one",
    ),
}
"""The letters of chronyc(1), selectdata → layer, words and advice."""
STATES = {"x": "x", "~": "~"}
"""The states of ``sources`` that say as much as those of selectdata."""


def _not_selected(source: SourceReport, signs: Signs) -> SourceFault | None:
    """Return why a source that answers is not selected; None if another one is better."""
    selection = signs.selection.get(source.name)
    if selection is None:
        if source.state in "*+-":
            return None
        letter = STATES.get(source.state, "?")
    else:
        letter = selection.state
    if letter in USABLE:
        return None
    if letter == "N" and selection is not None and selection.excluded:
        return SourceFault(
            layer=Layer.EXCLUDED,
            seen="authselectmode excludes sources without a key or NTS",
            advice="give it a key or NTS, or change time.authselectmode",
        )
    layer, seen, advice = SELECTION.get(
        letter, (Layer.UNKNOWN, "chronyd does not select it", "see chronyc(1), selectdata")
    )
    return SourceFault(layer=layer, seen=seen, advice=advice)


def faults_text(faults: Mapping[str, SourceFault]) -> str:
    """Return the first faults in words, each after its source."""
    shown = [f"{source}: {fault}" for source, fault in faults.items()]
    if len(shown) > MOST_NAMED:
        shown[MOST_NAMED:] = [f"and {len(shown) - MOST_NAMED} more"]
    return "; ".join(shown)
