"""How a server with NTS is asked, and what its clients on the host say."""

from dataclasses import replace

import pytest

from provision.keys.certificates import Certificates
from provision.keys.nts_keys import make_server_keys
from provision.verify.expectation import Expectation
from provision.verify.nts import NtsAnswer, NtsAnswers, parse_nts, with_nts
from provision.verify.nts_server import NtsServer
from tests.helpers.certificates import NOW, YEAR, Authority
from tests.helpers.evidence_samples import EXPECTED
from tests.helpers.samples import FACTS

ROOT = Authority.make()
HERE = replace(FACTS, address="198.51.100.7", addresses=())


def expected(*names: str, conf: str = "", seen: Expectation = EXPECTED) -> NtsServer:
    certificates = Certificates(chain=ROOT.issue(*names).certificate, key="k")
    found = with_nts(seen, conf, certificates, HERE, ROOT.certificate).nts
    assert found is not None
    return found


def test_a_host_without_a_certificate_serves_no_nts() -> None:
    assert with_nts(EXPECTED, "", Certificates(trusted="t"), HERE, "") is EXPECTED


def test_a_server_is_asked_by_the_name_of_its_certificate() -> None:
    found = expected("ntp1.example")
    assert (found.name, found.address, found.port) == ("ntp1.example", "127.0.0.1", 4460)
    assert (found.authority, found.end) == (ROOT.certificate, (NOW + YEAR).replace(microsecond=0))
    assert found.hosts_line == "127.0.0.1 ntp1.example chrony-provision.invalid"
    assert found.script_values["nts_name"] == "ntp1.example"
    assert found.rehearsal_words[:2] == ("127.0.0.1", "ntp1.example")
    assert expected("ntp1.example", conf="ntsport 4461\n").port == 4461


def test_a_server_with_shared_keys_is_asked_with_them() -> None:
    shared = replace(make_server_keys(NOW.date()), begun=None)
    certificates = Certificates(chain=ROOT.issue("ntp1.example").certificate, key="k", shared_keys=shared.text)
    found = with_nts(EXPECTED, "", certificates, HERE, ROOT.certificate).nts
    assert found is not None
    assert found.shared_keys == shared
    assert not any(key.secret.hex() in repr(found).lower() for key in shared.keys)
    assert expected("ntp1.example").shared_keys is None


def test_a_host_whose_clock_is_wrong_does_not_judge_dates_in_the_rehearsal() -> None:
    server = expected("ntp1.example")
    assert server.host_judges_dates
    assert len(server.rehearsal_words) == 5
    assert replace(server, host_judges_dates=False).rehearsal_words == (*server.rehearsal_words, "any-dates")


def test_an_address_is_asked_if_it_is_one_of_the_host() -> None:
    assert expected("198.51.100.7").address == "198.51.100.7"
    other = expected("198.51.100.8")
    assert (other.address, other.rehearsal_words, other.script_values["nts_name"]) == ("", (), "")
    assert other.unqueried_reason == "its certificate is for 198.51.100.8 alone, which is no address of the host"


def test_a_host_that_cannot_ask_itself_says_why() -> None:
    seen = replace(EXPECTED, query_addresses=(), unqueried_reasons=("the access rules admit nobody",))
    assert expected("ntp1.example", seen=seen).unqueried_reason == "the access rules admit nobody"


REFUSED = (
    "refused\n2026-11-28T13:10:26Z TLS handshake with 127.0.0.1:4460 (ntp1.example) failed : Error in the certificate "
    "verification. The certificate is NOT trusted. The certificate issuer is unknown. \n"
)


def test_the_outcomes_of_clients_are_read() -> None:
    sections = {
        "nts right": "answered\n2026-11-28T13:10:26Z System clock wrong by -0.000010 seconds (ignored)",
        "nts other-authority": REFUSED,
        "nts other-name": "unresolved\n",
    }
    found = parse_nts(sections)
    assert found == NtsAnswers(
        right=NtsAnswer(outcome="answered", words="System clock wrong by -0.000010 seconds (ignored)"),
        other_authority=NtsAnswer(outcome="refused", words="The certificate issuer is unknown"),
        other_name=NtsAnswer(outcome="unresolved"),
    )
    assert (found.right.offset, found.other_name.offset) == (-1e-05, None)
    assert parse_nts({}) is None


def test_an_unknown_outcome_is_an_error() -> None:
    sections = dict.fromkeys(("nts right", "nts other-authority", "nts other-name"), "perhaps")
    with pytest.raises(ValueError, match="'perhaps' is no outcome"):
        parse_nts(sections)
