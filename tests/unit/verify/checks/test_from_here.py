"""Judge evidence of a real server, in which one thing is otherwise: the findings of checks.from_here."""
# ruff: noqa: FBT001 -- a parameter of a case

from dataclasses import replace

import pytest

from provision.chrony.access import EVERYONE, PRIVATE, Access
from provision.common.results import Finding
from provision.verify.checks.from_here import CLIENT as CLIENT_CHECKS
from provision.verify.checks.requests import LIMIT
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation
from provision.verify.ntp.probe import KeyAnswer, Probe
from tests.helpers.evidence_samples import (
    ANSWERED_BEFORE,
    EXPECTED,
    KEY,
    KEY_THERE,
    PROBE,
    SERVER,
    SILENCE,
    THERE,
    Judged,
    assert_not_tried,
    judged,
    one,
)


def test_each_address_is_asked() -> None:
    closed = replace(SILENCE, address="2001:db8::5", source="2001:db8::1")
    no_route = replace(closed, source=None, reason="network is unreachable")
    everyone = replace(EXPECTED, access=Access((*PRIVATE, *EVERYONE)))
    for probe, expected, seen in (
        (closed, everyone, "no answer reaches this machine: is UDP port 123 open on the way?"),
        (closed, EXPECTED, "the access rules do not admit this machine"),
        (
            no_route,
            EXPECTED,
            "no answer reaches this machine (network is unreachable): is UDP port 123 open on the way?",
        ),
    ):
        found = judged(ANSWERED_BEFORE, expected, PROBE, probe)
        assert one(found, CLIENT_CHECKS.requests, "2001:db8::5") == CLIENT_CHECKS.requests.not_checked(
            seen, subject="2001:db8::5", vital=False
        )
        assert {finding.holds for finding in found.values() if finding.subject.endswith(THERE)} == {True}


def from_this_machine(found: Judged) -> list[Finding]:
    return [finding for finding in found.values() if finding.id.startswith("client.")]


def test_our_own_requests_in_a_limit_say_nothing() -> None:
    limited = replace(SERVER, rate_limited_us=True)
    found = judged(limited, EXPECTED, replace(PROBE, keys=(KeyAnswer(id=1),)))
    assert one(found, CLIENT_CHECKS.key, KEY_THERE).holds is None
    assert one(found, CLIENT_CHECKS.wrong_key, THERE).holds is None
    found = judged(replace(limited, before=ANSWERED_BEFORE.before), EXPECTED, SILENCE)
    assert from_this_machine(found) == [
        CLIENT_CHECKS.requests.not_checked(
            "chronyd's own limit (ratelimit) dropped requests of this machine", subject=THERE
        )
    ]


def test_the_limit_of_the_address_of_the_connection_excuses_no_other_address() -> None:
    silent_key = replace(PROBE, address="198.19.0.6", keys=(KeyAnswer(id=1),))
    found = judged(replace(SERVER, rate_limited_us=True), EXPECTED, PROBE, silent_key)
    subject = "key 1 at 198.19.0.6"
    assert one(found, CLIENT_CHECKS.key, subject) == CLIENT_CHECKS.key.finding(
        holds=False, seen="no answer", subject=subject, vital=False
    )


def test_an_answer_is_reported_for_the_address_of_a_name() -> None:
    found = judged(SERVER, EXPECTED, replace(PROBE, address="ntp1", peer=THERE))
    assert {finding.subject for finding in from_this_machine(found)} == {THERE, KEY_THERE}


PROBED = [
    pytest.param(
        replace(PROBE, plain=None, reason="connection refused"),
        CLIENT_CHECKS.plain.finding(holds=False, seen="connection refused", subject=THERE),
        id="plain is not answered, keys are",
    ),
    pytest.param(
        replace(PROBE, keys=(replace(KEY, mac_valid=False),)),
        CLIENT_CHECKS.key.finding(holds=False, seen="answered, but without a valid MAC", subject=KEY_THERE),
        id="no valid MAC",
    ),
    pytest.param(
        replace(PROBE, keys=(KeyAnswer(id=1),)),
        CLIENT_CHECKS.key.finding(holds=False, seen="no answer", subject=KEY_THERE),
        id="key is not answered",
    ),
    pytest.param(
        replace(PROBE, keys=(replace(KEY, wrong_secret_answered=True),)),
        CLIENT_CHECKS.wrong_key.finding(holds=False, seen="answered", subject=THERE),
        id="a wrong secret is answered",
    ),
    pytest.param(
        replace(PROBE, keys=(KEY, replace(KEY, id=2, wrong_secret_answered=True))),
        CLIENT_CHECKS.wrong_key.finding(holds=False, seen="answered", subject=THERE),
        id="one of two wrong secrets is answered",
    ),
    pytest.param(
        replace(PROBE, plain=None, limited=True),
        CLIENT_CHECKS.plain.not_checked(LIMIT, subject=THERE),
        id="a plain request in a limit",
    ),
    pytest.param(
        replace(PROBE, unknown_id_answered=True),
        CLIENT_CHECKS.wrong_key.finding(holds=False, seen="answered", subject=THERE),
        id="an unknown id is answered",
    ),
    pytest.param(
        replace(PROBE, left_out=99_950),
        CLIENT_CHECKS.other_keys.not_checked(
            "99950 keys were left out: the first, the last and others evenly between them were tried", subject=THERE
        ),
        id="many keys",
    ),
]


@pytest.mark.parametrize(("probe", "finding"), PROBED)
def test_what_this_machine_saw_is_found(probe: Probe, finding: Finding) -> None:
    assert finding in judged(SERVER, EXPECTED, probe).values()


