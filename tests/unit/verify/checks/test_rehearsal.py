"""Judge what a rehearsal printed: the findings of checks.rehearsal, and the reasons of a failure."""

from dataclasses import replace

import pytest

from provision.verify.checks.rehearsal import REQUESTS, failures, rehearsal_findings
from provision.verify.checks.requests import local_findings
from provision.verify.local_client import LocalAnswers, parse_local_answers
from provision.verify.rehearsal import Rehearsal, parse_rehearsal
from tests.helpers.samples import CASES

SAID = {path.stem: path.read_text() for path in sorted((CASES / "rehearsal").glob("*.txt"))}
SERVER = SAID["server"]
STARTED = '"chronyd runs in the rehearsal, and complains of nothing" does not hold'
KILLED = "killed by SIGSYS: the filter of system calls is too strict here; try another level, service.seccomp"

REASONS = [
    pytest.param("server", (), id="a server"),
    pytest.param("client", (), id="a client, on a port of its own"),
    pytest.param("chrony-4.0", (), id="the oldest chrony"),
    pytest.param("thousand-keys", (), id="a thousand keys"),
    pytest.param(
        "bad-keys",
        (
            "chronyd says: Could not decode key 7",
            "chronyd says: Could not parse key at line 3 in file /opt/chrony/generations/t-badline/chrony.keys",
            "chronyd says: Invalid type in key 8",
        ),
        id="causes alone, not what follows from them",
    ),
    pytest.param(
        "deny-all",
        ('"127.0.0.1: a plain request in the rehearsal is answered" does not hold (Timeout reached)',),
        id="a configuration that answers nobody",
    ),
    pytest.param(
        "killed",
        (f"{STARTED} ({KILLED}; its last line: Loaded seccomp filter (level 2))",),
        id="killed by the filter of system calls",
    ),
]


@pytest.mark.parametrize(("case", "reasons"), REASONS)
def test_why_a_rehearsal_failed(case: str, reasons: tuple[str, ...]) -> None:
    assert failures(parse_rehearsal(SAID[case])) == reasons


def test_every_case_is_judged() -> None:
    assert {str(param.values[0]) for param in REASONS} == set(SAID)


def test_what_a_good_server_shows() -> None:
    found = rehearsal_findings(parse_rehearsal(SERVER))
    assert [(finding.id, finding.subject, finding.holds, finding.seen) for finding in found] == [
        ("rehearsal.running", "", True, "its last line: Loaded seccomp filter (level 2)"),
        ("rehearsal.plain-request", "127.0.0.1", True, "offset -4 µs"),
        ("rehearsal.key", "key 1 at 127.0.0.1", True, "offset -6 µs"),
        ("rehearsal.wrong-key", "127.0.0.1", True, "no answer to 2 such requests"),
    ]


def test_access_rules_that_were_left_out_are_not_called_tried() -> None:
    *_, rules = rehearsal_findings(parse_rehearsal(SAID["client"]))
    assert (rules.id, rules.holds) == ("rehearsal.access-rules", None)
    assert rules.seen == "left out: no address of this host is known to be allowed by the access rules"


def test_of_many_keys_a_sample_speaks_for_all() -> None:
    found = list(rehearsal_findings(parse_rehearsal(SAID["thousand-keys"])))
    keys = [finding.subject for finding in found if finding.id == "rehearsal.key"]
    assert len(keys) == len(set(keys)) == 50
    assert {f"key {number} at 127.0.0.1" for number in (1, 1000)} <= set(keys)
    (rest,) = [finding for finding in found if finding.id == "rehearsal.other-keys"]
    assert (rest.holds, rest.seen[:22]) == (None, "950 keys were left out")


