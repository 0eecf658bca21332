"""Private keys of the operator: their kinds, their permissions, and the order in which they are tried."""

from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provision.common.errors import HostUnreachable
from tests.helpers.ssh_home import KEY, OTHER, RSA, connect, host, reached
from tests.helpers.ssh_server import fake_agent, ssh_server


@pytest.mark.parametrize("name", ["rsa", "pkcs8"])
def test_kinds_of_private_keys(name: str, home: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pkcs8 = home / "pkcs8"
    pkcs8.touch(mode=0o600)
    pkcs8.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    accepted = paramiko.ECDSAKey(vals=(key, key.public_key()))
    with ssh_server([RSA, accepted]) as server:
        config = host(home, server, f"  IdentityFile ~/.ssh/{name}\n  IdentityFile ~/.ssh/nothing\n")
        with reached(home, config) as transport:
            assert transport.execute("echo in").stdout == "in\n"


def test_a_private_key_that_others_may_read_is_not_used(home: Path) -> None:
    (home / "key").chmod(0o644)
    with ssh_server([KEY]) as server, pytest.raises(HostUnreachable, match="others may read it"):
        connect(home, host(home, server))


@pytest.mark.parametrize(
    ("more", "tried"),
    [
        pytest.param("  IdentityFile none\n", ["rsa", "other", "key"], id="as they come"),
        pytest.param("  IdentityFile ~/.ssh/key.pub\n", ["key"], id="a public key"),
        pytest.param("  IdentityFile ~/.ssh/key.pub\n  IdentitiesOnly yes\n", ["key"], id="only one"),
        pytest.param(
            "  IdentityFile none\n  PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256\n", ["other", "key"], id="only ECDSA"
        ),
    ],
)
def test_keys_are_tried_in_the_order_of_ssh(more: str, tried: list[str], home: Path, tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    keys = {"rsa": RSA, "other": OTHER, "key": KEY}
    with ssh_server([KEY]) as server, fake_agent(agent, list(keys.values())):
        with reached(home, host(home, server, f"  IdentityAgent {agent}\n{more}")):
            pass
        assert server.tried == [keys[name].fingerprint for name in tried]
