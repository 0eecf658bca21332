"""Parse and check a host's certificate like ``ssh`` (PROTOCOL.certkeys and sshkey.c of OpenSSH)."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm

from provision.host.transport import brief
from provision.host.transport.public_key import CERTIFICATE, key_type

HOST = 2
"""SSH_CERT_TYPE_HOST; 1 is the type of a user's certificate."""
KEY_FIELDS = {"ssh-ed25519": 1, "ssh-rsa": 2}
"""The number of strings of the key in a certificate; elliptic curves, the default, have two: curve and point."""
UNKNOWN_TYPE: type[Exception] = paramiko.UnknownKeyType  # type: ignore[attr-defined]  # the published types lack it
SIGNATURES = (
    *("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", "rsa-sha2-512", "rsa-sha2-256"),
)
"""The default of CASignatureAlgorithms in OpenSSH 9.2, without ssh-rsa, which is SHA-1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The fields of a certificate."""

    kind: int
    principals: tuple[str, ...]
    """The names that the host may have, with ``*`` and ``?`` as wildcards."""
    not_before: int
    """Seconds since 1970."""
    not_after: int
    critical: bytes
    """Critical options; none is defined for hosts, so the field has to be empty."""
    key: bytes
    """The key that the certificate is about, in wire format."""
    authority: bytes
    """The key that signed the certificate."""
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def problem(self, name: str, now: float | None = None, *, allowed: Sequence[str] = SIGNATURES) -> str | None:
        """Return why the certificate is not valid for a host name; None if it is, given a trusted authority.

        ``allowed`` are the signature algorithms of CASignatureAlgorithms.
        """
        if now is None:
            now = time.time()
        if self.kind != HOST:
            return "it is no certificate of a host"
        if now < self.not_before:
            return "it is not valid yet"
        if now >= self.not_after:
            return "it has expired"
        if self.critical:
            return "it has options that are not known"
        if not any(fnmatchcase(name.lower(), principal.replace("[", "[[]")) for principal in self.principals):
            return f"it is for {brief(', '.join(self.principals)) or 'no name'}"
        return self._signature_problem(allowed)

    def _signature_problem(self, allowed: Sequence[str]) -> str | None:
        algorithm = paramiko.Message(self.signature).get_text()
        if algorithm not in allowed:
            return f"it is signed with {brief(algorithm)}, which CASignatureAlgorithms leaves out"
        if not self._is_signed():
            return "its signature is not valid"
        return None

    def _is_signed(self) -> bool:
        with suppress(paramiko.SSHException, UNKNOWN_TYPE, UnsupportedAlgorithm, ValueError):
            signer = paramiko.PKey.from_type_string(key_type(self.authority), self.authority)
            return bool(signer.verify_ssh_sig(self.signed, paramiko.Message(self.signature)))
        return False


def parse_certificate(blob: bytes) -> Certificate | None:
    """Parse a certificate in wire format; return None if it is malformed."""
    message = _WholeMessage(blob)
    with suppress(paramiko.SSHException, ValueError, IndexError):
        kind = message.get_text().removesuffix(CERTIFICATE)
        message.get_binary()  # nonce
        key = paramiko.Message()
        key.add_string(kind)
        for _ in range(KEY_FIELDS.get(kind, 2)):
            key.add_string(message.get_binary())
        message.get_int64()  # serial number
        type_ = message.get_int()
        message.get_binary()  # key ID, chosen by the authority
        principals = tuple(_strings(message.get_binary()))
        not_before, not_after = message.get_int64(), message.get_int64()
        critical = message.get_binary()
        message.get_binary()  # extensions
        message.get_binary()  # reserved
        authority = message.get_binary()
        return Certificate(
            kind=type_,
            principals=principals,
            not_before=not_before,
            not_after=not_after,
            critical=critical,
            key=key.asbytes(),
            authority=authority,
            signed=message.get_so_far(),
            signature=message.get_binary(),
        )
    return None


class _WholeMessage(paramiko.Message):
    """A message that ends where it ends: Paramiko itself would add zeros. Raises ValueError."""

    def get_bytes(self, n: int) -> bytes:
        """Return the next bytes."""
        if len(self.get_remainder()) < n:
            raise ValueError("the message is cut off")
        return super().get_bytes(n)


def plain_key(key: bytes) -> bytes:
    """Return the key that a certificate is about, and any other key as it is; empty for a malformed certificate."""
    if not key_type(key).endswith(CERTIFICATE):
        return key
    certificate = parse_certificate(key)
    if certificate is None:
        return b""
    return certificate.key


def _strings(packed: bytes) -> Iterator[str]:
    message = paramiko.Message(packed)
    while message.get_remainder():
        yield message.get_text()
