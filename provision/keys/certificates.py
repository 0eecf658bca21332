"""Certificates of NTS and their private keys, as PEM text: read, checked, and put into a generation.

They are checked on this machine, because chronyd tells little: with the key of another certificate it says so in one
line of its log, and with an expired certificate it says nothing (measured with chrony 4.9). cryptography is imported
only when it is used, for that is slow.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from itertools import pairwise
from typing import TYPE_CHECKING

from provision.common.errors import SiteError
from provision.host.paths import NTS_CHAIN, NTS_KEY, NTS_SHARED_KEYS, TRUSTED

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
    from cryptography.x509 import Certificate

HOST_NAME = re.compile(r"(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
"""A name of a subjectAltName; ``*`` stands for the first label."""
SHORTEST_LINE = 16
"""Characters of a line of a private key that is worth hiding: the last one may be a few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """The PEM files of a generation; an empty text is a file that it does not have."""

    trusted: str = ""
    """The authorities that chronyd trusts as a client, besides those of the host."""
    chain: str = ""
    """The server's certificate, followed by those that lead to its authority."""
    key: str = field(default="", repr=False)
    """The private key of the server's certificate."""
    shared_keys: str = field(default="", repr=False)
    """The keys of cookies that the server shares with others, as chronyd reads them."""

    @property
    def public(self) -> Mapping[str, str]:
        """Return the files that everybody may read, by name."""
        return {name: text for name, text in ((NTS_CHAIN, self.chain), (TRUSTED, self.trusted)) if text}

    @property
    def private(self) -> Mapping[str, str]:
        """Return the files that only root and chronyd's account may read, by name."""
        return {name: text for name, text in ((NTS_KEY, self.key), (NTS_SHARED_KEYS, self.shared_keys)) if text}

    @property
    def files(self) -> Mapping[str, str]:
        """Return all files by name."""
        return {**self.public, **self.private}

    @property
    def digest(self) -> str:
        """Return a digest of all files; empty without files. A private key cannot be guessed, so it may be public."""
        if not self.files:
            return ""
        return sha256("\0".join(f"{name}\0{text}" for name, text in self.files.items()).encode()).hexdigest()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the lines of the private key, and the words of the keys of cookies, which no log may contain."""
        lines = (line for line in self.key.splitlines() if "-----" not in line)
        return tuple(word for word in (*lines, *self.shared_keys.split()) if len(word) >= SHORTEST_LINE)


NO_CERTIFICATES = Certificates()


def plain(text: str) -> str:
    """Return PEM text as it is put into a file: with one newline at its end, and without carriage returns.

    Comments may be in any encoding; bytes that are not UTF-8 become question marks.
    """
    readable = text.encode(errors="surrogateescape").decode("utf-8-sig", errors="replace").replace("\ufffd", "?")
    return readable.replace("\r\n", "\n").replace("\r", "\n").strip("\n") + "\n"


def parsed(text: str, origin: str) -> "tuple[Certificate, ...]":
    """Return the certificates of a PEM text, at least one. Raises SiteError, which names ``origin``."""
    from cryptography import x509  # noqa: PLC0415 -- slow to import

    if "PRIVATE KEY-----" in text:
        raise SiteError(f"{origin}: holds a private key; name a file with certificates alone here")
    try:
        with warnings.catch_warnings():
            # It warns of a serial number that is not positive, as old authorities have it. Clients accept those.
            warnings.simplefilter("ignore")
            return tuple(x509.load_pem_x509_certificates(text.encode(errors="surrogateescape")))
    except (ValueError, x509.InvalidVersion) as error:
        raise SiteError(f"{origin}: holds no certificate in PEM (-----BEGIN CERTIFICATE-----)") from error


def trusted(texts: Mapping[str, str]) -> str:
    """Return the certificates of several texts, by their origins, in one; each certificate once. Raises SiteError."""
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 -- slow to import

    every = [one for origin, text in texts.items() for one in parsed(text, origin)]
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in dict.fromkeys(every))


def check_pair(
    chain: str,
    key: str,
    *,
    chain_origin: str,
    key_origin: str,
    expected_names: Sequence[str] = (),
    now: datetime | None = None,
) -> None:
    """Raise SiteError if chronyd could not serve with a certificate and its key, or clients would refuse them."""
    _check_key(parsed(chain, chain_origin)[0], key, chain_origin=chain_origin, key_origin=key_origin)
    check_chain(chain, origin=chain_origin, expected_names=expected_names, now=now)


def check_chain(chain: str, *, origin: str, expected_names: Sequence[str] = (), now: datetime | None = None) -> None:
    """Raise SiteError if clients would refuse a certificate, regardless of its key."""
    certificates = parsed(chain, origin)
    for why in chain_faults(certificates):
        raise SiteError(f"{origin}: {why}")
    for number, certificate in enumerate(certificates):
        for why in _date_faults(certificate, now or datetime.now(UTC)):
            raise SiteError(f"{origin}: {_which(number)} {why}")
    check_names(certificates[0], expected_names, origin)


def check_names(certificate: "Certificate", expected_names: Sequence[str], origin: str) -> None:
    """Raise SiteError if clients that know the server by one of these names would refuse its certificate."""
    has = names(certificate)
    if not has:
        raise SiteError(f"{origin}: the certificate has no subjectAltName, and no client would accept it")
    for name in expected_names:
        if not covers(certificate, name):
            raise SiteError(f"{origin}: the certificate is for {', '.join(has)}, and not for {name}")


def _public_key(certificate: "Certificate", origin: str) -> "CertificatePublicKeyTypes":
    """Return the public key of a server. Raises SiteError if TLS 1.3, and so NTS, cannot use it (RFC 8446, 4.2.3)."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 -- slow to import
    from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey  # noqa: PLC0415

    unusable = SiteError(
        f"{origin}: the certificate has a key of a type that NTS cannot use: take RSA, ECDSA or Ed25519"
    )
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise unusable from error
    if isinstance(key, DSAPublicKey):
        raise unusable
    return key


