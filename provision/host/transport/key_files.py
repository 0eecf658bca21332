"""Read the files of SSH keys: private keys, public keys and certificates."""

import os
import stat
from base64 import b64decode
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives import serialization

from provision.common.files.regular import read_regular
from provision.host.transport.host_certificate import Certificate, parse_certificate
from provision.host.transport.public_key import CERTIFICATE, key_type

MOST_BYTES = 1024 * 1024
"""The largest file of a key that is read."""
OPENSSH_MAGIC = b"openssh-key-v1\0"
"""The first bytes of a private key in OpenSSH's format (PROTOCOL.key)."""
KINDS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class Encrypted(Exception):  # noqa: N818 -- the state of a file
    """A private key is encrypted."""


@dataclass(slots=True)
class Identity:
    """A file that IdentityFile names; it may be the public half of a key in the agent."""

    path: Path
    public: bytes | None = None
    """The public key in wire format."""
    is_public: bool = False
    """Whether the file itself is the public half."""

    def __post_init__(self) -> None:
        text = _text(self.path)
        self.public = _public_line(text)
        self.is_public = self.public is not None
        if self.public is None:
            self.public = _public_line(_text(Path(f"{self.path}.pub"))) or _public_half(text)


def load_private_key(path: Path) -> paramiko.PKey:
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


def read_certificate(path: Path) -> Certificate | None:
    """Return the certificate of a file; None if there is none."""
    blob = _public_line(_text(path))
    if blob is None or not key_type(blob).endswith(CERTIFICATE):
        return None
    return parse_certificate(blob)
