"""Judge the requests with NTS of this machine."""

from dataclasses import replace
from datetime import date

import pytest

from provision.common.results import Finding
from provision.keys.nts_keys import make_server_keys
from provision.verify.checks.nts_requests import (
    ALTERED,
    FRESH,
    NO_REQUEST,
    REQUEST,
    request_findings,
    shared_key_finding,
)
from provision.verify.checks.requests import LIMIT
from provision.verify.ntp.nts_client import NtsRequest, NtsRequests, Outcome, SharedKeyAnswers
from provision.verify.ntp.packet import Answer

TIME = Answer(stratum=1, leap=0, offset=3e-6, round_trip=0.001)
ANSWERED = NtsRequest(outcome=Outcome.AUTHENTICATED, answer=TIME, cookies=(bytes(100),))
GOOD = NtsRequests(
    first=replace(ANSWERED, cookies=(bytes(100),) * 2), fresh=ANSWERED, altered=NtsRequest(outcome=Outcome.NAK)
)
SILENT = NtsRequest(outcome=Outcome.SILENT)
NAK = NtsRequest(outcome=Outcome.NAK)
KEYS = make_server_keys(date(2026, 11, 28))
ALL = SharedKeyAnswers(made_with=KEYS.current, accepted=tuple((key, Outcome.AUTHENTICATED) for key in KEYS.keys))


def found(requests: NtsRequests, *, reaches: bool = True, limited: bool = False) -> dict[str, Finding]:
    return {one.id: one for one in request_findings("ntp1", requests, reaches=reaches, limited=limited)}


def test_a_good_server_holds() -> None:
    every = found(GOOD)
    assert [(one.holds, one.vital, one.subject) for one in every.values()] == [(True, False, "ntp1")] * 3
    assert every[REQUEST.id].seen == "offset 3 µs"
    assert every[FRESH.id].seen == "2 of 2 fresh cookies; with one of them: offset 3 µs"
    assert every[ALTERED.id].seen == "NTS NAK (kiss code NTSN)"


@pytest.mark.parametrize(
    ("first", "holds", "seen"),
    [
        (NAK, False, "NTS NAK (kiss code NTSN)"),
        (NtsRequest(outcome=Outcome.INVALID), False, "answered without valid authentication"),
        (SILENT, False, "no answer, while a plain request is answered: the way may drop long packets"),
        (
            replace(SILENT, words="connection refused"),
            False,
            "no answer, while a plain request is answered: connection refused",
        ),
        (NtsRequest(outcome=Outcome.UNSENT, words="raise ulimit -n"), None, "raise ulimit -n"),
    ],
)
def test_after_a_first_request_without_success_the_others_are_not_judged(
    first: NtsRequest,
    holds: bool | None,  # noqa: FBT001 -- a parameter of a case
    seen: str,
) -> None:
    every = found(NtsRequests(first=first))
    assert (every[REQUEST.id].holds, every[REQUEST.id].seen) == (holds, seen)
    others = [every[check.id] for check in (FRESH, ALTERED) if check.id in every]
    assert all((one.holds, one.seen) == (None, NO_REQUEST) for one in others)
    assert len(others) == (2 if holds is False else 0)


def test_silence_proves_nothing_where_others_are_silent_too() -> None:
    silent = NtsRequests(first=SILENT)
    limited = found(silent, limited=True)[REQUEST.id]
    assert (limited.holds, limited.seen) == (None, LIMIT)
    unreached = found(silent, reaches=False)[REQUEST.id]
    assert (unreached.holds, unreached.seen) == (None, "a plain request of this machine is not answered either")


