"""Check host keys against SSH's files of known hosts, and accept new ones with ``--accept-new``.

The decision is that of ``ssh`` (check_host_key in sshconnect.c of OpenSSH), with two exceptions. A key that is revoked
for a name without a port is refused at every port, also with ``--accept-new``. A host with a certificate whose key
differs from that of the line with its port is refused, also if a line without the port has the key.
"""

import base64
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.hostkeys import HostKeyEntry, HostKeys

from provision.common.errors import HostUnreachable
from provision.host.transport.host_certificate import SIGNATURES, Certificate, parse_certificate
from provision.host.transport.known_hosts import Line, Marker, read_known_hosts
from provision.host.transport.negotiation import KnownKeyTypes
from provision.host.transport.public_key import fingerprint, is_short, rsa_bits
from provision.host.transport.revoked_keys import NOTHING_REVOKED, Revoked, revoked_keys
from provision.host.transport.ssh_options import DEFAULT_PORT
from provision.host.transport.ssh_settings import LEAST_RSA_BITS, SshSettings


def host_key_policy(settings: SshSettings, *, accept_new: bool, host_key: str | None = None) -> "HostKeyPolicy":
    """Return the policy that the SSH configuration and the known_hosts files define.

    ``host_key``: the only key that is accepted, in place of all those. Raises HostUnreachable.
    """
    name = settings.address.lower()
    if host_key is not None:
        own = Line(Marker.NONE, base64.b64decode(host_key.split()[1]), "the sandbox")
        return HostKeyPolicy(name=name, looked_up=name, lines=(own,))
    files = (*settings.user_files, *settings.global_files)
    looked_up = settings.alias or name
    without_port: tuple[Line, ...] = ()
    if not settings.alias and settings.port != DEFAULT_PORT:
        looked_up = f"[{name}]:{settings.port}"
        # As ssh does, where nothing is known of the host with its port.
        without_port = _lines_about(name, files)
    return HostKeyPolicy(
        name=settings.alias or name,
        looked_up=looked_up,
        lines=_lines_about(looked_up, files),
        without_port=without_port,
        revoked=revoked_keys(name, settings.revoked),
        learn_into=next(iter(settings.user_files), None),
        hashed=settings.hashed,
        accept_new=accept_new or settings.accept_new,
        signatures=settings.algorithms.get("casignaturealgorithms", SIGNATURES),
        least_rsa_bits=settings.least_rsa_bits,
    )


