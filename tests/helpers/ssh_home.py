"""The configuration and the keys of an operator who logs in to a server of this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko

from provision.host.target import parse_target
from provision.host.transport.ssh import SshTransport
from tests.helpers.ssh_server import SshServer

KEY = paramiko.ECDSAKey.generate()

OTHER = paramiko.ECDSAKey.generate()

RSA = paramiko.RSAKey.generate(2048)


def write(path: Path, key: paramiko.PKey, password: str | None = None) -> None:
    """Write a private key and its public key."""
    path.touch(mode=0o600)
    key.write_private_key_file(str(path), password)
    path.with_name(f"{path.name}.pub").write_text(f"{key.get_name()} {key.get_base64()}\n")


def connect(home: Path, config: str, *, accept_new: bool = False) -> SshTransport:
    """Return the transport to the host ntp1 of an SSH configuration."""
    (home / "config").write_text(config)
    return SshTransport(parse_target("ntp1"), accept_new=accept_new)


@contextmanager
def reached(home: Path, config: str, *, accept_new: bool = False) -> Iterator[SshTransport]:
    """Yield the transport to the host ntp1, and close it."""
    transport = connect(home, config, accept_new=accept_new)
    try:
        yield transport
    finally:
        transport.close()


def host(home: Path, server: SshServer, more: str = "  IdentityFile ~/.ssh/key\n") -> str:
    """Return the configuration of the host ntp1, which is a server of this process."""
    with (home / "known_hosts").open("a") as known:
        known.write(server.known)
    return f"Host ntp1\n  HostName 127.0.0.1\n  User op\n  Port {server.port}\n{more}"
