"""A certificate that is a file of the host: what is read of it, and what is refused before a change."""

from dataclasses import replace
from datetime import timedelta

import pytest

from provision.common.errors import HostUnready
from provision.deploy.deploy import plan
from provision.deploy.host_certificate import checked_chain
from provision.deploy.refusals import refuse_host_certificate
from provision.deploy.run import Run
from provision.site.nts import Nts
from provision.site.schema import Serve, Site
from provision.site.text_types import CertificateFile
from tests.helpers.certificates import NOW, Authority, Issued
from tests.helpers.samples import FACTS
from tests.unit.deploy.conftest import Operator

CERTIFICATE, KEY = "/etc/letsencrypt/live/ntp1/fullchain.pem", "/etc/letsencrypt/live/ntp1/privkey.pem"
SITE = f"""
[serve.nts]
certificate = "host:{CERTIFICATE}"
key = "host:{KEY}"
names = ["ntp1.example"]
"""
ROOT = Authority.make()
PAIR = ROOT.issue("ntp1.example")


def says(pair: Issued, key: str = "there") -> str:
    return f"==> key\n{key}\n==> chain\n{pair.certificate}"


def read(operator: Operator, answer: str, more: str = "") -> str:
    """Return the chain that is read of a host with this answer. Raises what the operation raises."""
    (operator.home / "ca.pem").write_text(ROOT.certificate)
    operator.site = f"{operator.site}{SITE}{more}"
    operator.host.answers["print_nts_files"] = answer
    found: list[str | HostUnready] = []

    def operation(run: Run) -> None:
        try:
            found.append(checked_chain(run))
        except HostUnready as error:
            found.append(error)

    operator.run(operation)
    (one,) = found
    if isinstance(one, HostUnready):
        raise one
    return one


def test_the_chain_is_read_from_the_host(operator: Operator) -> None:
    assert read(operator, says(PAIR), 'authority = "ca.pem"\n') == PAIR.certificate


REFUSED = [
    pytest.param("==> key\nthere\n==> chain\n", f"{CERTIFICATE}: holds no certificate in PEM", id="no certificate"),
    pytest.param(says(PAIR, "missing"), f"{KEY}: is empty, or does not exist", id="no key"),
    pytest.param(
        says(ROOT.issue("ntp1.example", end=NOW - timedelta(days=1))),
        f"{CERTIFICATE}: the certificate expired on ",
        id="expired",
    ),
    pytest.param(
        says(ROOT.issue("ntp2.example")),
        f"{CERTIFICATE}: the certificate is for ntp2.example, and not for ntp1.example",
        id="another name",
    ),
    pytest.param(
        says(Authority.make().issue("ntp1.example")),
        f"ca.pem: none of its certificates is an authority of the chain in {CERTIFICATE}",
        id="another authority",
    ),
]


@pytest.mark.parametrize(("answer", "words"), REFUSED)
def test_what_clients_would_refuse_is_refused_first(operator: Operator, answer: str, words: str) -> None:
    with pytest.raises(HostUnready) as error:
        read(operator, answer, 'authority = "ca.pem"\n')
    assert str(error.value).startswith("ntp1: ")
    assert words in str(error.value)


def test_a_site_without_such_a_file_asks_nothing_of_the_host(operator: Operator) -> None:
    assert operator.run(plan).ok
    assert "print_nts_files" not in operator.host.asked


def test_a_systemd_that_gives_no_file_to_a_service_is_refused() -> None:
    certificate, key = CertificateFile(f"host:{CERTIFICATE}"), CertificateFile(f"host:{KEY}")
    site = Site(serve=Serve(nts=Nts(certificate=certificate, key=key)))
    with pytest.raises(HostUnready, match=r"^ntp1: systemd 239 is older than 247, and cannot give a file of the host"):
        refuse_host_certificate("ntp1", replace(FACTS, systemd=239), site)
    refuse_host_certificate("ntp1", replace(FACTS, systemd=247), site)
    refuse_host_certificate("ntp1", replace(FACTS, systemd=239), Site())
