"""A certificate of NTS, its key and its chain are checked before a host is asked."""

from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from random import Random
from warnings import catch_warnings

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import CertificateBuilder, Name, load_pem_x509_certificate

from provision.common.errors import SiteError
from provision.keys.certificates import (
    NO_CERTIFICATES,
    Certificates,
    check_authority,
    check_pair,
    covers,
    names,
    parsed,
    plain,
    served,
    subjects,
    trusted,
)
from tests.helpers.certificates import NOW, YEAR, Authority, Issued

ROOT = Authority.make()
MIDDLE = Authority.make("Intermediate", above=ROOT)
GOOD = MIDDLE.issue("ntp1.example", "198.51.100.7")
CHAIN = GOOD.certificate + MIDDLE.certificate


def check(chain: str = CHAIN, key: str = GOOD.key, *expected: str) -> None:
    check_pair(chain, key, chain_origin="nts.crt", key_origin="nts.key", expected_names=expected)


def test_a_pair_with_its_chain_is_accepted() -> None:
    check(CHAIN, GOOD.key, "ntp1.example", "NTP1.example.", "198.51.100.7")
    check(f"Subject: a comment\n{CHAIN}{ROOT.certificate}")


def issued(**how: object) -> Callable[[], tuple[str, str]]:
    def make() -> tuple[str, str]:
        one: Issued = ROOT.issue("ntp1.example", **how)  # type: ignore[arg-type]
        return one.certificate, one.key

    return make