@pytest.mark.parametrize(
    ("requests", "holds", "seen"),
    [
        (replace(GOOD, fresh=None), False, "no fresh cookie"),
        (replace(GOOD, fresh=NAK), False, "2 of 2 fresh cookies; with one of them: NTS NAK (kiss code NTSN)"),
        (replace(GOOD, first=ANSWERED), False, "1 of 2 fresh cookies; with one of them: offset 3 µs"),
    ],
)
def test_fresh_cookies_have_to_be_as_many_as_wanted_and_accepted(
    requests: NtsRequests,
    holds: bool,  # noqa: FBT001 -- a parameter of a case
    seen: str,
) -> None:
    finding = found(requests)[FRESH.id]
    assert (finding.holds, finding.seen) == (holds, seen)
    limited = found(replace(GOOD, fresh=SILENT), limited=True)[FRESH.id]
    assert (limited.holds, limited.seen) == (None, LIMIT)


@pytest.mark.parametrize(("altered", "holds"), [(ANSWERED, False), (SILENT, None), (None, None), (NAK, True)])
def test_an_altered_cookie_has_to_be_refused(
    altered: NtsRequest | None,
    holds: bool | None,  # noqa: FBT001 -- a parameter of a case
) -> None:
    assert found(replace(GOOD, altered=altered))[ALTERED.id].holds is holds


def test_an_answer_without_the_time_is_none_unless_the_server_limits_requests() -> None:
    kiss = NtsRequest(outcome=Outcome.WITHOUT_TIME)
    finding = found(NtsRequests(first=kiss))[REQUEST.id]
    assert (finding.holds, finding.seen) == (False, Outcome.WITHOUT_TIME.value)
    limited = found(NtsRequests(first=kiss), limited=True)[REQUEST.id]
    assert (limited.holds, limited.seen) == (None, LIMIT)
    assert found(replace(GOOD, fresh=kiss))[FRESH.id].holds is False
    # Whoever answers an altered cookie with valid authentication has read it.
    assert found(replace(GOOD, altered=kiss))[ALTERED.id].holds is False
    kept = replace(ALL, accepted=tuple((key, Outcome.WITHOUT_TIME) for key in KEYS.keys))
    assert shared_key_finding("ntp1", replace(GOOD, shared_keys=kept), KEYS).holds is True


def with_outcome(outcome: Outcome) -> SharedKeyAnswers:
    """Return answers of which the last, to a cookie of the next key, is another one."""
    return replace(ALL, accepted=(*ALL.accepted[:-1], (KEYS.keys[-1], outcome)))


NEXT = KEYS.keys[-1].name
SHARED_CASES = [
    pytest.param(
        ALL,
        True,
        f"made with key {KEYS.current.name}; accepted: {', '.join(key.name for key in KEYS.keys)}",
        id="all",
    ),
    pytest.param(
        replace(ALL, made_with=None),
        False,
        "its cookies are made with a key that is not shared: has chronyd read ntskeys?",
        id="keys of its own",
    ),
    pytest.param(
        replace(ALL, made_with=KEYS.keys[1]),
        False,
        f"its cookies are made with key {KEYS.keys[1].name}, and the current one is {KEYS.current.name}",
        id="the keys of before a rotation",
    ),
    pytest.param(with_outcome(Outcome.NAK), False, f"it refuses cookies of key {NEXT}", id="a key is missing"),
    pytest.param(with_outcome(Outcome.SILENT), None, f"no answer to cookies of key {NEXT}", id="silence"),
    pytest.param(None, None, NO_REQUEST, id="not asked"),
]


@pytest.mark.parametrize(("answers", "holds", "seen"), SHARED_CASES)
def test_a_server_with_shared_keys_has_to_use_them(
    answers: SharedKeyAnswers | None,
    holds: bool | None,  # noqa: FBT001 -- a parameter of a case
    seen: str,
) -> None:
    finding = shared_key_finding("ntp1", replace(GOOD, shared_keys=answers), KEYS)
    assert (finding.holds, finding.seen, finding.vital) == (holds, seen, False)


def test_where_no_cookie_was_given_the_shared_keys_are_not_judged() -> None:
    assert shared_key_finding("ntp1", None, KEYS).holds is None
