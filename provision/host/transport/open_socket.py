"""Open the connection below SSH: TCP to a host, or to the first jump host, or a ProxyCommand."""

import os
import socket
import time
from typing import Any

from provision.common.errors import HostUnreachable, NameUnresolved
from provision.host.transport.local import Child
from provision.host.transport.ssh_settings import SshSettings

SECONDS = 10
"""The time limit for each address, if the SSH configuration has no ConnectTimeout."""
PAUSE_SECONDS = 1
"""The pause between the tries of ConnectionAttempts, as in ssh."""
FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


def open_socket(settings: SshSettings, label: str) -> tuple[socket.socket, Child | None]:
    """Return a socket, and the process of the proxy command behind it; ``label`` begins each message.

    Raises HostUnreachable.
    """
    if settings.proxy_command is not None:
        return _start_proxy(settings.proxy_command, f"{label}: ProxyCommand {settings.proxy_program!r}")
    for _ in range(settings.attempts - 1):
        try:
            return _connect(settings, label), None
        except HostUnreachable:
            time.sleep(PAUSE_SECONDS)
    return _connect(settings, label), None


def _start_proxy(command: str, label: str) -> tuple[socket.socket, Child]:
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            # As ssh does: the command is a line for the shell of the user.
            child = Child((os.environ.get("SHELL") or "/bin/sh", "-c", f"exec {command}"), theirs.fileno())
        except OSError as error:
            ours.close()
            raise HostUnreachable(f"{label}: {error.strerror}") from error
    return ours, child


def _connect(settings: SshSettings, label: str) -> socket.socket:
    """Connect to the first address of a host that answers."""
    address, port = settings.address, settings.port
    try:
        places = socket.getaddrinfo(address, port, FAMILIES.get(settings.family, 0), socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "not the name of a host"
        raise NameUnresolved(f"{label}: cannot resolve {address}: {why}") from error
    message = f"{label}: {address} has no address"
    for family, kind, protocol, _, place in places:
        try:
            return _connect_to(place, socket.socket(family, kind, protocol), settings)
        except OSError as error:
            # The next address may work, as where the kernel has no IPv6.
            message = _message(error, settings, label, str(place[0]))
    raise HostUnreachable(message)


def _connect_to(place: Any, sock: socket.socket, settings: SshSettings) -> socket.socket:
    """Connect a socket to an address. Raises OSError."""
    try:
        _bind(sock, settings)
        sock.settimeout(settings.seconds or SECONDS)
        sock.connect(place)
    except OSError:
        sock.close()
        raise
    # With Nagle's algorithm, each command waits 40 ms for a delayed ACK.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _bind(sock: socket.socket, settings: SshSettings) -> None:
    """Give the connection the address that BindAddress or BindInterface names."""
    if settings.bind_interface:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, settings.bind_interface.encode())
    if settings.bind_address:
        own = socket.getaddrinfo(settings.bind_address, 0, sock.family, socket.SOCK_STREAM)
        sock.bind(own[0][4])


def _message(error: OSError, settings: SshSettings, label: str, address: str) -> str:
    """Return the message for an address that could not be connected to; of several, that of the last one is shown."""
    port = settings.port
    if isinstance(error, TimeoutError):
        seconds = settings.seconds or SECONDS
        return (
            f"{label}: no answer from {settings.address} port {port} in {seconds} s; is it up, and its firewall open?"
        )
    reason = (error.strerror or str(error)).lower()
    own = settings.bind_interface or settings.bind_address
    if own:
        reason += f" (from {own}: BindAddress or BindInterface of the SSH configuration)"
    return f"{label}: no connection to {address} port {port}: {reason}; is the host up, and is that sshd's port?"
