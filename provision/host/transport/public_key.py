"""Read the type of a public key in wire format (RFC 4253, 6.6), and show the key as ssh-keygen does."""

import base64
import hashlib

CERTIFICATE = "-cert-v01@openssh.com"
"""The end of the type of a key with a certificate."""


def key_type(key: bytes) -> str:
    """Return the type of a key, such as ``ssh-ed25519``; empty if the key is malformed."""
    size = int.from_bytes(key[:4], "big")
    if len(key) < 4 + size:
        return ""
    return key[4 : 4 + size].decode("ascii", "replace")


def fingerprint(key: bytes) -> str:
    """Return a key's type and fingerprint in the format of ``ssh-keygen -lf``."""
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    return f"{key_type(key)} SHA256:{digest}"