@dataclass(frozen=True, kw_only=True)
class HostKeyPolicy(paramiko.MissingHostKeyPolicy):
    """Decide about each host key. Paramiko itself knows none, so that it calls this policy for all."""

    name: str
    looked_up: str
    """The name in known_hosts, which includes a port other than 22."""
    lines: tuple[Line, ...]
    without_port: tuple[Line, ...] = ()
    revoked: Revoked = NOTHING_REVOKED
    """The keys of the file that RevokedHostKeys names."""
    learn_into: Path | None = None
    hashed: bool = False
    accept_new: bool = False
    signatures: Sequence[str] = SIGNATURES
    """The algorithms with which an authority may sign (CASignatureAlgorithms)."""
    least_rsa_bits: int = LEAST_RSA_BITS

    @property
    def known_types(self) -> KnownKeyTypes:
        """Return the types of the keys by which the host is known, without those that are revoked."""
        lines = self.lines or self.without_port
        revoked = {line.key for line in lines if line.marker is Marker.REVOKED}
        types = frozenset(line.type for line in lines if line.marker is Marker.NONE and line.key not in revoked)
        has_marker = any(line.marker is not Marker.NONE for line in (*self.lines, *self.without_port))
        return KnownKeyTypes(types, certificates=has_marker or self.revoked != NOTHING_REVOKED)

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        """Accept a key or raise HostUnreachable; called by Paramiko."""
        certificate = None
        if key.public_blob:
            certificate = parse_certificate(key.public_blob.key_blob)
        self._refuse_revoked(key, certificate)
        self._refuse_short(key)
        if self._is_known(key, certificate):
            return
        if not self.accept_new:
            raise HostUnreachable(
                f"{self.name}: unknown host key {fingerprint(key.asbytes())}; {self._about(certificate)}compare it "
                "with what ssh-keygen -lf prints on the host of its /etc/ssh/ssh_host_*_key.pub, then say --accept-new"
            )
        self._learn(key)

    def _is_known(self, key: paramiko.PKey, certificate: Certificate | None) -> bool:
        """Return whether a line accepts a key; raise HostUnreachable if the host is known by another key."""
        if certificate and self._is_certified(certificate, self.lines):
            return True
        own_lines = [line for line in self.lines if line.marker is Marker.NONE]
        if own_lines:
            if any(line.key == key.asbytes() for line in own_lines):
                return True
            raise HostUnreachable(_changed_key(self.looked_up, key, own_lines[0]))
        if certificate and self._is_certified(certificate, self.without_port):
            return True
        return any(line.marker is Marker.NONE and line.key == key.asbytes() for line in self.without_port)

    def _refuse_revoked(self, key: paramiko.PKey, certificate: Certificate | None) -> None:
        if self.revoked.in_list(key):
            raise HostUnreachable(
                f"{self.name}: THE HOST KEY IS REVOKED: {self.revoked.key_list} revokes "
                f"{fingerprint(key.asbytes())}, or the authority that signed its certificate; give the host another "
                "key, and ask who revoked this one"
            )
        owners: dict[bytes, str] = {}
        if certificate is not None:
            owners[certificate.authority] = "authority that signed the host's certificate"
        owners[key.asbytes()] = "host key"
        with_mark = [line for line in (*self.lines, *self.without_port) if line.marker is Marker.REVOKED]
        for line in (*self.revoked.lines, *with_mark):
            if line.key in owners:
                raise HostUnreachable(
                    f"{self.name}: THE HOST KEY IS REVOKED: {line.where} revokes the {owners[line.key]} "
                    f"{fingerprint(line.key)}; give the host another key, and ask who revoked this one"
                )

    def _refuse_short(self, key: paramiko.PKey) -> None:
        """Raise HostUnreachable for an RSA key that is too short, also if it is known."""
        if is_short(key.asbytes(), self.least_rsa_bits):
            raise HostUnreachable(
                f"{self.name}: its RSA host key has {rsa_bits(key.asbytes())} bits, RequiredRSASize wants "
                f"{self.least_rsa_bits}; give the host a longer key, or one of another type (ssh-keygen -A makes them)"
            )

    def _is_certified(self, certificate: Certificate, lines: Sequence[Line]) -> bool:
        return self._is_trusted(certificate, lines) and self._problem(certificate) is None

    def _problem(self, certificate: Certificate) -> str | None:
        return certificate.problem(self.name, allowed=self.signatures)

    def _is_trusted(self, certificate: Certificate, lines: Sequence[Line]) -> bool:
        return any(line.marker is Marker.AUTHORITY and line.key == certificate.authority for line in lines)

    def _about(self, certificate: Certificate | None) -> str:
        """Return the reason why the certificate was not accepted, if known_hosts names an authority for the host."""
        lines = (*self.lines, *self.without_port)
        authorities = [line.where for line in lines if line.marker is Marker.AUTHORITY]
        if not authorities:
            return ""
        if certificate is None:
            return f"it has no certificate, and {authorities[0]} names an authority for it; "
        if not self._is_trusted(certificate, lines):
            return f"its certificate is from another authority than that of {authorities[0]}; "
        return f"its certificate is not good: {self._problem(certificate)}; "

    def _learn(self, key: paramiko.PKey) -> None:
        """Append the key to the file like ssh; Paramiko's own function would remove the file's comments."""
        if self.learn_into is None:
            raise HostUnreachable(
                f"{self.name}: --accept-new: UserHostKeyPolicyFile names no file to keep the host key in"
            )
        try:
            self.learn_into.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.learn_into, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o600)
            with os.fdopen(descriptor, "a+b") as file:
                file.seek(0)
                name = self.looked_up
                if self.hashed:
                    name = HostKeys.hash_host(name)
                line = str(HostKeyEntry([name], key).to_line())
                if file.read()[-1:] not in {b"", b"\n"}:
                    # The last line has no newline, and the new line would become a part of it.
                    line = f"\n{line}"
                file.write(line.encode())
        except OSError as error:
            raise HostUnreachable(
                f"{self.name}: --accept-new: {self.learn_into}: cannot keep the host key: {error.strerror}"
            ) from error


def _lines_about(name: str, files: Sequence[Path]) -> tuple[Line, ...]:
    """Return the lines of all files about a host. Raises HostUnreachable."""
    found: list[Line] = []
    for file in files:
        try:
            found += read_known_hosts(file).lines_about(name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise HostUnreachable(f"{file}: cannot read the known host keys: {error.strerror}") from error
    return tuple(found)


def _changed_key(name: str, key: paramiko.PKey, known: Line) -> str:
    """Return the message for a host whose key differs from that of a line."""
    return (
        f"{name}: THE HOST KEY HAS CHANGED: it shows {fingerprint(key.asbytes())}, {known.where} has "
        f"{fingerprint(known.key)}; someone may stand between you and the host; if it was reinstalled: "
        f"ssh-keygen -R {shlex.quote(name)}"
    )
