"""Evidence to findings: the evidence of a real server, and what becomes of each finding when one thing is otherwise."""
# ruff: noqa: FBT001, FBT003 -- a finding reads best as claim, holds, seen; a parameter of a case

from dataclasses import replace
from typing import Any

import pytest

from provision.access import PRIVATE, Access
from provision.asked import Asked
from provision.chronyc import Association
from provision.evidence import Before, Evidence, Port, parse_evidence
from provision.expectation import Expectation
from provision.findings import Finding
from provision.judge import findings, in_units
from provision.ntp import Answer, KeyAnswer, Probe
from tests.sample import CASES

SERVER = parse_evidence((CASES / "evidence" / "server.txt").read_text())
STOPPED = parse_evidence((CASES / "evidence" / "stopped.txt").read_text())
EXPECTED = Expectation(
    version="4.9",
    serves=True,
    follows=True,
    asks_with_keys=0,
    seccomp=True,
    access=Access(PRIVATE),
    asked_at="127.0.0.1",
    max_error=1.0,
)
KEY = KeyAnswer(id=1, answered=True, mac_valid=True)
SILENCE = Probe(address="198.19.0.5", keys=(KeyAnswer(id=1),))
PROBE = Probe(
    address="198.19.0.5",
    plain=Answer(stratum=2, leap=0, offset=0.0001, round_trip=0.0002),
    keys=(KEY,),
    unknown_id_answered=False,
)
ANSWERED_BEFORE = replace(SERVER, before=replace(SERVER.before, answered=True))
BUILD = "/opt/chrony/builds/chrony-4.9-nettle-3.10.2-48d8d26a6fd6"
ARGUMENTS = "/opt/chrony/current/build/sbin/chronyd -n -U -x -F 2 -f /opt/chrony/current/chrony.conf"
HERE = "asked by the host itself at 127.0.0.1"
SILENT = "a wrong key and an unknown one get no answer"
CLIENT = replace(EXPECTED, serves=False, asked_at=None)
OURS_323 = (Port(protocol="udp", number=323, ours=True),)


def test_a_good_server_is_found_good() -> None:
    found = {finding.claim: finding for finding in findings(SERVER, EXPECTED, PROBE)}
    assert {finding.holds for finding in found.values()} == {True}
    seen = {claim: finding.seen for claim, finding in found.items()}
    assert {claim: seen[claim] for claim in (*list(seen)[:4], *list(seen)[9:])} == {
        "the daemon that runs is the build that we made": f"{BUILD}/sbin/chronyd",
        "it runs the current generation": "ff3107c3083169da",
        "it has no root privileges": "user _chrony",
        "its system calls are filtered": f"Seccomp: 2, {ARGUMENTS}",
        "it alone listens on the NTP port": "open: udp/123, udp/323, udp6/123, udp6/323",
        "the clock is synchronised, to 1 s or better": f"to 198.19.0.2, stratum 2, error bound {bound()}",
        f"{HERE}: a plain request is answered": seen[f"{HERE}: a plain request is answered"],
        f"{HERE}: with key 1, the MAC is valid": seen[f"{HERE}: with key 1, the MAC is valid"],
        f"{HERE}: {SILENT}": "no answer to 2 such requests",
        "asked from here: a plain request is answered": "stratum 2, after 0.2 ms",
        "asked from here: with key 1, the MAC is valid": "answered with a valid MAC",
        f"asked from here: {SILENT}": "no answer to 2 such requests",
    }
    assert seen[f"{HERE}: a plain request is answered"].startswith("System clock wrong by ")
    assert list(seen)[4:9] == [
        "its configure found Nettle, and CMAC in it",
        "chronyd is 4.9 with SECHASH",
        "chronyc is 4.9 with SECHASH",
        "every library of the build is there",
        "chronyc makes AES128 and AES256 keys, and no others of that name",
    ]


def bound() -> str:
    assert SERVER.tracking is not None
    return in_units(SERVER.tracking.error_bound)


def process(**changes: str) -> Evidence:
    return replace(SERVER, process={**SERVER.process, **changes})


def asked(**changes: str) -> Evidence:
    said = {**SERVER.asked.said, **{name.replace("_", " "): words for name, words in changes.items()}}
    return replace(SERVER, asked=Asked(said))


