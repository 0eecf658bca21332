"""The signature of a folder of evidence: gpg verifies it, and no other key and no other text passes."""

import shutil
import subprocess
from pathlib import Path

import pytest
from pysequoia import Cert, Tsk

from provision.common.errors import EvidenceAltered, SiteError
from provision.output.audit.signing import Signer, check_signature, read_signer
from tests.helpers.samples import CASES

ENCRYPTED = CASES / "openpgp/encrypted.asc"
PASSPHRASE = "correct horse"  # noqa: S105 -- of a key of no use
MANIFEST = b"0  report.json\n"


def no_passphrase() -> str:
    raise AssertionError("nobody is asked for a passphrase")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Write a new secret key without a passphrase, and its certificate beside it."""
    made = Tsk.generate("Auditor <auditor@example.org>")
    (tmp_path / "key.asc").write_text(str(made))
    (tmp_path / "cert.asc").write_text(str(made.extract_certificate()))
    return tmp_path / "key.asc"


@pytest.fixture
def signer(key: Path) -> Signer:
    return read_signer(key, no_passphrase)


def test_a_signature_is_verified_with_the_certificate(signer: Signer, tmp_path: Path) -> None:
    certificate = tmp_path / "cert.asc"
    signed_by = check_signature(tmp_path, MANIFEST, signer.sign(MANIFEST), certificate)
    assert signed_by == signer.fingerprint == Cert.from_file(str(certificate)).fingerprint


@pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not installed")
def test_gpg_verifies_it(signer: Signer, tmp_path: Path) -> None:
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)
    (tmp_path / "SHA256SUMS").write_bytes(MANIFEST)
    (tmp_path / "SHA256SUMS.asc").write_bytes(signer.sign(MANIFEST))
    gpg = ["gpg", "--batch", "--quiet", "--no-autostart", "--homedir", str(home)]
    subprocess.run([*gpg, "--import", str(tmp_path / "cert.asc")], check=True, capture_output=True)
    subprocess.run([*gpg, "--verify", "SHA256SUMS.asc", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_a_certificate_among_several_is_enough(signer: Signer, tmp_path: Path) -> None:
    certificate = tmp_path / "cert.asc"
    certificate.write_text(str(Tsk.generate("Other").extract_certificate()) + certificate.read_text())
    assert check_signature(tmp_path, MANIFEST, signer.sign(MANIFEST), certificate) == signer.fingerprint


def test_another_text_or_signer_or_none_is_refused(signer: Signer, tmp_path: Path) -> None:
    signature, certificate = signer.sign(MANIFEST), tmp_path / "cert.asc"
    for text, given in ((b"altered", signature), (MANIFEST, b"no signature"), (MANIFEST, signature[:-40])):
        with pytest.raises(EvidenceAltered, match=r"SHA256SUMS\.asc is no signature of SHA256SUMS by .*cert\.asc: .+$"):
            check_signature(tmp_path, text, given, certificate)
    certificate.write_text(str(Tsk.generate("Other").extract_certificate()))
    with pytest.raises(EvidenceAltered, match="is no signature"):
        check_signature(tmp_path, MANIFEST, signature, certificate)
    with pytest.raises(EvidenceAltered, match=r"removed: SHA256SUMS\.asc, or the folder was never signed$"):
        check_signature(tmp_path, MANIFEST, None, certificate)


def test_a_passphrase_opens_an_encrypted_key() -> None:
    signer = read_signer(ENCRYPTED, lambda: PASSPHRASE)
    assert signer.sign(MANIFEST).startswith(b"-----BEGIN PGP SIGNATURE-----\n")
    assert PASSPHRASE not in repr(signer)
    with pytest.raises(SiteError) as caught:
        read_signer(ENCRYPTED, lambda: "wrong")
    assert str(caught.value) == f"--sign-key {ENCRYPTED}: the passphrase does not open it"


@pytest.mark.usefixtures("key")
def test_a_key_that_cannot_sign_is_refused_in_one_line(tmp_path: Path) -> None:
    cannot = "no secret key in it can sign: it may be a certificate, have expired or be revoked"
    (tmp_path / "text").write_text("no key")
    (tmp_path / "expired.asc").write_bytes((CASES / "openpgp/expired.asc").read_bytes())
    for name, words in (
        ("text", "is no OpenPGP key: "),
        ("cert.asc", cannot),
        ("expired.asc", cannot),
        (".", "cannot be read: "),
        ("none", "cannot be read: No such file or directory"),
    ):
        with pytest.raises(SiteError) as caught:
            read_signer(tmp_path / name, no_passphrase)
        assert str(caught.value).startswith(f"--sign-key {tmp_path / name}: {words}")
        assert "\n" not in str(caught.value)


def test_a_file_without_a_certificate_is_refused(signer: Signer, tmp_path: Path) -> None:
    for text in ("", "no certificate"):
        (tmp_path / "text").write_text(text)
        with pytest.raises(SiteError, match=r"^--sign-cert .*text: is no OpenPGP certificate"):
            check_signature(tmp_path, MANIFEST, signer.sign(MANIFEST), tmp_path / "text")
