"""The keys that are tried for a login."""

from pathlib import Path

import paramiko

from provision.host.transport.login_keys import LoginKeys
from provision.host.transport.ssh_settings import SshSettings


def test_an_rsa_key_that_is_too_short_is_noted_and_not_tried(tmp_path: Path) -> None:
    paramiko.RSAKey.generate(1024).write_private_key_file(str(tmp_path / "key"))
    tried = {}
    for least in (1024, 2048):
        settings = SshSettings(name="a", address="a", user="op", identities=(tmp_path / "key",), least_rsa_bits=least)
        keys = LoginKeys(settings)
        tried[least] = (len(list(keys.each())), keys.notes)
    assert tried == {1024: (1, []), 2048: (0, ["an RSA key of 1024 bits is shorter than RequiredRSASize (2048)"])}