def tracking(**changes: Any) -> Evidence:
    assert SERVER.tracking is not None
    return replace(SERVER, tracking=replace(SERVER.tracking, **changes))


def port(number: int, *, ours: bool, protocol: str = "udp") -> Evidence:
    return replace(SERVER, ports=(*SERVER.ports, Port(protocol=protocol, number=number, ours=ours)))


IGNORED = "2026-11-22T19:45:13Z System clock wrong by -0.000001 seconds (ignored)"
WRONG = [
    pytest.param(
        STOPPED, EXPECTED, Finding("chronyd runs", False, "systemd has no process of chronyd.service"), id="dead"
    ),
    pytest.param(STOPPED, EXPECTED, Finding("chronyc can talk to the daemon", False, "it could not"), id="mute"),
    pytest.param(
        STOPPED, EXPECTED, Finding(f"{HERE}: a plain request is answered", False, "it was not asked"), id="not asked"
    ),
    pytest.param(
        STOPPED,
        EXPECTED,
        Finding(f"{HERE}: {SILENT}", False, "no answer to 0 such requests"),
        id="silence proves nothing",
    ),
    pytest.param(
        process(executable="/usr/sbin/chronyd"),
        EXPECTED,
        Finding("the daemon that runs is the build that we made", False, "/usr/sbin/chronyd"),
        id="the package's daemon",
    ),
    pytest.param(
        process(executable=f"{BUILD}/sbin/chronyd (deleted)"),
        EXPECTED,
        Finding("the daemon that runs is the build that we made", False, f"{BUILD}/sbin/chronyd (deleted)"),
        id="a build that was replaced",
    ),
    pytest.param(
        process(generation="0123456789abcdef"),
        EXPECTED,
        Finding("it runs the current generation", False, "0123456789abcdef"),
        id="an older generation",
    ),
    pytest.param(
        process(generation=""), EXPECTED, Finding("it runs the current generation", False, "none"), id="no generation"
    ),
    pytest.param(
        process(user="root"), EXPECTED, Finding("it has no root privileges", False, "user root"), id="runs as root"
    ),
    pytest.param(
        process(user="UNKNOWN"), EXPECTED, Finding("it has no root privileges", False, "user UNKNOWN"), id="no account"
    ),
    pytest.param(
        process(seccomp="0"),
        EXPECTED,
        Finding("its system calls are filtered", False, f"Seccomp: 0, {ARGUMENTS}"),
        id="no filter in the kernel",
    ),
    pytest.param(
        process(arguments="chronyd -n -U "),
        EXPECTED,
        Finding("its system calls are filtered", False, "Seccomp: 2, chronyd -n -U"),
        id="only systemd's filter",
    ),
    pytest.param(
        replace(SERVER, configure=replace(SERVER.configure, checks={"nettle": True})),
        EXPECTED,
        Finding("its configure found Nettle, and CMAC in it", False, "nettle: Yes, CMAC in nettle: No, +SECHASH"),
        id="no CMAC",
    ),
    pytest.param(
        replace(SERVER, configure=replace(SERVER.configure, features=frozenset())),
        EXPECTED,
        Finding("its configure found Nettle, and CMAC in it", False, "nettle: Yes, CMAC in nettle: Yes, -SECHASH"),
        id="no SECHASH",
    ),
    pytest.param(
        SERVER,
        replace(EXPECTED, version="4.6.1"),
        Finding("chronyc is 4.6.1 with SECHASH", False, SERVER.build.chronyc),
        id="another version",
    ),
    pytest.param(
        replace(SERVER, ports=OURS_323),
        EXPECTED,
        Finding("it alone listens on the NTP port", False, "open: udp/323"),
        id="a server without the port",
    ),
    pytest.param(
        port(123, ours=False),
        EXPECTED,
        Finding("it alone listens on the NTP port", False, "open: udp/123, udp/323, udp6/123, udp6/323"),
        id="another listens, too",
    ),
    pytest.param(
        SERVER,
        CLIENT,
        Finding("nothing listens on the NTP port", False, "open: udp/123, udp/323, udp6/123, udp6/323"),
        id="a client that serves",
    ),
    pytest.param(
        tracking(leap="Not synchronised"),
        EXPECTED,
        Finding("the clock is synchronised", False, "1 of 1 sources answer, none is selected", vital=False),
        id="not synchronised",
    ),
    pytest.param(
        tracking(reference_id="7F7F0101"),
        EXPECTED,
        Finding("the clock is synchronised", False, "1 of 1 sources answer, none is selected", vital=False),
        id="follows itself",
    ),
    pytest.param(
        replace(SERVER, sources=tuple(replace(source, state="?", reach=0) for source in SERVER.sources)),
        EXPECTED,
        Finding("the clock is synchronised", False, "0 of 1 sources answer, none is selected", vital=False),
        id="no source answers",
    ),
    pytest.param(
        tracking(root_dispersion=1.5, root_delay=0.0, last_offset=0.0),
        EXPECTED,
        Finding(
            "the clock is synchronised, to 1 s or better",
            False,
            "to 198.19.0.2, stratum 2, error bound 1.5 s",
            vital=False,
        ),
        id="too far away",
    ),
    pytest.param(
        asked(plain="2026-11-22T19:45:13Z No suitable source for synchronisation"),
        EXPECTED,
        Finding(f"{HERE}: a plain request is answered", False, "No suitable source for synchronisation"),
        id="plain is not answered",
    ),
    pytest.param(
        asked(key_1=""),
        EXPECTED,
        Finding(f"{HERE}: with key 1, the MAC is valid", False, "chronyd said nothing"),
        id="key is not answered",
    ),
    pytest.param(
        replace(SERVER, asked=Asked({**SERVER.asked.said, "other-secret 1": IGNORED})),
        EXPECTED,
        Finding(f"{HERE}: {SILENT}", False, "answered: other-secret 1"),
        id="a wrong secret is answered",
    ),
    pytest.param(
        asked(unknown_id=IGNORED),
        EXPECTED,
        Finding(f"{HERE}: {SILENT}", False, "answered: unknown id"),
        id="an unknown id is answered",
    ),
]


