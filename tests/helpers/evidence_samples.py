"""Evidence of a real server, what is expected of it, and findings by id and subject."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from provision.chrony.access import PRIVATE, Access
from provision.common.results import Finding
from provision.verify.checks import findings
from provision.verify.checks.check import Check
from provision.verify.evidence import Evidence, Port, parse_evidence
from provision.verify.expectation import Expectation
from provision.verify.local_client import Request, Served
from provision.verify.ntp.packet import Answer
from provision.verify.ntp.probe import KeyAnswer, Probe
from tests.helpers.samples import CASES

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

SERVER = parse_evidence((CASES / "evidence" / "server.txt").read_text())
STOPPED = parse_evidence((CASES / "evidence" / "stopped.txt").read_text())
EXPECTED = Expectation(
    version="4.9",
    serves=True,
    follows=True,
    authenticated_sources=0,
    seccomp=True,
    access=Access(PRIVATE),
    query_addresses=("127.0.0.1",),
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
THERE = "198.19.0.5"
HERE = "127.0.0.1"
KEY_HERE = f"key 1 at {HERE}"
KEY_THERE = f"key 1 at {THERE}"
CLIENT = replace(EXPECTED, serves=False, query_addresses=())
OURS_323 = (Port(protocol="udp", number=323, ours=True),)


Judged = dict[tuple[str, str], Finding]


def judged(evidence: Evidence, expected: Expectation = EXPECTED, *probes: Probe) -> Judged:
    """Return the findings by id and subject, which no two of them share."""
    found = findings(evidence, expected, probes)
    by_name = {(finding.id, finding.subject): finding for finding in found}
    assert len(by_name) == len(found)
    return by_name


def one(found: Judged, check: Check, subject: str = "") -> Finding:
    return found[check.id, subject]


def case(
    name: str,
    evidence: Evidence,
    check: Check,
    seen: str,
    *,
    expected: Expectation = EXPECTED,
    holds: bool | None = False,
    subject: str = "",
    vital: bool = True,
) -> "ParameterSet":
    """Return the case of that name: evidence, what is expected, and the finding that a check makes of the two."""
    return pytest.param(
        evidence, expected, check.finding(holds=holds, seen=seen, subject=subject, vital=vital), id=name
    )


def assert_not_tried(found: Judged, finding: Finding) -> None:
    """Assert that no finding fails, and that there is no other finding of requests from the same place."""
    assert all(one.holds is not False for one in found.values())
    place = finding.id.partition(".")[0]
    assert [one for one in found.values() if one.id.partition(".")[0] == place] == [finding]


def process_with(**changes: str) -> Evidence:
    return replace(SERVER, process={**SERVER.process, **changes})


NAMES = {"wrong_1": "other-secret 1"}


NOTHING = dict.fromkeys(("plain", "key_1", "wrong_1", "unknown_id"), "unanswered")


def asked(served: Served | None = None, **changes: str) -> Evidence:
    """Change outcomes of what the host asked itself, such as key_1="limited"."""
    (was,) = SERVER.local_answers
    changed = {NAMES.get(name, name.replace("_", " ")): Request(outcome=outcome) for name, outcome in changes.items()}
    return replace(SERVER, local_answers=(replace(was, requests={**was.requests, **changed}, served=served),))


def tracking(**changes: Any) -> Evidence:
    assert SERVER.tracking is not None
    return replace(SERVER, tracking=replace(SERVER.tracking, **changes))


def port(number: int, *, ours: bool, protocol: str = "udp") -> Evidence:
    return replace(SERVER, ports=(*SERVER.ports, Port(protocol=protocol, number=number, ours=ours)))