NOT_CHECKED = [
    pytest.param(
        replace(SERVER, access=False),
        EXPECTED,
        PROBE,
        CLIENT_CHECKS.requests.not_checked("the access rules do not admit this machine", subject=THERE),
        id="we may not ask",
    ),
    pytest.param(
        SERVER,
        EXPECTED,
        SILENCE,
        CLIENT_CHECKS.requests.not_checked(
            "no answer reaches this machine: is UDP port 123 open on the way?", subject=THERE
        ),
        id="UDP is filtered",
    ),
    pytest.param(
        SERVER,
        EXPECTED,
        replace(SILENCE, reason="connection refused"),
        CLIENT_CHECKS.requests.not_checked(
            "no answer reaches this machine (connection refused): is UDP port 123 open on the way?", subject=THERE
        ),
        id="UDP is refused",
    ),
    pytest.param(
        SERVER,
        replace(EXPECTED, bound_elsewhere=True),
        SILENCE,
        CLIENT_CHECKS.requests.not_checked("the server is bound to another address", subject=THERE),
        id="bound to another address",
    ),
]


@pytest.mark.parametrize(("evidence", "expected", "probe", "finding"), NOT_CHECKED)
def test_what_could_not_be_tried_is_said_and_is_no_failure(
    evidence: Evidence, expected: Expectation, probe: Probe, finding: Finding
) -> None:
    assert_not_tried(judged(evidence, expected, probe), finding)


@pytest.mark.parametrize(("reason", "words"), [(SILENCE.reason, ""), ("connection refused", " (connection refused)")])
def test_a_server_that_answered_us_before_a_switch_has_to_answer_after_it(reason: str, words: str) -> None:
    found = judged(ANSWERED_BEFORE, EXPECTED, replace(SILENCE, reason=reason)).values()
    plain, key, wrong_key = [finding for finding in found if finding.holds is not True]
    assert plain == CLIENT_CHECKS.plain.finding(
        holds=False, seen=f"no answer reaches this machine{words}, and one did before the switch", subject=THERE
    )
    assert plain.vital
    assert key == CLIENT_CHECKS.key.not_checked("no answer reaches this machine", subject=KEY_THERE)
    assert wrong_key == CLIENT_CHECKS.wrong_key.not_checked("no answer reaches this machine", subject=THERE)


@pytest.mark.parametrize("evidence", [SERVER, ANSWERED_BEFORE], ids=["at any time", "after a switch"])
def test_a_fault_of_this_machine_breaks_no_switch(evidence: Evidence) -> None:
    unsent = replace(SILENCE, reason="too many open files", unsent="too many open files: raise ulimit -n")
    assert from_this_machine(judged(evidence, EXPECTED, unsent)) == [
        CLIENT_CHECKS.requests.not_checked(
            "this machine could not ask (too many open files: raise ulimit -n)", subject=THERE
        )
    ]


def test_a_key_that_was_not_asked_alone_is_not_called_limited() -> None:
    rest = KeyAnswer(id=3, not_again=True)
    found = judged(SERVER, EXPECTED, replace(PROBE, keys=(KEY, KeyAnswer(id=2), rest)))
    assert one(found, CLIENT_CHECKS.key, f"key 2 at {THERE}").holds is False
    assert one(found, CLIENT_CHECKS.key, f"key 3 at {THERE}") == CLIENT_CHECKS.key.not_checked(
        "no answer, and not asked again: three others like it stayed silent", subject=f"key 3 at {THERE}"
    )


def test_wrong_keys_that_were_not_asked_alone_are_counted() -> None:
    keys = (KEY, replace(KEY, id=2, wrong_secret_not_again=True))
    found = judged(SERVER, EXPECTED, replace(PROBE, keys=keys, unknown_id_not_again=True))
    assert one(found, CLIENT_CHECKS.wrong_key, THERE).seen == (
        "no answer to 1 such request; 2 more got none at first, and were not asked again"
    )


NO_RIGHT_KEY = "no request with a right key was answered either"
SILENCES = [
    pytest.param(replace(PROBE, keys=()), True, "no answer to 1 such request", id="no keys, an unknown id"),
    pytest.param(replace(PROBE, keys=(KeyAnswer(id=1),)), None, NO_RIGHT_KEY, id="the right key is not answered"),
    pytest.param(
        replace(PROBE, keys=(KeyAnswer(id=1, limited=True),)), None, NO_RIGHT_KEY, id="the right key in a limit"
    ),
    pytest.param(
        replace(PROBE, keys=(KEY, KeyAnswer(id=2))), True, "no answer to 2 such requests", id="one of two right keys"
    ),
    pytest.param(
        replace(PROBE, keys=(KeyAnswer(id=1, wrong_secret_answered=True),)), False, "answered", id="a wrong secret is"
    ),
]


@pytest.mark.parametrize(("probe", "holds", "seen"), SILENCES)
def test_silence_to_a_wrong_key_counts_beside_an_answer_to_the_right_one(
    probe: Probe, holds: bool | None, seen: str
) -> None:
    finding = one(judged(SERVER, EXPECTED, probe), CLIENT_CHECKS.wrong_key, THERE)
    assert finding == CLIENT_CHECKS.wrong_key.finding(holds=holds, seen=seen, subject=THERE)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [(replace(ANSWERED_BEFORE, access=False), EXPECTED), (ANSWERED_BEFORE, replace(EXPECTED, bound_elsewhere=True))],
    ids=["we may not ask any more", "bound to another address"],
)
def test_what_the_operator_has_ruled_out_need_not_answer_us(evidence: Evidence, expected: Expectation) -> None:
    found = judged(evidence, expected, SILENCE)
    assert {finding.holds for finding in found.values()} == {True, None}


def test_without_a_probe_nothing_is_said_of_this_machine() -> None:
    assert from_this_machine(judged(SERVER)) == []
