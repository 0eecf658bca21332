"""The checks of NTP requests: plain, with the right key, with a wrong one; the same for each client that sends them."""

from collections.abc import Iterator
from dataclasses import dataclass

from provision.common.results import Finding
from provision.common.text import seconds_text
from provision.verify.checks.check import Check
from provision.verify.local_client import ANSWERED, INVALID, LIMITED, SILENT, LocalAnswers, Request

SAMPLE = "the first, the last and others evenly between them were tried"
LIMIT = "no answer, nor to others in quick succession: a limit drops requests"
NOT_AGAIN = "no answer, and not asked again: three others like it stayed silent"
NOTHING_ANSWERED = "no request was answered"
NO_KEY_ANSWERED = "no request with a right key was answered either"
INVALID_MAC = "answered, but without a valid MAC"


@dataclass(frozen=True, slots=True)
class RequestChecks:
    """The checks of one client's requests."""

    requests: Check
    """Stands for all of the others where no request could be sent, or none arrived."""
    plain: Check
    key: Check
    wrong_key: Check
    other_keys: Check

    @property
    def all(self) -> tuple[Check, ...]:
        """Return each of them."""
        return (self.requests, self.plain, self.key, self.wrong_key, self.other_keys)


def request_checks(prefix: str, where: str) -> RequestChecks:
    """Return the checks of a client; ``where`` says in words which one it is, as in ``from this machine``."""
    return RequestChecks(
        requests=Check(f"{prefix}.requests", f"requests {where} are answered"),
        plain=Check(f"{prefix}.plain-request", f"a plain request {where} is answered"),
        key=Check(f"{prefix}.key", f"a request {where} with this key is answered with a valid MAC"),
        wrong_key=Check(f"{prefix}.wrong-key", f"requests {where} with a wrong or an unknown key get no answer"),
        other_keys=Check(f"{prefix}.other-keys", f"requests {where} with the other keys are answered with a valid MAC"),
    )


def left_out_text(count: int) -> str:
    """Return why so many keys were not tried."""
    return f"{count} keys were left out: {SAMPLE}"


def silence_text(tried: int, limited: int) -> str:
    """Return the observation that requests which must not be answered were not."""
    noun = "request"
    if tried > 1:
        noun = "requests"
    seen = f"no answer to {tried} such {noun}"
    if limited:
        seen += f"; {limited} more could not be tried: a limit drops requests"
    return seen


def local_findings(checks: RequestChecks, answers: LocalAnswers) -> Iterator[Finding]:
    """Judge the answers of a daemon to chronyd as a client on the same host, at one address."""
    address = answers.address
    if not answers.reached:
        yield from _not_reached(checks, answers)
        return
    yield checks.plain.finding(holds=_holds(answers.plain), seen=request_text(answers.plain), subject=address)
    for name, request in answers.with_key.items():
        yield checks.key.finding(holds=_holds(request), seen=request_text(request), subject=f"{name} at {address}")
    yield _wrong_keys(checks.wrong_key, answers)
    if answers.left_out:
        yield checks.other_keys.not_checked(left_out_text(answers.left_out), subject=address)


def _not_reached(checks: RequestChecks, answers: LocalAnswers) -> Iterator[Finding]:
    reason = _lost(answers)
    if reason is not None:
        yield checks.requests.not_checked(reason, subject=answers.address)
        return
    served = answers.served
    seen = request_text(answers.plain)
    if served is not None and served.denied:
        seen = "chronyd's access rules keep this address out"
    yield checks.plain.finding(holds=False, seen=seen, subject=answers.address)
    for name in answers.with_key:
        yield checks.key.not_checked(NOTHING_ANSWERED, subject=f"{name} at {answers.address}")
    yield checks.wrong_key.not_checked(NOTHING_ANSWERED, subject=answers.address)


def _lost(answers: LocalAnswers) -> str | None:
    """Return why requests did not reach chronyd, so that silence proves nothing; None if they did, or it is unknown."""
    served = answers.served
    if served is None or served.denied:
        return None
    if served.dropped:
        return f"chronyd's own limit (ratelimit) dropped {served.dropped} requests"
    if not served.received:
        return "no request reached chronyd: does a firewall on the host drop packets to its own UDP port 123?"
    return None


def _wrong_keys(check: Check, answers: LocalAnswers) -> Finding:
    wrong = answers.with_wrong_key
    answered = [name for name, request in wrong.items() if request.outcome in {ANSWERED, INVALID}]
    if answered:
        return check.finding(holds=False, seen=f"answered: {', '.join(answered)}", subject=answers.address)
    # Where no request with the right key is answered, silence proves nothing; without keys, a plain one was answered.
    unanswered = [name for name, request in answers.with_key.items() if request.outcome not in {ANSWERED, INVALID}]
    if unanswered and len(unanswered) == len(answers.with_key):
        return check.not_checked(NO_KEY_ANSWERED, subject=answers.address)
    useless = {name.replace("key ", "other-secret ", 1) for name in unanswered}
    outcomes = [request.outcome for name, request in wrong.items() if name not in useless]
    silent = outcomes.count(SILENT)
    if not silent:
        return check.not_checked(LIMIT, subject=answers.address)
    return check.finding(holds=True, seen=silence_text(silent, len(outcomes) - silent), subject=answers.address)


def _holds(request: Request) -> bool | None:
    if request.outcome == LIMITED:
        return None
    return request.outcome == ANSWERED


def request_text(request: Request) -> str:
    """Return in words how a request ended."""
    if request.outcome == ANSWERED and request.offset is not None:
        return offset_text(request.offset)
    texts = {
        ANSWERED: "answered; the server's own clock is not synchronised",
        INVALID: INVALID_MAC,
        SILENT: "no answer, while a plain request beside it was answered",
        LIMITED: LIMIT,
    }
    return texts.get(request.outcome) or request.last_line or "no answer"


def offset_text(offset: float) -> str:
    """Return an offset that chronyd as a client printed, in words."""
    if not offset:
        # chronyd -Q prints six decimals.
        return "offset below 1 µs"
    return f"offset {seconds_text(offset)}"
