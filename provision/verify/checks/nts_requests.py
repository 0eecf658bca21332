"""Check the NTP requests with NTS of this machine: their answers, the fresh cookies in them, and a refused cookie."""

from collections.abc import Iterator

from provision.common.results import Finding
from provision.keys.nts_keys import ServerKeys
from provision.verify.checks.check import Check
from provision.verify.checks.requests import LIMIT, offset_text
from provision.verify.ntp.nts_client import PLACEHOLDERS, NtsRequest, NtsRequests, Outcome, SharedKeyAnswers

REQUEST = Check("client.nts-request", "a request with NTS from this machine is answered, with valid authentication")
FRESH = Check("client.nts-fresh-cookies", "the answer has fresh cookies, and a request with one is answered, too")
ALTERED = Check("client.nts-altered-cookie", "a request from this machine with an altered cookie is refused")
SHARED = Check(
    "client.nts-shared-keys", "the server makes its cookies with the current shared key, and accepts those of all four"
)
NO_REQUEST = "no request with a cookie of the server was answered"
NOT_REFUSED = {Outcome.AUTHENTICATED, Outcome.WITHOUT_TIME, Outcome.SILENT}
"""What becomes of a cookie that the server could read, or of a request that was lost."""
WANTED = 1 + PLACEHOLDERS


def shared_key_finding(name: str, requests: NtsRequests | None, shared_keys: ServerKeys) -> Finding:
    """Judge whether a server uses the keys of cookies that it shares with others."""
    if requests is None or requests.shared_keys is None:
        return SHARED.not_checked(NO_REQUEST, subject=name, vital=False)
    answers = requests.shared_keys
    silent = [key.name for key, outcome in answers.accepted if outcome is Outcome.SILENT]
    refused = [key.name for key, outcome in answers.accepted if outcome not in NOT_REFUSED]
    if answers.made_with != shared_keys.current:
        return SHARED.finding(holds=False, seen=_made_with(answers, shared_keys), subject=name, vital=False)
    if refused:
        seen = f"it refuses cookies of key {', '.join(refused)}"
        return SHARED.finding(holds=False, seen=seen, subject=name, vital=False)
    if silent:
        return SHARED.not_checked(f"no answer to cookies of key {', '.join(silent)}", subject=name, vital=False)
    names = ", ".join(key.name for key, _ in answers.accepted)
    seen = f"made with key {shared_keys.current.name}; accepted: {names}"
    return SHARED.finding(holds=True, seen=seen, subject=name, vital=False)


def _made_with(answers: SharedKeyAnswers, shared_keys: ServerKeys) -> str:
    if answers.made_with is None:
        return "its cookies are made with a key that is not shared: has chronyd read ntskeys?"
    return f"its cookies are made with key {answers.made_with.name}, and the current one is {shared_keys.current.name}"


def request_findings(name: str, requests: NtsRequests, *, reaches: bool, limited: bool) -> Iterator[Finding]:
    """Judge the requests to a server by its name, which has given cookies.

    ``reaches``: a plain request is answered. ``limited``: chronyd drops some requests by its own rate limit.
    """
    unknown = _unknown(requests.first, reaches=reaches, limited=limited)
    if unknown:
        yield REQUEST.not_checked(unknown, subject=name, vital=False)
        return
    is_answered = requests.first.outcome is Outcome.AUTHENTICATED
    yield REQUEST.finding(holds=is_answered, seen=_text(requests.first), subject=name, vital=False)
    if not is_answered:
        yield FRESH.not_checked(NO_REQUEST, subject=name, vital=False)
        yield ALTERED.not_checked(NO_REQUEST, subject=name, vital=False)
        return
    yield _fresh(name, requests, limited=limited)
    yield _altered(name, requests.altered)


def _unknown(request: NtsRequest, *, reaches: bool, limited: bool) -> str:
    """Return why nothing can be said of a request; empty if something can."""
    if request.outcome is Outcome.UNSENT:
        return request.words
    if request.outcome not in {Outcome.SILENT, Outcome.WITHOUT_TIME}:
        return ""
    if limited:
        return LIMIT
    if request.outcome is Outcome.SILENT and not reaches:
        return "a plain request of this machine is not answered either"
    return ""


def _text(request: NtsRequest) -> str:
    if request.answer is not None:
        return offset_text(request.answer.offset)
    if request.outcome is Outcome.SILENT:
        reason = request.words or "the way may drop long packets"
        return f"no answer, while a plain request is answered: {reason}"
    return request.outcome.value


def _fresh(name: str, requests: NtsRequests, *, limited: bool) -> Finding:
    count = len(requests.first.cookies)
    if requests.fresh is None:
        return FRESH.finding(holds=False, seen="no fresh cookie", subject=name, vital=False)
    unknown = _unknown(requests.fresh, reaches=True, limited=limited)
    if unknown:
        return FRESH.not_checked(unknown, subject=name, vital=False)
    seen = f"{count} of {WANTED} fresh cookies; with one of them: {_text(requests.fresh)}"
    holds = count == WANTED and requests.fresh.outcome is Outcome.AUTHENTICATED
    return FRESH.finding(holds=holds, seen=seen, subject=name, vital=False)


def _altered(name: str, request: NtsRequest | None) -> Finding:
    if request is None or request.outcome in {Outcome.SILENT, Outcome.UNSENT}:
        # A server may limit how often it refuses; an answer would be the fault.
        return ALTERED.not_checked("no answer, so neither refused nor accepted", subject=name, vital=False)
    return ALTERED.finding(holds=request.outcome is Outcome.NAK, seen=request.outcome.value, subject=name, vital=False)
