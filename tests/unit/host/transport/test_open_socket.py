"""Addresses of a host, of which the next one is tried."""

import errno
import socket
from pathlib import Path

import pytest

from tests.helpers.ssh_home import KEY, host, reached
from tests.helpers.ssh_server import ssh_server


def test_a_kernel_without_ipv6_reaches_the_next_address(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really, places = socket.socket, socket.getaddrinfo

    def without_ipv6(family: int = -1, *more: int, **options: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return really(family, *more, **options)

    def both(_: str, port: int, *more: int) -> list[object]:
        return [*places("::1", port, *more), *places("127.0.0.1", port, *more)]

    with ssh_server([KEY]) as server:
        config = host(home, server)
        monkeypatch.setattr("provision.host.transport.open_socket.socket.socket", without_ipv6)
        monkeypatch.setattr("provision.host.transport.open_socket.socket.getaddrinfo", both)
        with reached(home, config) as transport:
            assert transport.execute("echo in").stdout == "in\n"
