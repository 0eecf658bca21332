"""Find the keys for a login, in the order of ``ssh`` (pubkey_prepare in sshconnect2.c of OpenSSH)."""

import os
import socket
import stat
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from paramiko.agent import AgentSSH

from provision.common.files.regular import read_regular
from provision.host.transport import brief
from provision.host.transport.host_certificate import Certificate, parse_certificate
from provision.host.transport.public_key import CERTIFICATE, key_type
from provision.host.transport.ssh_settings import SshSettings

MOST_BYTES = 1024 * 1024
"""The largest file of a key that is read."""
AGENT_SECONDS = 45
"""The time that an agent gets to answer; it may ask the operator for a confirmation. Less than HANDSHAKE_SECONDS, so
that its silence is not taken for that of sshd."""
OPENSSH_MAGIC = b"openssh-key-v1\0"
"""The first bytes of a private key in OpenSSH's format (PROTOCOL.key)."""
KINDS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class Encrypted(Exception):  # noqa: N818 -- the state of a file
    """A private key is encrypted."""


@dataclass(slots=True)
class LoginKeys:
    """The keys for one login; after it, ``notes`` tells why some could not be used."""

    settings: SshSettings
    notes: list[str] = field(default_factory=list)

    def each(self) -> Iterator[paramiko.PKey]:
        """Yield each key to try; the agent is connected until the last one."""
        agent = _Agent(self.settings.agent)
        try:
            keys = [_AgentKey(agent, key, self.notes) for key in agent.get_keys()]
            for key in self._ordered(keys):
                if self._is_accepted(key):
                    yield key
        finally:
            agent.close()

    def _ordered(self, agent_keys: "Sequence[_AgentKey]") -> Iterator[paramiko.PKey]:
        identities = [_Identity(path) for path in self.settings.identities]
        listed = [one.public for one in identities if one.public]
        for path in self.settings.certificates:
            yield from self._certified(path, identities, agent_keys)
        for public in listed:
            yield from (key for key in agent_keys if key.blob == public)
        if not self.settings.only_identities:
            yield from (key for key in agent_keys if key.blob not in listed)
        in_agent = {key.blob for key in agent_keys}
        for identity in identities:
            if identity.public not in in_agent:
                yield from self._private(identity)
            beside = Path(f"{identity.path}-cert.pub")
            if not self.settings.certificates and beside.exists():
                yield from self._certified(beside, [identity], agent_keys)

    def _certified(
        self, path: Path, identities: "Sequence[_Identity]", agent_keys: "Sequence[_AgentKey]"
    ) -> Iterator[paramiko.PKey]:
        """Yield the key that a certificate is for, with the certificate."""
        certificate = _certificate(path)
        if certificate is None:
            self.notes.append(f"{path} is no certificate")
            return
        for agent_key in agent_keys:
            if agent_key.blob == certificate.key:
                with_certificate = agent_key.again()
                with_certificate.load_certificate(str(path))
                yield with_certificate
                return
        for identity in identities:
            if identity.public == certificate.key:
                for key in self._private(identity):
                    key.load_certificate(str(path))
                    yield key
                return
        self.notes.append(f"{path} is for a key that is neither in an identity file nor in the agent")

    def _private(self, identity: "_Identity") -> Iterator[paramiko.PKey]:
        """Yield the private key of a file, or note why it cannot be used."""
        path = identity.path
        try:
            yield _load(path)
        except FileNotFoundError:
            return
        except Encrypted:
            self._note(f"{path} is encrypted: load it into ssh-agent first (ssh-add {path})")
        except OSError as error:
            self._note(f"{path} cannot be used: {error.strerror}")
        except (paramiko.SSHException, ValueError, UnsupportedAlgorithm):
            if not identity.is_public:
                self._note(f"{path} is no private key that can be used here without ssh-agent")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _is_accepted(self, key: paramiko.PKey) -> bool:
        """Return whether PubkeyAcceptedAlgorithms has the type of a key."""
        accepted = self.settings.algorithms.get("pubkeyacceptedalgorithms")
        if accepted is None:
            return True
        name = key.get_name()
        if key.public_blob:
            name = key.public_blob.key_type
        names = {name, *(name.replace("ssh-rsa", one) for one in ("rsa-sha2-256", "rsa-sha2-512"))}
        return bool(names & set(accepted))