def check_authority(chain: str, authority: str, chain_origin: str, authority_origin: str) -> None:
    """Raise SiteError if clients that trust these authorities alone would refuse a chain."""
    certificates, trusted_ones = parsed(chain, chain_origin), parsed(authority, authority_origin)
    if set(certificates) & set(trusted_ones):
        return
    if any(_is_issued(certificates[-1], one) for one in trusted_ones):
        return
    raise SiteError(f"{authority_origin}: none of its certificates is an authority of the chain in {chain_origin}")


def _check_key(certificate: "Certificate", key: str, *, chain_origin: str, key_origin: str) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 -- slow to import
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    try:
        private = serialization.load_pem_private_key(key.encode(errors="surrogateescape"), password=None)
    except TypeError as error:
        raise SiteError(f"{key_origin}: the key is encrypted, and chronyd cannot ask for its passphrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SiteError(f"{key_origin}: holds no private key in PEM that can be read") from error
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*form) != _public_key(certificate, chain_origin).public_bytes(*form):
        raise SiteError(f"{key_origin}: is not the key of the certificate in {chain_origin}")


def chain_faults(certificates: "Sequence[Certificate]") -> Iterator[str]:
    """Yield the reasons why certificates are no chain: each has to be issued by the next one."""
    for number, (one, issuer) in enumerate(pairwise(certificates), start=1):
        if not _is_issued(one, issuer):
            yield f"certificate {number} is not issued by certificate {number + 1}: the server's own comes first"


def _is_issued(one: "Certificate", issuer: "Certificate") -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415 -- slow to import

    try:
        one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _date_faults(certificate: "Certificate", now: datetime) -> Iterator[str]:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        yield f"expired on {end:%Y-%m-%d %H:%M} UTC: clients refuse it, and chronyd says nothing about that"
    if now < begin:
        yield f"is not valid before {begin:%Y-%m-%d %H:%M} UTC; is the clock of this machine right?"


def _which(number: int) -> str:
    if number == 0:
        return "the certificate"
    return f"certificate {number + 1} of the chain"


def names(certificate: "Certificate") -> tuple[str, ...]:
    """Return the names and addresses of a server by its subjectAltName, names first."""
    from cryptography import x509  # noqa: PLC0415 -- slow to import

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    # Others are no names of hosts (RFC 5280, 4.2.1.6), and must not be in the files and commands of a client.
    hosts = tuple(name for name in found.get_values_for_type(x509.DNSName) if HOST_NAME.fullmatch(name))
    return (*hosts, *(str(address) for address in found.get_values_for_type(x509.IPAddress)))


def covers(certificate: "Certificate", name: str) -> bool:
    """Return whether a client that knows the server by a name or an address accepts the certificate (RFC 6125)."""
    return any(_fits(one, name) for one in names(certificate))


def _fits(pattern: str, name: str) -> bool:
    try:
        return str(ip_address(name)) == pattern
    except ValueError:
        pattern, name = pattern.lower().rstrip("."), name.lower().rstrip(".")
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern.removeprefix("*.")
    return name == pattern


def subjects(text: str) -> str:
    """Return the names of the owners of certificates, for people. Raises SiteError."""
    return ", ".join(one.subject.rfc4514_string() for one in parsed(text, TRUSTED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """How clients see a server with NTS, by its certificates: its name, what they have to trust, and until when."""

    name: str
    """A name of the certificate, or an address where it has no name."""
    authority: str
    """PEM: the certificates that a client has to trust."""
    end: datetime
    """The first end of a certificate of the chain."""
    lifetime: timedelta
    """The time from begin to end of that certificate."""


def served(chain: str, authority: str = "", *, origin: str = NTS_CHAIN) -> Served:
    """Return how clients see a chain; without ``authority``, its last certificate is trusted. Raises SiteError."""
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 -- slow to import

    certificates = parsed(chain, origin)
    name, *_ = (*names(certificates[0]), "")
    if name.startswith("*."):
        name = f"any{name.removeprefix('*')}"
    first = min(certificates, key=lambda one: one.not_valid_after_utc)
    return Served(
        name=name,
        authority=authority or certificates[-1].public_bytes(Encoding.PEM).decode(),
        end=first.not_valid_after_utc,
        lifetime=first.not_valid_after_utc - first.not_valid_before_utc,
    )
