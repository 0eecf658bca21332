"""Values that travel where others may look: nobody without the run's key can read them, or make others.

AES-GCM (NIST SP 800-38D), with 96 random bits for each message: good for 2**32 of them under one key.
"""

import os
import pickle
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from provision.errors import ParseError

NONCE_BYTES = 12


def _new_key() -> bytes:
    return AESGCM.generate_key(bit_length=256)


@dataclass(frozen=True, slots=True)
class Seal:
    """A key for one run. Whoever has it can open what was closed with it; so it is shown nowhere."""

    _key: bytes = field(default_factory=_new_key, repr=False)

    def close(self, value: object, about: str) -> bytes:
        """Return a value as bytes that open only as what they are about."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, pickle.dumps(value), about.encode())

    def open(self, data: bytes, about: str) -> Any:
        """Return the value. Raises ParseError when it was closed with another key, as something else, or changed."""
        nonce, text = data[:NONCE_BYTES], data[NONCE_BYTES:]
        try:
            opened = AESGCM(self._key).decrypt(nonce, text, about.encode())
        except (InvalidTag, ValueError):
            raise ParseError(f"{about}: what came is not what was sent, or was meant for another run") from None
        return pickle.loads(opened)  # noqa: S301 -- it is from one who has the key, and unchanged
