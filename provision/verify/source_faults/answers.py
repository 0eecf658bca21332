"""Name the fault of a source that gives no valid answers."""

import re
from collections.abc import Sequence

from provision.chrony.chronyc.associations import Association
from provision.output.status import Layer, SourceFault
from provision.verify.source_faults.key_exchange import key_exchange_fault
from provision.verify.source_faults.selection import UNSYNCHRONISED
from provision.verify.source_signs import PlainRequest, RequestOutcome, Signs

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


def answer_fault(association: Association, signs: Signs, *, all_offline: bool) -> SourceFault:
    """Return why a source gives no valid answer; ``all_offline``: chronyd was told to ask none of its sources."""
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
        return key_exchange_fault(signs.names.get(address, address), address, signs.log)
    return _not_answered(association, signs)


def _told_offline(address: str, log: Sequence[str]) -> bool:
    told = [line for line in log if re.search(rf"Source {re.escape(address)} (?:on|off)line", line)]
    return bool(told) and told[-1].endswith(" offline")


def kiss_fault(kiss: str) -> SourceFault | None:
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
    request = signs.plain_requests.get(association.address)
    if any(line.rstrip().endswith(f"Received KoD RATE from {association.address}") for line in signs.log):
        kiss = "RATE"
    elif request is not None:
        kiss = request.kiss
    else:
        kiss = ""
    if (fault := kiss_fault(kiss)) is not None:
        return fault
    if request is None:
        return _without_plain_request(association)
    if request.outcome is RequestOutcome.ANSWERED:
        return _only_plain_requests_answered(association, request, signs)
    if request.outcome is RequestOutcome.SILENCE:
        return _silent(association)
    return _not_sent(association, request)


def _not_sent(association: Association, request: PlainRequest) -> SourceFault:
    if request.outcome is RequestOutcome.NO_ROUTE:
        return SourceFault(
            layer=Layer.NO_ROUTE,
            seen=f"the host has no route to it: {request.reason}",
            advice=f"see 'ip route get {association.address}' on the host",
        )
    if request.outcome is RequestOutcome.FORBIDDEN:
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
        seen=f"no answer to {association.sent} requests of chronyd, and none to a plain request of the host",
        advice="is UDP port 123 open there, on the path and for answers here? Does chronyd run there and admit it?",
    )


def _without_plain_request(association: Association) -> SourceFault:
    """Return the fault where the host has sent no plain request: it has no bash."""
    if _has_wrong_answers(association):
        return _wrong_answers(association)
    if association.received and not association.synchronised:
        return UNSYNCHRONISED
    return SourceFault(
        layer=Layer.NO_ANSWER,
        seen=f"chronyd has sent {association.sent} requests and has no valid answer; the host has no bash to send one",
        advice="is there a route, is UDP port 123 open here, on the path and there, and does the server know the key?",
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


def _only_plain_requests_answered(association: Association, request: PlainRequest, signs: Signs) -> SourceFault:
    if not request.synchronised:
        return UNSYNCHRONISED
    if not association.sent:
        return _never_sent(signs)
    if _has_wrong_answers(association):
        return _wrong_answers(association)
    if association.key is not None:
        return SourceFault(
            layer=Layer.KEY_REFUSED,
            seen=f"a request without a key is answered, the {association.sent} with key {association.key} are not",
            advice=f"the server does not know key {association.key}, or has another secret for it, and drops these "
            "requests in silence: inv status --host CLIENT --host SERVER tells which, if the server is a host of the "
            "site; for another server, compare the key's line in chrony.keys here and there",
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
