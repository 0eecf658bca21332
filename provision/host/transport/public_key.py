"""Read the type and size of a public key in wire format (RFC 4253, 6.6), and show the key as ssh-keygen does."""

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


def rsa_bits(key: bytes) -> int:
    """Return the size of the modulus of an RSA key in bits; 0 for a key of another type, or a malformed one."""
    fields: list[bytes] = []
    rest = key
    while len(rest) >= 4 and len(fields) < 3:
        end = 4 + int.from_bytes(rest[:4], "big")
        fields.append(rest[4:end])
        rest = rest[end:]
    if len(fields) < 3 or fields[0] != b"ssh-rsa":
        return 0
    return int.from_bytes(fields[2], "big").bit_length()


def is_short(key: bytes, least: int) -> bool:
    """Return whether a key is an RSA key of fewer bits than RequiredRSASize of ssh_config(5) demands."""
    return 0 < rsa_bits(key) < least
