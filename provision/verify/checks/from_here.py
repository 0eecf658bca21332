"""Check a server with requests that this machine sends, as a client."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from provision.common.results import Finding
from provision.keys import Keys
from provision.verify.checks.process import NOT_RUNNING
from provision.verify.checks.requests import (
    INVALID_MAC,
    LIMIT,
    NO_KEY_ANSWERED,
    NOT_AGAIN,
    left_out_text,
    request_checks,
    silence_text,
)
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation, without_zone
from provision.verify.ntp.probe import NO_ANSWER, KeyAnswer, Probe

CLIENT = request_checks("client", "from this machine")

OF_KEY = re.compile(r"key (?P<id>[0-9]+) at .+")
NOTHING = "no answer reaches this machine"
NOT_ADMITTED = "the access rules do not admit this machine"


def client_findings(evidence: Evidence, expected: Expectation, probes: Sequence[Probe]) -> Iterator[Finding]:
    """Judge the answers to this machine, first at the address at which it is connected to the host."""
    if not expected.serves:
        return
    if not evidence.runs:
        yield CLIENT.requests.not_checked(NOT_RUNNING)
        return
    for number, probe in enumerate(probes):
        is_first = number == 0
        address = probe.peer or probe.address
        reason = _no_answer(evidence, expected, probe, first=is_first)
        if reason is None:
            limited = is_first and evidence.rate_limited_us and not probe.is_complete
            for finding in _answers(probe, address, limited=limited):
                # At an address other than that of the connection, another machine of this network may have answered.
                yield replace(finding, vital=is_first)
        elif is_first and evidence.before.answered and reason.startswith(NOTHING):
            seen = f"{reason}, and one did before the switch"
            yield CLIENT.plain.finding(holds=False, seen=seen, subject=address)
            for answer in probe.keys:
                yield CLIENT.key.not_checked(NOTHING, subject=f"key {answer.id} at {address}")
            yield CLIENT.wrong_key.not_checked(NOTHING, subject=address)
        elif reason.startswith(NOTHING):
            yield CLIENT.requests.not_checked(
                f"{reason}: is UDP port 123 open on the way?", subject=address, vital=is_first
            )
        else:
            yield CLIENT.requests.not_checked(reason, subject=address, vital=is_first)


def with_other_secrets(findings: Iterable[Finding], keys: Keys, there: Keys) -> Iterator[Finding]:
    """Yield the findings, and say of a key that gets no answer how that of the same id on the host differs.

    ``keys`` are those of this machine, ``there`` those of the host.
    """
    ours = {str(key.id): key for key in keys}
    theirs = {str(key.id): key for key in there}
    for finding in findings:
        of_key = OF_KEY.fullmatch(finding.subject)
        if finding.id != CLIENT.key.id or finding.holds is not False or of_key is None:
            yield finding
            continue
        id_ = of_key["id"]
        if id_ not in theirs:
            yield replace(finding, seen=f"{finding.seen}; the host does not have this key")
        elif theirs[id_] != ours.get(id_):
            yield replace(finding, seen=f"{finding.seen}; the key {id_} that runs on the host has another secret")
        else:
            yield finding


def _no_answer(evidence: Evidence, expected: Expectation, probe: Probe, *, first: bool) -> str | None:
    """Return why this machine was not answered, or may not be; None if it was."""
    if first and evidence.access is False:
        return NOT_ADMITTED
    if probe.answered or any(answer.answered for answer in probe.keys):
        return None
    if probe.unsent:
        return f"this machine could not ask ({probe.unsent})"
    return _silence(evidence, expected, probe, first=first)


def _silence(evidence: Evidence, expected: Expectation, probe: Probe, *, first: bool) -> str:
    """Return why requests that were sent got no answer."""
    reason = ""
    if probe.reason != NO_ANSWER:
        reason = f" ({probe.reason})"
    if first and expected.bound_elsewhere:
        return f"the server is bound to another address{reason}"
    if first and evidence.rate_limited_us:
        return "chronyd's own limit (ratelimit) dropped requests of this machine"
    if not first and probe.source is not None and not expected.access.admits(without_zone(probe.source)):
        return NOT_ADMITTED
    return f"{NOTHING}{reason}"


def _answers(probe: Probe, address: str, *, limited: bool) -> Iterator[Finding]:
    if limited:
        probe = probe.as_rate_limited()
    if probe.limited:
        yield CLIENT.plain.not_checked(LIMIT, subject=address)
    else:
        yield CLIENT.plain.finding(holds=probe.answered, seen=plain_text(probe), subject=address)
    for answer in probe.keys:
        subject = f"key {answer.id} at {address}"
        if answer.limited:
            yield CLIENT.key.not_checked(LIMIT, subject=subject)
        elif answer.not_again:
            yield CLIENT.key.not_checked(NOT_AGAIN, subject=subject)
        else:
            yield CLIENT.key.finding(holds=answer.mac_valid, seen=key_text(answer), subject=subject)
    if probe.left_out:
        yield CLIENT.other_keys.not_checked(left_out_text(probe.left_out), subject=address)
    yield _wrong_keys(probe, address)


def _wrong_keys(probe: Probe, address: str) -> Finding:
    check = CLIENT.wrong_key
    if probe.unknown_id_answered or any(answer.wrong_secret_answered for answer in probe.keys):
        return check.finding(holds=False, seen="answered", subject=address)
    # Where no request with the right key is answered, silence proves nothing; without keys, a plain one was answered.
    answered = [answer for answer in probe.keys if answer.answered]
    if probe.keys and not answered:
        return check.not_checked(NO_KEY_ANSWERED, subject=address)
    limited = sum(answer.wrong_secret_limited for answer in answered) + probe.unknown_id_limited
    not_again = sum(answer.wrong_secret_not_again for answer in answered) + probe.unknown_id_not_again
    tried = len(answered) + 1 - limited - not_again
    if not tried:
        return check.not_checked(LIMIT, subject=address)
    seen = silence_text(tried, limited)
    if not_again:
        seen += f"; {not_again} more got none at first, and were not asked again"
    return check.finding(holds=True, seen=seen, subject=address)


def plain_text(probe: Probe) -> str:
    """Return the answer to a plain request, or why there was none."""
    if probe.limited:
        return LIMIT
    answer = probe.plain
    if answer is None:
        return probe.reason
    state = "not synchronised itself"
    if answer.stratum:
        state = f"stratum {answer.stratum}"
    return f"{state}, {answer.round_trip * 1000:.1f} ms"


def key_text(answer: KeyAnswer) -> str:
    """Return how a request with a key was answered."""
    if answer.limited:
        return LIMIT
    if answer.not_again:
        return NOT_AGAIN
    if not answer.answered:
        return NO_ANSWER
    if not answer.mac_valid:
        return INVALID_MAC
    return "valid MAC"
