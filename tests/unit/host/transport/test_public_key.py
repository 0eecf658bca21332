"""The type and the fingerprint of a public key, as ssh-keygen shows them."""

import base64

import pytest

from provision.host.transport.public_key import fingerprint, key_type

KEY = base64.b64decode("AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f")


def test_a_key_is_shown_as_by_ssh_keygen() -> None:
    assert fingerprint(KEY) == "ssh-ed25519 SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA"


@pytest.mark.parametrize("key", [b"", b"\0\0\0", b"\xff\xff\xff\xffssh", b"\0\0\0\x01\xff"])
def test_a_malformed_key_has_no_known_type(key: bytes) -> None:
    assert key_type(key) in {"", "\ufffd"}