REFUSED = [
    pytest.param(
        lambda: (CHAIN, ROOT.issue("ntp1.example").key),
        "nts.key: is not the key of the certificate in nts.crt",
        id="another key",
    ),
    pytest.param(issued(end=NOW - timedelta(hours=1)), "nts.crt: the certificate expired on ", id="expired"),
    pytest.param(issued(begin=NOW + YEAR / 2), "nts.crt: the certificate is not valid before ", id="not yet valid"),
    pytest.param(
        issued(password=b"a passphrase"),
        "nts.key: the key is encrypted, and chronyd cannot ask for its passphrase",
        id="encrypted",
    ),
    pytest.param(
        lambda: (CHAIN, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        "nts.key: holds no private key in PEM that can be read",
        id="no key",
    ),
    pytest.param(
        lambda: ("", GOOD.key),
        "nts.crt: holds no certificate in PEM (-----BEGIN CERTIFICATE-----)",
        id="empty",
    ),
    pytest.param(
        lambda: (CHAIN + GOOD.key, GOOD.key),
        "nts.crt: holds a private key; name a file with certificates alone here",
        id="a key among the certificates",
    ),
    pytest.param(
        lambda: (GOOD.certificate + ROOT.certificate, GOOD.key),
        "nts.crt: certificate 1 is not issued by certificate 2: the server's own comes first",
        id="a gap in the chain",
    ),
    pytest.param(
        lambda: (MIDDLE.certificate + GOOD.certificate, GOOD.key),
        "nts.key: is not the key of the certificate in nts.crt",
        id="a chain in the wrong order",
    ),
]


@pytest.mark.parametrize(("make", "words"), REFUSED)
def test_what_chronyd_or_its_clients_would_refuse_is_refused(make: Callable[[], tuple[str, str]], words: str) -> None:
    with pytest.raises(SiteError) as caught:
        check(*make())
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def test_a_certificate_without_names_is_refused() -> None:
    one = ROOT.issue()
    with pytest.raises(SiteError, match=r"^nts\.crt: the certificate has no subjectAltName"):
        check(one.certificate, one.key)


@pytest.mark.parametrize("name", ["ntp2.example", "198.51.100.8", "example", "x.ntp1.example"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(SiteError) as caught:
        check(CHAIN, GOOD.key, name)
    assert str(caught.value) == f"nts.crt: the certificate is for ntp1.example, 198.51.100.7, and not for {name}"


@pytest.mark.parametrize(("name", "fits"), [("a.example", True), ("example", False), ("a.b.example", False)])
def test_a_wildcard_stands_for_one_label(name: str, fits: bool) -> None:  # noqa: FBT001 -- a parameter of a case
    (certificate,) = parsed(ROOT.issue("*.example").certificate, "")
    assert covers(certificate, name) is fits


def test_clients_see_the_first_name_and_the_first_end() -> None:
    seen = served(CHAIN)
    assert (seen.name, seen.authority) == ("ntp1.example", MIDDLE.certificate)
    assert seen.end == (NOW + YEAR).replace(microsecond=0)
    assert seen.lifetime == YEAR + timedelta(days=1)
    assert served(CHAIN, ROOT.certificate).authority == ROOT.certificate
    assert served(ROOT.issue("*.example").certificate).name == "any.example"
    assert served(ROOT.issue("198.51.100.7").certificate).name == "198.51.100.7"


@pytest.mark.parametrize("authority", [ROOT, MIDDLE], ids=["root", "intermediate"])
def test_any_authority_of_the_chain_may_be_trusted(authority: Authority) -> None:
    bundle = Authority.make("Another").certificate + authority.certificate
    check_authority(CHAIN, bundle, "nts.crt", "ca.pem")
    check_authority(CHAIN + ROOT.certificate, bundle, "nts.crt", "ca.pem")


def test_an_authority_of_another_chain_is_refused() -> None:
    # It has the same name, and another key.
    with pytest.raises(
        SiteError, match=r"^ca\.pem: none of its certificates is an authority of the chain in nts\.crt$"
    ):
        check_authority(CHAIN, Authority.make().certificate, "nts.crt", "ca.pem")


def test_an_authority_that_two_files_have_is_trusted_once() -> None:
    assert trusted({"a": ROOT.certificate + MIDDLE.certificate, "b": ROOT.certificate}) == (
        ROOT.certificate + MIDDLE.certificate
    )
    assert subjects(ROOT.certificate) == "CN=Authority of a test"


def test_files_of_a_generation() -> None:
    some = Certificates(trusted="t\n", chain="c\n", key=GOOD.key)
    assert (set(some.public), set(some.private)) == ({"nts.crt", "trusted.pem"}, {"nts.key"})
    assert (NO_CERTIFICATES.files, NO_CERTIFICATES.digest, NO_CERTIFICATES.private) == ({}, "", {})
    assert len({some.digest, Certificates(chain="c\n").digest, Certificates(trusted="c\n").digest}) == 3
    assert plain("\r\na\r\nb") == "a\nb\n"


def test_a_private_key_is_in_no_text() -> None:
    some = Certificates(chain=CHAIN, key=GOOD.key)
    assert set(some.secrets) <= set(GOOD.lines)
    assert some.secrets
    for line in GOOD.lines:
        assert line not in repr(some)


def test_names_come_before_addresses() -> None:
    (certificate,) = parsed(ROOT.issue("198.51.100.7", "ntp1.example").certificate, "")
    assert names(certificate) == ("ntp1.example", "198.51.100.7")


DER = load_pem_x509_certificate(GOOD.certificate.encode()).public_bytes(Encoding.DER)
P256, EC_KEY = "06082a8648ce3d030107", "06072a8648ce3d0201"
"""The curve and the type of the public key, as DER."""


def changed(old: str, new: str) -> str:
    """Return the certificate with other bytes, as PEM."""
    data = DER.replace(bytes.fromhex(old), bytes.fromhex(new))
    assert data != DER
    return f"-----BEGIN CERTIFICATE-----\n{b64encode(data).decode()}\n-----END CERTIFICATE-----\n"


STRANGE = [
    pytest.param(changed(P256, f"{P256[:-2]}77"), "a key of a type that NTS cannot use", id="another curve"),
    pytest.param(changed(EC_KEY, f"{EC_KEY[:-2]}77"), "a key of a type that NTS cannot use", id="another type of key"),
    pytest.param(changed("a003020102", "a003020139"), "no certificate in PEM", id="version 57"),
]


@pytest.mark.parametrize(("certificate", "words"), STRANGE)
def test_a_certificate_that_cannot_be_read_whole_is_refused(certificate: str, words: str) -> None:
    with pytest.raises(SiteError, match=f"^nts.crt: .*{words}"):
        check(certificate)
    with pytest.raises(SiteError, match=r"^nts\.crt: "):
        check(GOOD.certificate + certificate)


def test_a_bundle_of_authorities_may_have_one_with_a_key_of_an_unknown_type() -> None:
    strange = changed(P256, f"{P256[:-2]}77")
    bundle = trusted({"ca.pem": strange + ROOT.certificate})
    assert bundle.count("BEGIN CERTIFICATE") == 2
    check_authority(CHAIN, bundle, "nts.crt", "ca.pem")


def test_dsa_is_refused_for_tls_13_has_none() -> None:
    key = dsa.generate_private_key(1024)  # noqa: S505 -- it is refused
    name = Name([])
    begin = NOW - timedelta(days=1)
    builder = CertificateBuilder(name, name, key.public_key(), 1, begin, NOW + YEAR)
    certificate = builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(SiteError, match="a key of a type that NTS cannot use"):
        check(certificate, private)


def test_a_serial_number_that_is_not_positive_brings_no_warning() -> None:
    number = parsed(GOOD.certificate, "")[0].serial_number
    positive = number.to_bytes(number.bit_length() // 8 + 1, "big")
    negative = bytes([positive[0] | 0x80, *positive[1:]])
    data = DER.replace(positive, negative, 1)
    text = f"-----BEGIN CERTIFICATE-----\n{b64encode(data).decode()}\n-----END CERTIFICATE-----\n"
    with pytest.warns(match="serial number"):
        load_pem_x509_certificate(text.encode())
    with catch_warnings(action="error"):
        assert len(parsed(text, "")) == 1


def test_damaged_certificates_end_in_one_line() -> None:
    dice = Random(1)  # noqa: S311 -- the same in each run
    for _ in range(300):
        data = bytearray(DER)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        damaged = f"-----BEGIN CERTIFICATE-----\n{b64encode(data).decode()}\n-----END CERTIFICATE-----\n"
        for chain in (damaged, GOOD.certificate + damaged):
            with suppress(SiteError), catch_warnings(action="ignore"):
                check(chain)
                served(chain)


@pytest.mark.parametrize("comment", ["O=M\udcfcller, \udcff", "\ufeff", "\ufeffO=Müller"])
def test_comments_in_any_encoding_do_no_harm(comment: str) -> None:
    chain, key = plain(f"{comment}\n{CHAIN}"), plain(f"{comment}\n{GOOD.key}")
    check(chain, key)
    some = Certificates(chain=chain, key=key)
    assert len(some.digest) == 64
    assert "".join(some.files.values()).encode()


def test_line_ends_of_any_system_are_read() -> None:
    for end in ("\r\n", "\r"):
        assert plain(CHAIN.replace("\n", end)) == CHAIN


@pytest.mark.parametrize("name", ["ntp1.example\nserver evil", "$(id) x", "*", "a.*.example", ""])
def test_a_name_that_is_no_name_of_a_host_is_left_out(name: str) -> None:
    (certificate,) = parsed(ROOT.issue(name, "ntp1.example").certificate, "")
    assert names(certificate) == ("ntp1.example",)