@dataclass(slots=True)
class _Identity:
    """A file that IdentityFile names; it may be the public half of a key in the agent."""

    path: Path
    public: bytes | None = None
    is_public: bool = False

    def __post_init__(self) -> None:
        text = _text(self.path)
        self.public = _public_line(text)
        self.is_public = self.public is not None
        if self.public is None:
            self.public = _public_line(_text(Path(f"{self.path}.pub"))) or _public_half(text)


class _Agent(AgentSSH):
    """The agent at a socket; without one, or if it does not answer, it has no keys."""

    def __init__(self, place: str | None) -> None:
        super().__init__()
        if place is None:
            return
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(AGENT_SECONDS)
        try:
            sock.connect(place)
            self._connect(sock)  # type: ignore[attr-defined]  # the published types lack it
        except (OSError, paramiko.SSHException, EOFError):
            sock.close()

    def close(self) -> None:
        """Close the connection to the agent."""
        with suppress(OSError):
            self._close()  # type: ignore[attr-defined]  # the published types lack it


class _AgentKey(paramiko.AgentKey):
    """A key of the agent. If it refuses to sign, the login goes on with the next key.

    Paramiko signs in the thread of the connection, which an exception would end. So an empty signature is sent, which
    sshd refuses like a wrong key.
    """

    def __init__(self, agent: AgentSSH, key: paramiko.AgentKey, notes: list[str]) -> None:
        super().__init__(agent, key.blob, getattr(key, "comment", ""))
        self._source = (agent, key, notes)

    def again(self) -> "_AgentKey":
        """Return another object for the same key."""
        return _AgentKey(*self._source)

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> bytes:  # type: ignore[override]  # old types
        """Return the signature."""
        try:
            return bytes(super().sign_ssh_data(data, algorithm))
        except (paramiko.SSHException, OSError, EOFError):
            _, key, notes = self._source
            comment = brief(getattr(key, "comment", ""))
            notes.append(f"the agent refused to sign with its key {comment or key.get_name()}")
            empty = paramiko.Message()
            empty.add_string(self.get_name())
            empty.add_string(b"")
            return empty.asbytes()


def _load(path: Path) -> paramiko.PKey:
    """Return the private key of a file. Raises Encrypted, OSError, SSHException, ValueError."""
    status = path.stat()
    if status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) & 0o077:
        raise PermissionError(0, f"others may read it (as for ssh: chmod 600 {path})", str(path))
    text = read_regular(path, MOST_BYTES).decode(errors="replace")
    if "BEGIN PRIVATE KEY" in text:
        text = _openssh(text)
    if "BEGIN ENCRYPTED PRIVATE KEY" in text:
        raise Encrypted
    for kind in KINDS:
        try:
            return kind.from_private_key(StringIO(text))
        except paramiko.PasswordRequiredException:
            raise Encrypted from None
        except (paramiko.SSHException, ValueError):
            continue
    raise paramiko.SSHException("not a private key")


def _openssh(text: str) -> str:
    """Return a private key in PKCS #8, which Paramiko does not read, in OpenSSH's format."""
    key = serialization.load_pem_private_key(text.encode(), None)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    ).decode()


def _text(path: Path) -> str:
    try:
        return read_regular(path, MOST_BYTES).decode(errors="replace")
    except OSError:
        return ""


def _public_line(text: str) -> bytes | None:
    """Return the key of a line such as ``ssh-ed25519 AAAA…``."""
    words = text.split(maxsplit=2)
    with suppress(ValueError, IndexError):
        blob = b64decode(words[1], validate=True)
        if key_type(blob) == words[0]:
            return blob
    return None


def _public_half(text: str) -> bytes | None:
    """Return the public key in a private one, which may be encrypted; None for older formats than OpenSSH's own."""
    lines = text.split("\n")
    if "BEGIN OPENSSH PRIVATE KEY" not in lines[0]:
        return None
    with suppress(ValueError, paramiko.SSHException):
        message = paramiko.Message(b64decode("".join(line for line in lines if not line.startswith("-"))))
        if message.get_bytes(len(OPENSSH_MAGIC)) != OPENSSH_MAGIC:
            return None
        for _ in range(3):  # cipher, key derivation and its options
            message.get_binary()
        message.get_int()  # number of keys
        return message.get_binary()
    return None


def _certificate(path: Path) -> Certificate | None:
    blob = _public_line(_text(path))
    if blob is None or not key_type(blob).endswith(CERTIFICATE):
        return None
    return parse_certificate(blob)