@pytest.mark.parametrize(("evidence", "expected", "finding"), WRONG)
def test_what_is_not_as_wanted_is_found(evidence: Evidence, expected: Expectation, finding: Finding) -> None:
    assert finding in findings(evidence, expected, None)


def test_one_fault_is_one_finding() -> None:
    wrong = [finding.claim for finding in findings(process(user="root"), EXPECTED, PROBE) if not finding.holds]
    assert wrong == ["it has no root privileges"]


PROBED = [
    pytest.param(
        replace(PROBE, plain=None, reason="connection refused"),
        Finding("asked from here: a plain request is answered", False, "connection refused"),
        id="plain is not answered, keys are",
    ),
    pytest.param(
        replace(PROBE, keys=(replace(KEY, mac_valid=False),)),
        Finding("asked from here: with key 1, the MAC is valid", False, "answered, but without a valid MAC"),
        id="no valid MAC",
    ),
    pytest.param(
        replace(PROBE, keys=(KeyAnswer(id=1),)),
        Finding("asked from here: with key 1, the MAC is valid", False, "no answer"),
        id="key is not answered",
    ),
    pytest.param(
        replace(PROBE, keys=(replace(KEY, wrong_secret_answered=True),)),
        Finding(f"asked from here: {SILENT}", False, "answered"),
        id="a wrong secret is answered",
    ),
    pytest.param(
        replace(PROBE, unknown_id_answered=True),
        Finding(f"asked from here: {SILENT}", False, "answered"),
        id="an unknown id is answered",
    ),
    pytest.param(
        replace(PROBE, left_out=99_950),
        Finding(
            "asked from here: with the other 99950 keys",
            None,
            "the first, the last and others evenly between them were tried",
        ),
        id="many keys",
    ),
]


@pytest.mark.parametrize(("probe", "finding"), PROBED)
def test_what_this_machine_saw_is_found(probe: Probe, finding: Finding) -> None:
    assert finding in findings(SERVER, EXPECTED, probe)


