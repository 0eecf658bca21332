"""Make and open the cookies of chronyd (nts_ke_server.c), with the keys that several servers share.

A cookie is the id of its key, a nonce, and the two keys of the client, encrypted with AES-SIV-CMAC-256. With the keys
of a server it can be told which of them is in use, and each can be tried with a cookie such as another server makes.
"""

import os

from provision.keys.nts_keys import ServerKey, ServerKeys
from provision.verify.ntp.nts_packet import NtsKeys

ID_BYTES, NONCE_BYTES = 4, 16


def key_of(cookie: bytes, shared: ServerKeys, keys: NtsKeys) -> ServerKey | None:
    """Return the shared key with which a cookie for a client with these keys was made; None if it is none of them."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 -- slow to import
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # noqa: PLC0415

    nonce, encrypted = cookie[ID_BYTES : ID_BYTES + NONCE_BYTES], cookie[ID_BYTES + NONCE_BYTES :]
    for key in shared.keys:
        if cookie[:ID_BYTES] != key.id.to_bytes(ID_BYTES, "big"):
            continue
        try:
            opened = AESSIV(key.secret).decrypt(encrypted, [b"", nonce])
        except (InvalidTag, ValueError):
            return None
        if opened == keys.to_server + keys.to_client:
            return key
    return None


def cookie_of(key: ServerKey, keys: NtsKeys) -> bytes:
    """Return a cookie as a server makes it with a key for a client with these keys."""
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # noqa: PLC0415 -- slow to import

    nonce = os.urandom(NONCE_BYTES)
    encrypted = AESSIV(key.secret).encrypt(keys.to_server + keys.to_client, [b"", nonce])
    return key.id.to_bytes(ID_BYTES, "big") + nonce + encrypted
