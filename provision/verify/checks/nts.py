"""Check a server with NTS: its certificate, and clients on the host, in the rehearsal and from this machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from provision.common.errors import SiteError, understood
from provision.common.results import Finding
from provision.keys.certificate_end import failing_time, in_words
from provision.keys.certificates import served
from provision.verify.checks.check import Check
from provision.verify.checks.nts_requests import request_findings, shared_key_finding
from provision.verify.checks.process import NOT_RUNNING
from provision.verify.checks.requests import LIMIT, offset_text
from provision.verify.evidence import Evidence
from provision.verify.expectation import MOST_KEYS, Expectation
from provision.verify.ntp.key_exchange import KeyExchange, KeyExchanges, Stage
from provision.verify.ntp.nts_client import NtsProbe
from provision.verify.ntp.probe import Probe
from provision.verify.nts import ANSWERED, INVALID, REFUSED, UNRESOLVED, NtsAnswer, NtsAnswers
from provision.verify.nts_files import FilesState, NtsFiles
from provision.verify.nts_server import NtsServer

END = Check("nts.certificate-end", "the certificate of NTS does not end soon")
CURRENT = Check("nts.certificate-current", "the certificate that the host has renewed is served")
NOT_ANSWERED = "the client with the right authority and name got no answer either"


@dataclass(frozen=True, slots=True)
class NtsChecks:
    """The checks of one client's requests."""

    right: Check
    refused: Check

    @property
    def all(self) -> tuple[Check, ...]:
        """Return each of them."""
        return (self.right, self.refused)


def nts_checks(prefix: str, what: str, where: str) -> NtsChecks:
    """Return the checks of a client; ``where`` says in words which one it is."""
    return NtsChecks(
        right=Check(f"{prefix}.nts", f"{what} {where} is answered"),
        refused=Check(f"{prefix}.nts-refused", f"clients {where} refuse another authority and another name"),
    )


SERVER = nts_checks("server", "a request with NTS", "from the host itself")
REHEARSAL = nts_checks("rehearsal", "a request with NTS", "in the rehearsal")
CLIENT = nts_checks("client", "a key exchange of NTS (NTS-KE)", "from this machine")


def certificate_finding(server: NtsServer, now: datetime) -> Finding:
    """Judge how long clients will accept the certificates."""
    left = server.end - now
    seen = f"{in_words(left)} left, until {server.end:%Y-%m-%d %H:%M} UTC"
    if left < timedelta(0):
        seen = f"it ended at {server.end:%Y-%m-%d %H:%M} UTC: clients refuse it"
    return END.finding(holds=left >= failing_time(server.lifetime), seen=seen, subject=server.name, vital=False)


def files_finding(files: NtsFiles) -> Finding:
    """Judge whether chronyd serves with the present files of the host. Raises ParseError."""
    if files.state is FilesState.STOPPED:
        return CURRENT.not_checked(NOT_RUNNING, subject=files.certificate, vital=False)
    seen = "no difference"
    if files.refused:
        seen = f"chronyd serves with it, and the host has tried and refused it: {files.refused}"
    if files.state is FilesState.MISSING:
        seen = "the certificate or its key is missing"
    elif files.state is FilesState.OTHER:
        seen = "chronyd serves with another one"
        if files.refused:
            seen += f"; the renewed one was refused: {files.refused}"
    if files.state is not FilesState.SAME and "BEGIN CERTIFICATE" in files.served:
        seen += f"; the served one {_end_of(files.served)}"
    holds = files.state is FilesState.SAME and not files.refused
    return CURRENT.finding(holds=holds, seen=seen, subject=files.certificate, vital=False)


def _end_of(chain: str) -> str:
    """Return until when clients accept a chain, in words. Raises ParseError."""
    try:
        with understood("the certificate that chronyd serves"):
            return f"ends at {served(chain).end:%Y-%m-%d %H:%M} UTC"
    except SiteError:
        # It was half-written when chronyd started.
        return "cannot be read"