NOT_TRIED = [
    pytest.param(
        replace(SERVER, access=False),
        EXPECTED,
        PROBE,
        Finding("asked from here", None, "this machine's address is not among those that may ask"),
        id="we may not ask",
    ),
    pytest.param(
        SERVER,
        EXPECTED,
        SILENCE,
        Finding("asked from here", None, "no answer reaches this machine: is UDP port 123 open on the way?"),
        id="UDP is filtered",
    ),
    pytest.param(
        SERVER,
        EXPECTED,
        replace(SILENCE, reason="connection refused"),
        Finding(
            "asked from here",
            None,
            "no answer reaches this machine (connection refused): is UDP port 123 open on the way?",
        ),
        id="UDP is refused",
    ),
    pytest.param(
        SERVER,
        replace(EXPECTED, bound_elsewhere=True),
        SILENCE,
        Finding("asked from here", None, "no answer reaches this machine: the server is bound to another address"),
        id="bound to another address",
    ),
    pytest.param(
        SERVER,
        replace(EXPECTED, asked_at=None),
        PROBE,
        Finding("asked by the host itself", None, "its access rules let none of its own addresses in"),
        id="the host may not ask itself",
    ),
]


@pytest.mark.parametrize(("evidence", "expected", "probe", "finding"), NOT_TRIED)
def test_what_could_not_be_tried_is_said_and_is_no_failure(
    evidence: Evidence, expected: Expectation, probe: Probe, finding: Finding
) -> None:
    found = findings(evidence, expected, probe)
    assert finding in found
    assert all(one.holds is not False for one in found)
    where = finding.claim
    assert [one for one in found if one.claim.startswith(where)] == [finding]


def test_a_server_that_answered_us_before_a_switch_has_to_answer_after_it() -> None:
    (finding,) = [finding for finding in findings(ANSWERED_BEFORE, EXPECTED, SILENCE) if finding.holds is not True]
    assert finding == Finding(
        "asked from here: a plain request is answered",
        holds=False,
        seen="no answer reaches this machine, and one did before the switch",
    )
    assert finding.vital


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [(replace(ANSWERED_BEFORE, access=False), EXPECTED), (ANSWERED_BEFORE, replace(EXPECTED, bound_elsewhere=True))],
    ids=["we may not ask any more", "bound to another address"],
)
def test_what_the_operator_has_ruled_out_need_not_answer_us(evidence: Evidence, expected: Expectation) -> None:
    found = findings(evidence, expected, SILENCE)
    assert {finding.holds for finding in found} == {True, None}


CLAIMS = [
    pytest.param(replace(SERVER, ports=OURS_323), CLIENT, "nothing listens on the NTP port", True, id="a client"),
    pytest.param(SERVER, CLIENT, "asked", False, id="nobody asks a client"),
    pytest.param(
        process(seccomp="0"), replace(EXPECTED, seccomp=False), "its system calls", False, id="no filter was wanted"
    ),
    pytest.param(
        replace(SERVER, sources=()), replace(EXPECTED, follows=False), "the clock", False, id="only its own clock"
    ),
    pytest.param(port(123, ours=False, protocol="tcp"), EXPECTED, "it alone listens", True, id="TCP is no NTP"),
]


@pytest.mark.parametrize(("evidence", "expected", "claim", "made"), CLAIMS)
def test_only_what_is_expected_is_claimed(evidence: Evidence, expected: Expectation, claim: str, made: bool) -> None:
    found = [finding for finding in findings(evidence, expected, PROBE) if finding.claim.startswith(claim)]
    assert [finding.holds for finding in found] == [True] * made


def test_without_a_probe_nothing_is_said_of_this_machine() -> None:
    assert not any("from here" in finding.claim for finding in findings(SERVER, EXPECTED, None))


UNITS = [(1.5, "1.5 s"), (0.0012, "1.2 ms"), (0.000127, "127 us"), (5e-8, "50 ns"), (0.0, "0 ns"), (1.0, "1 s")]


@pytest.mark.parametrize(("seconds", "words"), UNITS)
def test_seconds_are_read_as_people_say_them(seconds: float, words: str) -> None:
    assert in_units(seconds) == words


