"""Kinds of signatures that client and server agree on."""

from pathlib import Path

import pytest

from provision.common.errors import HostUnreachable
from tests.helpers.ssh_home import KEY, RSA, connect, host, reached
from tests.helpers.ssh_server import ssh_server

NO_RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")


def test_the_next_key_is_tried_when_sshd_takes_no_signature_of_a_key(home: Path) -> None:
    more = "  IdentityFile ~/.ssh/rsa\n  IdentityFile ~/.ssh/key\n"
    with ssh_server([KEY], no_signatures=NO_RSA) as server:
        with reached(home, host(home, server, more)) as transport:
            assert transport.execute("echo in").stdout == "in\n"
        assert server.tried == [KEY.fingerprint]
    refused = pytest.raises(HostUnreachable, match="its sshd takes no signature of a key of type ssh-rsa")
    with ssh_server([RSA], no_signatures=NO_RSA) as server, refused:
        connect(home, host(home, server, "  IdentityFile ~/.ssh/rsa\n"))
