"""Encrypt and authenticate the values that pass through a cluster, with a key for each run.

AES-GCM (NIST SP 800-38D) with a random nonce of 96 bits, which is safe for 2**32 messages with one key.
"""

import os
import pickle
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from provision.common.errors import ParseError

NONCE_BYTES = 12


def _new_key() -> bytes:
    return AESGCM.generate_key(bit_length=256)


@dataclass(frozen=True, slots=True)
class Cipher:
    """Encrypt and decrypt values with the key of one run, which its ``repr`` does not show."""

    _key: bytes = field(default_factory=_new_key, repr=False)

    def close(self, value: object, about: str) -> bytes:
        """Encrypt a value; ``about`` is authenticated with it, and must be the same for :meth:`open`."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, pickle.dumps(value), about.encode())

    def open(self, data: bytes, about: str) -> Any:
        """Decrypt a value. Raises ParseError if key or ``about`` differ, or if the data was changed."""
        nonce, text = data[:NONCE_BYTES], data[NONCE_BYTES:]
        try:
            opened = AESGCM(self._key).decrypt(nonce, text, about.encode())
        except (InvalidTag, ValueError):
            raise ParseError(f"{about}: the data was changed, or belongs to another run") from None
        return pickle.loads(opened)  # noqa: S301 -- authenticated: it is from a holder of the key
