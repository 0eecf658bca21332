"""Servers that are no sshd: whatever they send before SSH begins, each costs one line and little time."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from provision.common.errors import HostUnreachable
from provision.host.target import parse_target
from provision.host.transport.negotiation import NO_SSH
from provision.host.transport.ssh import SshTransport


@contextmanager
def server(sends: bytes) -> Iterator[int]:
    """Send the same bytes for ever to each client; yield the port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    threading.Thread(target=send, args=(client,), daemon=True).start()

        def send(client: socket.socket) -> None:
            with suppress(OSError), client:
                while True:
                    client.sendall(sends)

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


OLD = b"SSH-1.0-" + b"\x1b[2J" * 10_000 + b"\r\n"


@pytest.mark.parametrize("sends", [b"x" * 65536, b"\x1b]0;owned\x07\r\n" * 10, b"\n" * 1000, b"\xff\xfe" * 1000, OLD])
def test_bytes_without_end_are_no_sshd(sends: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("provision.host.transport.hops.TRIES", 1)
    begun = time.monotonic()
    with server(sends) as port, pytest.raises(HostUnreachable) as caught:
        SshTransport(parse_target(f"root@127.0.0.1:{port}"))
    assert time.monotonic() - begun < 30
    assert str(caught.value).startswith(f"root@127.0.0.1:{port}: ")
    assert len(str(caught.value)) < 1000
    assert str(caught.value).isprintable()
    if b"\n" not in sends:
        assert NO_SSH in str(caught.value)


@pytest.mark.parametrize(
    ("tries", "patience", "words"),
    [
        (2, 5.0, "connection closed 2 times before SSH began; is it sshd's port"),
        (2, 0.0, "no SSH in 0 s; is it sshd's port, and is the host busy?"),
    ],
)
def test_a_server_that_closes_the_connection(
    tries: int, patience: float, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("provision.host.transport.hops.TRIES", tries)
    monkeypatch.setattr("provision.host.transport.hops.REFUSAL_SECONDS", patience)
    clients = 0
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            nonlocal clients
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    clients += 1
                    client.close()

        threading.Thread(target=serve, daemon=True).start()
        port = listening.getsockname()[1]
        with pytest.raises(HostUnreachable) as caught:
            SshTransport(parse_target(f"root@127.0.0.1:{port}"))
    assert words in str(caught.value)
    assert clients == {5.0: tries, 0.0: 1}[patience]


def test_a_server_that_sends_its_version_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("provision.host.transport.negotiation.HANDSHAKE_SECONDS", 0.2)
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            client, _ = listening.accept()
            with suppress(OSError), client:
                client.sendall(b"SSH-2.0-silent\r\n")
                while client.recv(65536):
                    pass

        threading.Thread(target=serve, daemon=True).start()
        port = listening.getsockname()[1]
        with pytest.raises(HostUnreachable, match=r"no agreement on session keys in 0\.2 s; is the host busy\?"):
            SshTransport(parse_target(f"root@127.0.0.1:{port}"))