def nts_findings(
    evidence: Evidence, expected: Expectation, nts_probe: NtsProbe | None, probe: Probe | None, now: datetime
) -> Iterator[Finding]:
    """Judge a server with NTS; nothing for other hosts. ``probe`` are its answers to this machine without NTS.

    Raises ParseError.
    """
    if evidence.nts_files is not None:
        yield files_finding(evidence.nts_files)
    server = expected.nts
    if server is None:
        return
    yield certificate_finding(server, now)
    if not evidence.runs:
        yield SERVER.right.not_checked(NOT_RUNNING, subject=server.name)
        yield CLIENT.right.not_checked(NOT_RUNNING, subject=server.name, vital=False)
        return
    # A rate limit is the only one that lowers the number of keys that are tried.
    limited = expected.most_keys < MOST_KEYS
    if server.unqueried_reason or evidence.nts_answers is None:
        reason = server.unqueried_reason or "the host has not asked"
        yield SERVER.right.not_checked(reason, subject=server.name)
    else:
        yield from answer_findings(SERVER, server.name, evidence.nts_answers, limited=limited)
    if nts_probe is None:
        return
    yield from _from_here(evidence, server.name, nts_probe.exchanges, probe)
    if nts_probe.requests is not None and evidence.access is not False:
        reaches = probe is not None and probe.answered
        yield from request_findings(server.name, nts_probe.requests, reaches=reaches, limited=limited)
    if server.shared_keys is not None:
        yield shared_key_finding(server.name, nts_probe.requests, server.shared_keys)


def answer_findings(checks: NtsChecks, name: str, answers: NtsAnswers, *, limited: bool = False) -> Iterator[Finding]:
    """Judge the outcomes of clients on the host; ``limited``: chronyd drops some requests by its own rate limit."""
    if answers.right.outcome == UNRESOLVED:
        reason = f"on the host, {name} does not lead to its own chronyd"
        yield checks.right.not_checked(reason, subject=name)
        return
    if answers.right.outcome == REFUSED and not answers.right.words and limited:
        yield checks.right.not_checked(LIMIT, subject=name)
        return
    is_answered = answers.right.outcome == ANSWERED
    yield checks.right.finding(holds=is_answered, seen=_text(answers.right), subject=name)
    if not is_answered:
        yield checks.refused.not_checked(NOT_ANSWERED, subject=name)
        return
    wrong = {"another authority": answers.other_authority, "another name": answers.other_name}
    accepted = [what for what, answer in wrong.items() if answer.outcome in {ANSWERED, INVALID}]
    seen = "; ".join(f"{what}: {_text(answer)}" for what, answer in wrong.items())
    yield checks.refused.finding(holds=not accepted, seen=seen, subject=name)


def _text(answer: NtsAnswer) -> str:
    if answer.offset is not None:
        return offset_text(answer.offset)
    if answer.words:
        return answer.words
    texts = {ANSWERED: "answered", INVALID: "answered without valid authentication", UNRESOLVED: "no address"}
    return texts.get(answer.outcome, "no answer, and chronyd as a client does not say why")


def _from_here(evidence: Evidence, name: str, exchanges: KeyExchanges, probe: Probe | None) -> Iterator[Finding]:
    right = exchanges.right
    reaches = probe is not None and probe.answered
    if evidence.access is False:
        yield CLIENT.right.not_checked("the access rules do not admit this machine", subject=name, vital=False)
        return
    if right.stage in {Stage.UNRESOLVED, Stage.UNCONNECTED} and not reaches:
        reason = f"{right.words}: is its TCP port open on the way?"
        yield CLIENT.right.not_checked(reason, subject=name, vital=False)
        return
    is_done = right.stage is Stage.DONE
    yield CLIENT.right.finding(holds=is_done, seen=_exchange_text(right), subject=name, vital=False)
    if exchanges.other_authority is None or exchanges.other_name is None:
        yield CLIENT.refused.not_checked(NOT_ANSWERED, subject=name, vital=False)
        return
    wrong = {"another authority": exchanges.other_authority, "another name": exchanges.other_name}
    accepted = [what for what, one in wrong.items() if one.stage in {Stage.DONE, Stage.EXCHANGE}]
    seen = "; ".join(f"{what}: {_exchange_text(one)}" for what, one in wrong.items())
    yield CLIENT.refused.finding(holds=not accepted, seen=seen, subject=name, vital=False)


def _exchange_text(exchange: KeyExchange) -> str:
    if exchange.stage is Stage.DONE:
        return f"{len(exchange.cookies)} cookies"
    if exchange.stage in {Stage.UNCONNECTED, Stage.REFUSED}:
        return f"no connection to its TCP port, while NTP answers: {exchange.words}; is a firewall there in the way?"
    return exchange.words
