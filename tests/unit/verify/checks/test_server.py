"""Judge evidence of a real server, in which one thing is otherwise: the findings of checks.server."""
# ruff: noqa: FBT001 -- a parameter of a case

from dataclasses import replace

import pytest

from provision.common.results import Finding
from provision.verify.checks import findings
from provision.verify.checks.server import SERVER as SERVER_CHECKS
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation
from provision.verify.local_client import LocalAnswers, Request
from provision.verify.ntp.probe import Probe
from tests.helpers.evidence_samples import (
    EXPECTED,
    HERE,
    KEY_HERE,
    NOTHING,
    PROBE,
    SERVER,
    asked,
    assert_not_tried,
    case,
    judged,
    one,
)

RIGHT = {"plain": "answered", "key 1": "answered", "other-secret 1": "silent", "unknown id": "silent"}
KEPT_OUT = "the access rules admit none of the host's own IPv4 addresses"
WRONG = [
    case(
        "plain is not answered",
        asked(plain="silent"),
        SERVER_CHECKS.plain,
        "no answer, while a plain request beside it was answered",
        subject=HERE,
    ),
    case(
        "key is not answered",
        asked(key_1="silent"),
        SERVER_CHECKS.key,
        "no answer, while a plain request beside it was answered",
        subject=KEY_HERE,
    ),
    case(
        "no valid MAC", asked(key_1="invalid"), SERVER_CHECKS.key, "answered, but without a valid MAC", subject=KEY_HERE
    ),
    case(
        "a wrong secret is answered",
        asked(wrong_1="answered"),
        SERVER_CHECKS.wrong_key,
        "answered: other-secret 1",
        subject=HERE,
    ),
    case(
        "a wrong secret is answered with another MAC",
        asked(wrong_1="invalid"),
        SERVER_CHECKS.wrong_key,
        "answered: other-secret 1",
        subject=HERE,
    ),
    case(
        "an unknown id is answered",
        asked(unknown_id="answered"),
        SERVER_CHECKS.wrong_key,
        "answered: unknown id",
        subject=HERE,
    ),
    case("nothing is answered", asked(None, **NOTHING), SERVER_CHECKS.plain, "no answer", subject=HERE),
]


@pytest.mark.parametrize(("evidence", "expected", "finding"), WRONG)
def test_a_fault_is_found(evidence: Evidence, expected: Expectation, finding: Finding) -> None:
    assert finding in findings(evidence, expected, [])


def test_where_nothing_is_answered_only_the_plain_request_fails() -> None:
    found = judged(asked(None, **NOTHING), EXPECTED, PROBE).values()
    assert [finding for finding in found if finding.id.startswith("server.")] == [
        SERVER_CHECKS.plain.finding(holds=False, seen="no answer", subject=HERE),
        SERVER_CHECKS.key.not_checked("no request was answered", subject=KEY_HERE),
        SERVER_CHECKS.wrong_key.not_checked("no request was answered", subject=HERE),
    ]


NO_RIGHT_KEY = "no request with a right key was answered either"
SILENCES = [
    pytest.param({"plain": "answered", "unknown id": "silent"}, True, "no answer to 1 such request", id="no keys"),
    pytest.param({**RIGHT, "key 1": "silent"}, None, NO_RIGHT_KEY, id="the right key is not answered"),
    pytest.param({**RIGHT, "key 1": "limited"}, None, NO_RIGHT_KEY, id="the right key in a limit"),
    pytest.param({**RIGHT, "key 1": "invalid"}, True, "no answer to 2 such requests", id="the right key is answered"),
    pytest.param(
        {**RIGHT, "key 2": "silent", "other-secret 2": "silent"},
        True,
        "no answer to 2 such requests",
        id="one of two right keys",
    ),
    pytest.param(
        {**RIGHT, "key 1": "silent", "other-secret 1": "answered"}, False, "answered: other-secret 1", id="wrong one"
    ),
]


@pytest.mark.parametrize(("outcomes", "holds", "seen"), SILENCES)
def test_silence_to_a_wrong_key_counts_beside_an_answer_to_the_right_one(
    outcomes: dict[str, str], holds: bool | None, seen: str
) -> None:
    requests = {name: Request(outcome=outcome) for name, outcome in outcomes.items()}
    evidence = replace(SERVER, local_answers=(LocalAnswers(address=HERE, requests=requests),))
    finding = one(judged(evidence), SERVER_CHECKS.wrong_key, HERE)
    assert finding == SERVER_CHECKS.wrong_key.finding(holds=holds, seen=seen, subject=HERE)


NOT_CHECKED = [
    pytest.param(
        replace(SERVER, local_answers=()),
        replace(EXPECTED, query_addresses=(), unqueried_reasons=(KEPT_OUT,)),
        PROBE,
        SERVER_CHECKS.requests.not_checked(KEPT_OUT),
        id="the host may not ask itself",
    ),
    pytest.param(
        replace(SERVER, local_answers=()),
        replace(EXPECTED, query_addresses=("::1",), unqueried_reasons=(KEPT_OUT,)),
        PROBE,
        SERVER_CHECKS.requests.not_checked(f"{KEPT_OUT}; the host has no address ::1"),
        id="nor has it the other address",
    ),
]


@pytest.mark.parametrize(("evidence", "expected", "probe", "finding"), NOT_CHECKED)
def test_what_could_not_be_tried_is_said_and_is_no_failure(
    evidence: Evidence, expected: Expectation, probe: Probe, finding: Finding
) -> None:
    assert_not_tried(judged(evidence, expected, probe), finding)
