"""Judge a server with NTS: its certificate, clients on the host, and key exchanges from this machine."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provision.common.results import Finding
from provision.verify.checks import nts
from provision.verify.checks.check import Check
from provision.verify.checks.requests import LIMIT
from provision.verify.evidence import Evidence
from provision.verify.ntp.key_exchange import KeyExchange, KeyExchanges, Stage
from provision.verify.ntp.nts_client import NtsProbe
from provision.verify.nts import NtsAnswer, NtsAnswers
from provision.verify.nts_files import FilesState, NtsFiles
from provision.verify.nts_server import NtsServer
from tests.helpers.certificates import Authority
from tests.helpers.evidence_samples import EXPECTED, PROBE, SERVER, SILENCE, STOPPED

NOW = datetime(2027, 1, 1, tzinfo=UTC)
ASKED = NtsServer(
    name="ntp1.example",
    port=4460,
    authority="pem",
    end=NOW + timedelta(days=90),
    lifetime=timedelta(days=365),
    address="127.0.0.1",
)
WITH_NTS = replace(EXPECTED, nts=ASKED)
ANSWERED = NtsAnswer(outcome="answered", words="System clock wrong by 0.000003 seconds (ignored)")
UNTRUSTED = NtsAnswer(outcome="refused", words="The certificate issuer is unknown")
GOOD = NtsAnswers(right=ANSWERED, other_authority=UNTRUSTED, other_name=UNTRUSTED)
DONE = KeyExchange(stage=Stage.DONE, cookies=(bytes(100),) * 8)
NO_TLS = KeyExchange(stage=Stage.TLS, words="certificate has expired")
EXCHANGES = KeyExchanges(right=DONE, other_authority=NO_TLS, other_name=NO_TLS)
NTS_PROBE = NtsProbe(exchanges=EXCHANGES)


def found(
    answers: NtsAnswers | None = GOOD,
    exchanges: KeyExchanges | None = EXCHANGES,
    *,
    evidence: Evidence = SERVER,
    server: NtsServer = ASKED,
    reached: bool = True,
    most_keys: int = EXPECTED.most_keys,
) -> dict[str, Finding]:
    seen = replace(evidence, nts_answers=answers)
    probe = PROBE if reached else SILENCE
    nts_probe = None if exchanges is None else NtsProbe(exchanges=exchanges)
    every = list(nts.nts_findings(seen, replace(EXPECTED, nts=server, most_keys=most_keys), nts_probe, probe, NOW))
    by_id = {finding.id: finding for finding in every}
    assert len(by_id) == len(every)
    return by_id


def test_a_server_without_nts_has_no_findings() -> None:
    assert list(nts.nts_findings(SERVER, EXPECTED, None, PROBE, NOW)) == []


def test_a_good_server_holds() -> None:
    every = found()
    assert {id_: finding.holds for id_, finding in every.items()} == dict.fromkeys(
        ["nts.certificate-end", "server.nts", "server.nts-refused", "client.nts", "client.nts-refused"], True
    )
    assert every["server.nts"].seen == "offset 3 µs"
    assert every["client.nts"].seen == "8 cookies"
    assert every["nts.certificate-end"].seen == "90 days left, until 2027-04-01 00:00 UTC"
    # A switch after which no client with NTS is served is rolled back; what only this machine sees is reported.
    assert (every["server.nts"].vital, every["client.nts"].vital) == (True, False)


FILES = NtsFiles(certificate="/etc/x.pem", state=FilesState.SAME)
SERVED = Authority.make().issue("ntp1.example", end=datetime(2027, 4, 1, tzinfo=UTC)).certificate
SERVED_END = "the served one ends at 2027-04-01 00:00 UTC"
STATES = [
    (FILES, True, "no difference"),
    (
        replace(FILES, refused="no match", served=SERVED),
        False,
        "chronyd serves with it, and the host has tried and refused it: no match",
    ),
    (
        replace(FILES, state=FilesState.OTHER, served="-----BEGIN CERTIFICATE-----\nMII"),
        False,
        "chronyd serves with another one; the served one cannot be read",
    ),
    (
        replace(FILES, state=FilesState.OTHER, refused="no match", served=SERVED),
        False,
        f"chronyd serves with another one; the renewed one was refused: no match; {SERVED_END}",
    ),
    (replace(FILES, state=FilesState.MISSING, served="none"), False, "the certificate or its key is missing"),
    (replace(FILES, state=FilesState.STOPPED), None, "chronyd does not run"),
]


@pytest.mark.parametrize(
    ("files", "holds", "seen"), STATES, ids=["same", "bad", "half-written", "other", "missing", "stopped"]
)
def test_files_of_the_host_are_those_that_are_served(files: NtsFiles, holds: bool | None, seen: str) -> None:  # noqa: FBT001 -- a parameter of a case
    (finding, *_) = nts.nts_findings(replace(SERVER, nts_files=files), WITH_NTS, NTS_PROBE, PROBE, NOW)
    assert (finding.id, finding.holds, finding.seen, finding.vital) == ("nts.certificate-current", holds, seen, False)


@pytest.mark.parametrize(("days", "holds"), [(-1, False), (2, False), (3, True), (29, True)])
def test_a_certificate_that_ends_soon_fails(days: int, holds: bool) -> None:  # noqa: FBT001 -- a parameter of a case
    finding = nts.certificate_finding(replace(ASKED, end=NOW + timedelta(days=days)), NOW)
    assert (finding.holds, finding.subject) == (holds, "ntp1.example")


@pytest.mark.parametrize(("hours", "holds"), [(24, True), (15, True), (14, False)])
def test_a_certificate_that_lives_six_days_has_a_tenth_of_them(
    hours: int,
    holds: bool,  # noqa: FBT001 -- a parameter of a case
) -> None:
    short = replace(ASKED, lifetime=timedelta(days=6), end=NOW + timedelta(hours=hours))
    finding = nts.certificate_finding(short, NOW)
    assert (finding.holds, finding.seen.partition(",")[0]) == (holds, f"{hours} hours left")


HOST = [
    pytest.param(replace(GOOD, right=UNTRUSTED), (nts.SERVER.right, False), id="not answered"),
    pytest.param(replace(GOOD, right=NtsAnswer(outcome="invalid")), (nts.SERVER.right, False), id="not valid"),
    pytest.param(replace(GOOD, right=NtsAnswer(outcome="unresolved")), (nts.SERVER.right, None), id="no such name"),
    pytest.param(None, (nts.SERVER.right, None), id="not asked"),
    pytest.param(replace(GOOD, right=UNTRUSTED), (nts.SERVER.refused, None), id="a refusal of all proves nothing"),
    pytest.param(replace(GOOD, other_name=ANSWERED), (nts.SERVER.refused, False), id="another name is accepted"),
    pytest.param(replace(GOOD, other_authority=ANSWERED), (nts.SERVER.refused, False), id="anybody is trusted"),
]


@pytest.mark.parametrize(("answers", "wanted"), HOST)
def test_clients_on_the_host_are_judged(answers: NtsAnswers | None, wanted: tuple[Check, bool | None]) -> None:
    check, holds = wanted
    assert found(answers)[check.id].holds is holds


def test_where_chronyd_limits_requests_silence_proves_nothing_and_a_refusal_does() -> None:
    silent = replace(GOOD, right=NtsAnswer(outcome="refused"))
    assert found(silent)["server.nts"].holds is False
    limited = found(silent, most_keys=3)["server.nts"]
    assert (limited.holds, limited.seen) == (None, LIMIT)
    assert found(replace(GOOD, right=UNTRUSTED), most_keys=3)["server.nts"].holds is False


HERE = [
    pytest.param(KeyExchanges(right=NO_TLS), True, (nts.CLIENT.right, False), "certificate has expired", id="TLS"),
    pytest.param(
        KeyExchanges(right=KeyExchange(stage=Stage.REFUSED, words="connection refused")),
        True,
        (nts.CLIENT.right, False),
        "no connection to its TCP port, while NTP answers: connection refused; is a firewall there in the way?",
        id="a closed port beside an open one",
    ),
    pytest.param(
        KeyExchanges(right=KeyExchange(stage=Stage.UNCONNECTED, words="timed out")),
        False,
        (nts.CLIENT.right, None),
        "timed out: is its TCP port open on the way?",
        id="nothing reaches it",
    ),
    pytest.param(
        replace(EXCHANGES, other_name=DONE),
        True,
        (nts.CLIENT.refused, False),
        "another authority: certificate has expired; another name: 8 cookies",
        id="another name is accepted",
    ),
]


@pytest.mark.parametrize(("exchanges", "reached", "wanted", "seen"), HERE)
def test_key_exchanges_from_here_are_judged(
    exchanges: KeyExchanges,
    reached: bool,  # noqa: FBT001 -- a parameter of a case
    wanted: tuple[Check, bool | None],
    seen: str,
) -> None:
    check, holds = wanted
    finding = found(exchanges=exchanges, reached=reached)[check.id]
    assert (finding.holds, finding.seen) == (holds, seen)


def test_where_the_access_rules_keep_this_machine_out_nothing_is_concluded() -> None:
    finding = found(evidence=replace(SERVER, access=False))["client.nts"]
    assert (finding.holds, finding.seen) == (None, "the access rules do not admit this machine")


def test_of_a_daemon_that_does_not_run_only_the_certificate_is_judged() -> None:
    every = found(evidence=STOPPED)
    assert {id_: finding.holds for id_, finding in every.items()} == {
        "nts.certificate-end": True,
        "server.nts": None,
        "client.nts": None,
    }


def test_a_host_that_cannot_ask_itself_says_why() -> None:
    finding = found(server=replace(ASKED, address="", unqueried_reason="the access rules admit nobody"))["server.nts"]
    assert (finding.holds, finding.seen) == (None, "the access rules admit nobody")
