"""Authorities, and certificates that they issue, for tests."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its private key, as PEM."""

    certificate: str
    key: str

    @property
    def lines(self) -> list[str]:
        """Return the lines of the key, each of which is a secret."""
        return [line for line in self.key.splitlines() if "-----" not in line]

    def write(self, folder: Path, name: str = "nts", *, chain: str = "") -> None:
        """Write NAME.crt, with the certificates behind it, and NAME.key."""
        (folder / f"{name}.crt").write_text(self.certificate + chain)
        key = folder / f"{name}.key"
        key.touch(mode=0o600)
        key.write_text(self.key)


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority; its own certificate is signed by itself, or by another one."""

    name: str
    key: EllipticCurvePrivateKey
    certificate: str

    @classmethod
    def make(cls, name: str = "Authority of a test", *, above: "Authority | None" = None) -> Self:
        """Return a new authority."""
        key = generate_private_key(SECP256R1())
        signer, issuer = (key, name) if above is None else (above.key, above.name)
        certificate = _certificate(name, key, issuer, signer, begin=NOW - 2 * YEAR, end=NOW + 9 * YEAR, ca=True)
        return cls(name, key, certificate)

    def issue(
        self,
        *names: str,
        begin: datetime = NOW - timedelta(days=1),
        end: datetime = NOW + YEAR,
        password: bytes | None = None,
    ) -> Issued:
        """Return a certificate of a server with these names and addresses."""
        key = generate_private_key(SECP256R1())
        certificate = _certificate("server", key, self.name, self.key, begin=begin, end=end, names=names)
        encryption = NoEncryption() if password is None else BestAvailableEncryption(password)
        return Issued(certificate, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode())


def _certificate(
    subject: str,
    key: EllipticCurvePrivateKey,
    issuer: str,
    signer: EllipticCurvePrivateKey,
    *,
    begin: datetime,
    end: datetime,
    ca: bool = False,
    names: tuple[str, ...] = (),
) -> str:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(map(_general, names)), critical=False)
    return builder.sign(signer, SHA256()).public_bytes(Encoding.PEM).decode()
