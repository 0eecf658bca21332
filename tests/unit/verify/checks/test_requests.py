"""Judge evidence of a real server, in which one thing is otherwise: the findings of checks.requests."""

from dataclasses import replace

import pytest

from provision.build.evidence import sections
from provision.verify.checks.check import Check
from provision.verify.checks.requests import local_findings
from provision.verify.checks.server import SERVER as SERVER_CHECKS
from provision.verify.evidence import Evidence
from provision.verify.local_client import Served, parse_local_answers
from tests.helpers.evidence_samples import EXPECTED, HERE, KEY_HERE, NOTHING, PROBE, asked, judged, one

LIMIT = "no answer, nor to others in quick succession: a limit drops requests"
UNKNOWN = [
    pytest.param(asked(key_1="limited"), SERVER_CHECKS.key, KEY_HERE, LIMIT, id="a key in a limit"),
    pytest.param(asked(plain="limited"), SERVER_CHECKS.plain, HERE, LIMIT, id="plain in a limit"),
    pytest.param(
        asked(wrong_1="limited", unknown_id="limited"),
        SERVER_CHECKS.wrong_key,
        HERE,
        LIMIT,
        id="a wrong key in a limit",
    ),
    pytest.param(
        asked(Served(sent=4, received=4, dropped=2), **NOTHING),
        SERVER_CHECKS.requests,
        HERE,
        "chronyd's own limit (ratelimit) dropped 2 requests",
        id="chronyd dropped them",
    ),
    pytest.param(
        asked(Served(sent=4, received=0, dropped=0), **NOTHING),
        SERVER_CHECKS.requests,
        HERE,
        "no request reached chronyd: does a firewall on the host drop packets to its own UDP port 123?",
        id="a firewall dropped them",
    ),
]


@pytest.mark.parametrize(("evidence", "check", "subject", "seen"), UNKNOWN)
def test_what_a_limit_drops_says_nothing(evidence: Evidence, check: Check, subject: str, seen: str) -> None:
    found = judged(evidence, EXPECTED, PROBE)
    assert one(found, check, subject) == check.not_checked(seen, subject=subject)
    assert all(finding.holds is not False for finding in found.values())


def test_a_key_is_wrong_only_where_requests_arrive() -> None:
    arrived, lost = Served(sent=3, received=3, dropped=0), Served(sent=3, received=1, dropped=0)
    text = "==> keys\nasked=1\nall=1\naddresses=127.0.0.1\n==> ask 127.0.0.1 key 1\nsilent\n==> served 127.0.0.1\n"
    for served, holds in ((arrived, False), (lost, None)):
        counted = f"sent {served.sent}\nclient 7 0\nclient {7 + served.received} {served.dropped}\n"
        (seen,) = parse_local_answers(sections(text + counted))
        assert seen.served == served
        found = {(finding.id, finding.subject): finding.holds for finding in local_findings(SERVER_CHECKS, seen)}
        assert found[SERVER_CHECKS.key.id, KEY_HERE] is holds


def test_valid_macs_of_an_unsynchronised_server_count() -> None:
    finding = one(judged(asked(plain="answered", key_1="answered")), SERVER_CHECKS.key, KEY_HERE)
    assert (finding.holds, finding.seen) == (True, "answered; the server's own clock is not synchronised")


def test_of_two_wrong_keys_the_rate_limited_one_is_named() -> None:
    found = judged(asked(wrong_1="limited"))
    assert one(found, SERVER_CHECKS.wrong_key, HERE) == SERVER_CHECKS.wrong_key.finding(
        holds=True,
        seen="no answer to 1 such request; 1 more could not be tried: a limit drops requests",
        subject=HERE,
    )


def test_keys_that_were_left_out_are_told_of_their_address() -> None:
    seen = replace(asked(), local_answers=tuple(replace(one, left_out=7) for one in asked().local_answers))
    assert one(judged(seen), SERVER_CHECKS.other_keys, HERE) == SERVER_CHECKS.other_keys.not_checked(
        "7 keys were left out: the first, the last and others evenly between them were tried", subject=HERE
    )
