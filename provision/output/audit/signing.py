"""Sign the manifest of a folder of evidence with an OpenPGP key, and verify the signature with a certificate.

pysequoia raises RuntimeError for every fault; the first line of its text is the reason, the others are a backtrace.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pysequoia import Cert, PySigner, Sig, SignatureMode, Tsk, sign, verify

from provision.common.errors import EvidenceAltered, NotRecorded, SiteError
from provision.common.files.regular import read_regular
from provision.common.text import on_one_line
from provision.output.audit.manifest import MANIFEST, SIGNATURE

MOST_BYTES = 1024 * 1024
"""Of a key or a certificate; one with many signatures of others has some hundred kilobytes."""
ENCRYPTED = "secret key material is encrypted"
"""The words with which pysequoia refuses to sign with a key that needs a passphrase."""
NO_SIGNING_KEY = "No suitable signing subkey"


@dataclass(frozen=True, slots=True)
class Signer:
    """An OpenPGP key that was tried: it signs, and its certificate verifies the signature."""

    fingerprint: str
    """Of its certificate, in hex."""
    _key: PySigner = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """Return the armored, detached signature. Raises NotRecorded."""
        try:
            return _signature(self._key, data)
        except RuntimeError as error:
            raise NotRecorded(
                f"the work on the hosts is over, and the evidence is not signed: {_why(error)}"
            ) from error


def read_signer(path: Path, passphrase: Callable[[], str]) -> Signer:
    """Read a secret key and try it; ``passphrase`` is called only if the key is encrypted. Raises SiteError."""
    data = _read("--sign-key", path)
    try:
        key = Tsk.from_bytes(data)
    except RuntimeError as error:
        raise SiteError(f"--sign-key {path}: is no OpenPGP key: {_why(error)}") from error
    signer = _unlocked(path, key, passphrase)
    certificate = key.extract_certificate()
    try:
        # An expired or a revoked key may sign, and nobody would accept the signature.
        _verified(b"", _signature(signer, b""), [certificate])
    except RuntimeError as error:
        raise SiteError(f"--sign-key {path}: its own certificate refuses its signature: {_why(error)}") from error
    return Signer(certificate.fingerprint, signer)


def _unlocked(path: Path, key: Tsk, passphrase: Callable[[], str]) -> PySigner:
    """Return the signing key. Raises SiteError."""
    try:
        return key.signer()
    except RuntimeError as error:
        if NO_SIGNING_KEY in str(error):
            words = "no secret key in it can sign: it may be a certificate, have expired or be revoked"
            raise SiteError(f"--sign-key {path}: {words}") from error
        if ENCRYPTED not in str(error):
            raise SiteError(f"--sign-key {path}: cannot sign: {_why(error)}") from error
    try:
        return key.signer(passphrase())
    except RuntimeError as error:
        raise SiteError(f"--sign-key {path}: the passphrase does not open it") from error


def check_signature(folder: Path, manifest: bytes, signature: bytes | None, certificates: Path) -> str:
    """Verify the signature of a folder with a file of certificates; return the fingerprint of the signer's.

    Raises SiteError for the certificates, EvidenceAltered for the signature.
    """
    data = _read("--sign-cert", certificates)
    try:
        known = Cert.split_bytes(data)
    except RuntimeError as error:
        raise SiteError(f"--sign-cert {certificates}: is no OpenPGP certificate: {_why(error)}") from error
    if not known:
        raise SiteError(f"--sign-cert {certificates}: is no OpenPGP certificate")
    if signature is None:
        raise EvidenceAltered(f"{folder}: removed: {SIGNATURE}, or the folder was never signed")
    try:
        return _verified(manifest, signature, known)
    except RuntimeError as error:
        raise EvidenceAltered(
            f"{folder}: {SIGNATURE} is no signature of {MANIFEST} by {certificates}: {_why(error)}"
        ) from error


def _signature(key: PySigner, data: bytes) -> bytes:
    """Return an armored, detached signature. Raises RuntimeError."""
    return bytes(sign(key, data, mode=SignatureMode.DETACHED))


def _verified(data: bytes, signature: bytes, certificates: list[Cert]) -> str:
    """Return the fingerprint of the certificate that verifies a signature. Raises RuntimeError."""
    done = verify(bytes=data, store=lambda _: certificates, signature=Sig.from_bytes(signature))
    return str(done.valid_sigs[0].certificate)


def _read(flag: str, path: Path) -> bytes:
    try:
        return read_regular(path, MOST_BYTES)
    except OSError as error:
        raise SiteError(f"{flag} {path}: cannot be read: {error.strerror}") from error


def _why(error: RuntimeError) -> str:
    return on_one_line(str(error).split("\n", maxsplit=1)[0])