WRONG = [
    pytest.param(
        SERVER.replace("unknown id\nsilent", "unknown id\nanswered"),
        'with a wrong or an unknown key get no answer" does not hold (answered: unknown id)',
        id="an unknown key is answered",
    ),
    pytest.param(
        SERVER.replace("==> daemon\nrunning", "==> daemon\nended with status 1"),
        'complains of nothing" does not hold (ended with status 1; its last line: Loaded seccomp filter (level 2))',
        id="it ends while it is asked",
    ),
    pytest.param(
        "==> scope\n==> daemon\nrunning\n==> log\n==> finished",
        'complains of nothing" does not hold (chronyc gets no answer from it)',
        id="nothing is answered",
    ),
    pytest.param(
        "==> scope\n==> daemon\nended with status 1\n==> log\n2026-11-22T23:26:10Z Fatal error : Not superuser\n"
        "==> finished",
        "chronyd says: Fatal error : Not superuser",
        id="it gives up",
    ),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_what_a_bad_daemon_does_is_the_reason(text: str, words: str) -> None:
    (reason,) = failures(parse_rehearsal(text))
    assert reason.endswith(words)


def test_many_reasons_are_counted() -> None:
    log = tuple(f"Could not decode key {number}" for number in range(9))
    *_, last = failures(Rehearsal(remark="", local_answers=(), ending="running", log=log))
    assert last == "and 6 more"


def test_who_was_not_asked_did_not_answer() -> None:
    assert parse_local_answers({}) == ()
    plain, wrong_key = local_findings(REQUESTS, LocalAnswers(address="::1", requests={}))
    assert plain == REQUESTS.plain.finding(holds=False, seen="no request was sent", subject="::1")
    assert wrong_key == REQUESTS.wrong_key.not_checked("no request was answered", subject="::1")


ENDED = "==> scope\n==> daemon\nended with status 1\n==> log\n==> finished"


def test_of_a_daemon_that_does_not_run_no_request_is_judged() -> None:
    started, requests = rehearsal_findings(parse_rehearsal(ENDED))
    assert (started.id, started.holds) == ("rehearsal.running", False)
    assert requests == REQUESTS.requests.not_checked("chronyd did not run, or chronyc got no answer from it")


def test_a_daemon_that_complains_does_not_pass_although_it_answers() -> None:
    good = parse_rehearsal(SERVER)
    rehearsal = replace(good, log=("Could not open /dev/rtc", *good.log))
    started, *_ = rehearsal_findings(rehearsal)
    assert (started.id, started.holds) == ("rehearsal.running", False)
    assert started.seen == "Could not open /dev/rtc; its last line: Loaded seccomp filter (level 2)"


@pytest.mark.parametrize(
    ("count", "last"), [(3, "chronyd says: Could not open file 3"), (4, "and 1 more"), (9, "and 6 more")]
)
def test_of_many_reasons_three_are_shown(count: int, last: str) -> None:
    log = tuple(f"Could not open file {number}" for number in range(1, count + 1))
    reasons = failures(replace(parse_rehearsal(SERVER), log=log))
    assert (len(reasons), reasons[-1]) == (min(count, 4), last)


NTS = """==> nts right
{right}
==> nts other-authority
refused
Z TLS handshake with 127.0.0.1:12345 (ntp1.example) failed : The certificate is NOT trusted. The issuer is unknown.
==> nts other-name
refused
Z TLS handshake with 127.0.0.1:12345 (x.invalid) failed : The certificate is NOT trusted. The name does not match.
==> finished
"""


def with_nts(right: str) -> Rehearsal:
    return parse_rehearsal(SERVER.replace("==> finished\n", NTS.format(right=right)))


def test_a_server_with_nts_has_to_answer_its_clients_in_the_rehearsal() -> None:
    good = with_nts("answered\nZ System clock wrong by 0.000002 seconds (ignored)")
    assert failures(good) == ()
    found = {finding.id: finding.holds for finding in rehearsal_findings(good)}
    assert (found["rehearsal.nts"], found["rehearsal.nts-refused"]) == (True, True)
    bad = with_nts("refused\nZ TLS handshake with 127.0.0.1:12345 (ntp1.example) failed : Connection reset")
    words = "TLS handshake with 127.0.0.1:12345 (ntp1.example) failed : Connection reset"
    assert failures(bad) == (f'"a request with NTS in the rehearsal is answered" does not hold ({words})',)
    assert failures(with_nts("unresolved")) == ()