def after_a_switch(now: float, was: float | None, *, synchronised: bool = True) -> dict[str, Finding]:
    """Judge the clock with this error bound, in seconds, after a switch; ``was`` is that before it."""
    evidence = tracking(root_dispersion=now, root_delay=0.0, last_offset=0.0)
    before = Before(synchronised=synchronised, error_bound=was, answered=False)
    found = findings(replace(evidence, before=before), EXPECTED, None)
    return {finding.claim: finding for finding in found if "clock" in finding.claim}


WORSE = [
    pytest.param(0.002, 0.002, True, "error bound 2 ms, before 2 ms", id="the same"),
    pytest.param(
        0.019, 0.002, True, "error bound 19 ms, before 2 ms", id="ten times, which seconds of measuring explain"
    ),
    pytest.param(0.021, 0.002, False, "error bound 21 ms, before 2 ms", id="more than ten times"),
    pytest.param(0.0009, 0.000001, True, "error bound 900 us, before 1 us", id="still good"),
]


@pytest.mark.parametrize(("now", "was", "holds", "seen"), WORSE)
def test_a_switch_that_makes_the_clock_worse_is_found(now: float, was: float, holds: bool, seen: str) -> None:
    claim = "the clock is as good as before the switch"
    assert after_a_switch(now, was)[claim] == Finding(claim, holds, seen)


def test_a_clock_that_was_synchronised_has_to_be_again() -> None:
    claim = "the clock is synchronised"
    lost = replace(
        tracking(leap="Not synchronised"), before=Before(synchronised=True, error_bound=None, answered=False)
    )
    (finding,) = [finding for finding in findings(lost, EXPECTED, None) if finding.claim == claim]
    assert (finding.holds, finding.vital) == (False, True)


def test_a_clock_that_was_not_synchronised_is_no_reason_to_go_back() -> None:
    found = after_a_switch(2.0, None, synchronised=False)
    assert [(finding.holds, finding.vital) for finding in found.values()] == [(False, False)]


def test_where_the_error_before_is_not_known_nothing_is_compared() -> None:
    assert list(after_a_switch(0.001, None)) == ["the clock is synchronised, to 1 s or better"]


ASKED = Association(address="198.19.0.8", key=7, received=3, authenticated=True)
SILENT_SOURCE = replace(ASKED, received=0, authenticated=False)
CLAIM = "198.19.0.8 answers with key 7"
KEYED = [
    pytest.param((ASKED,), {}, (CLAIM, True), id="answered"),
    pytest.param((SILENT_SOURCE,), {}, (CLAIM, False), id="not answered"),
    pytest.param((SILENT_SOURCE,), {"others_later": True}, (CLAIM, None), id="who is asked may come later"),
    pytest.param((ASKED,), {"others_later": True}, (CLAIM, True), id="and answers already"),
    pytest.param(
        (ASKED,),
        {"asks_with_keys": 2},
        ("each source that is asked with a key is known to chronyd", False),
        id="another one has no address",
    ),
]


@pytest.mark.parametrize(("associations", "expected", "wanted"), KEYED)
def test_sources_that_are_asked_with_a_key_are_found(
    associations: tuple[Association, ...], expected: dict[str, Any], wanted: tuple[str, bool | None]
) -> None:
    seen = replace(SERVER, associations=associations)
    found = {
        one.claim: one.holds for one in findings(seen, replace(EXPECTED, **{"asks_with_keys": 1, **expected}), None)
    }
    assert found[wanted[0]] is wanted[1]


@pytest.mark.parametrize(
    ("associations", "was_answered", "vital"),
    [
        ((SILENT_SOURCE,), True, True),
        ((SILENT_SOURCE,), False, False),
        ((SILENT_SOURCE, replace(ASKED, address="198.19.0.9")), True, False),
    ],
    ids=["none answers any more", "none did before", "another one answers"],
)
def test_a_switch_is_taken_back_when_nobody_answers_any_more(
    associations: tuple[Association, ...], was_answered: bool, vital: bool
) -> None:
    seen = replace(SERVER, associations=associations, before=replace(SERVER.before, synchronised=True))
    (finding,) = [
        one for one in findings(seen, replace(EXPECTED, was_answered=was_answered), None) if one.claim == CLAIM
    ]
    assert (finding.holds, finding.vital) == (False, vital)
