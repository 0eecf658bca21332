"""The type and the fingerprint of a public key, as ssh-keygen shows them."""

import base64

import paramiko
import pytest

from provision.host.transport.public_key import fingerprint, is_short, key_type, rsa_bits

KEY = base64.b64decode("AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f")


def test_a_key_is_shown_as_by_ssh_keygen() -> None:
    assert fingerprint(KEY) == "ssh-ed25519 SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA"


@pytest.mark.parametrize("key", [b"", b"\0\0\0", b"\xff\xff\xff\xffssh", b"\0\0\0\x01\xff"])
def test_a_malformed_key_has_no_known_type(key: bytes) -> None:
    assert key_type(key) in {"", "\ufffd"}


def test_an_rsa_key_may_be_too_short() -> None:
    key = paramiko.RSAKey.generate(1024).asbytes()
    assert rsa_bits(key) == 1024
    assert [is_short(key, least) for least in (1024, 1025)] == [False, True]
    assert not is_short(KEY, 16384)
    assert {rsa_bits(key[:size]) for size in range(14)} == {0}
