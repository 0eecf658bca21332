"""Export keys from a TLS 1.3 session (RFC 8446, 7.5), which Python's ssl cannot do.

OpenSSL writes the secret from which they are made to the key log of a context, a file for debuggers. Here it is a
pipe, so that the secret is in no file. pyOpenSSL exports keys, too, but checks no name of a host.
"""

import os
import ssl
from contextlib import AbstractContextManager
from hashlib import new
from hmac import digest
from types import TracebackType

SECRET = b"EXPORTER_SECRET"
MOST_BYTES = 65536
"""The capacity of a pipe on Linux; a session logs five lines of 200 bytes."""
HASHES = {32: "sha256", 48: "sha384"}
"""The hash of the cipher suite by the length of the secret, in bytes."""


class KeyLog(AbstractContextManager["KeyLog"]):
    """The key log of a context, of which one session is made."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def attach(self, context: ssl.SSLContext) -> None:
        """Let a context write its secrets here. Raises OSError."""
        context.keylog_filename = f"/dev/fd/{self._writer}"

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        os.close(self._reader)
        os.close(self._writer)

    def secret(self) -> bytes:
        """Return the secret of the session after its handshake. Raises ValueError if OpenSSL has not logged it."""
        try:
            lines = os.read(self._reader, MOST_BYTES).splitlines()
        except BlockingIOError:
            lines = []
        for line in lines:
            name, *words = line.split()
            if name == SECRET:
                return bytes.fromhex(words[-1].decode())
        raise ValueError("the TLS library of this machine does not tell the secret of its exporter")


def export(secret: bytes, label: str, context: bytes, length: int) -> bytes:
    """Return a key of up to 32 bytes that only both ends of the session know. Raises KeyError for no TLS 1.3 secret."""
    name = HASHES[len(secret)]
    empty = new(name, b"").digest()
    derived = _expand(secret, label, empty, len(empty), name)
    return _expand(derived, "exporter", new(name, context).digest(), length, name)


def _expand(secret: bytes, label: str, context: bytes, length: int, name: str) -> bytes:
    """Return HKDF-Expand-Label (RFC 8446, 7.1), for a length of at most one hash: HKDF then has one round."""
    full = b"tls13 " + label.encode()
    info = length.to_bytes(2, "big") + bytes([len(full)]) + full + bytes([len(context)]) + context
    return digest(secret, info + b"\x01", name)[:length]
