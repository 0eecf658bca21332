"""Open the connections to a host: one to each jump host of the route, and the last one to the host itself.

sshd refuses some connections if many arrive at once (MaxStartups), so these are opened with backoff.
"""

import random
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import paramiko
from fabric import Config, Connection

from provision.common.errors import HostUnreachable
from provision.host.transport.host_keys import host_key_policy
from provision.host.transport.login import Login
from provision.host.transport.negotiation import HANDSHAKE_SECONDS, NO_SSH, ConfiguredTransport
from provision.host.transport.open_socket import open_socket
from provision.host.transport.ssh_settings import SshSettings

if TYPE_CHECKING:
    from provision.host.transport.local import Child

FORWARD_SECONDS = 30
"""The longest time until a jump host has connected to the next host."""
CHANNEL_SECONDS = 120
"""The longest time until a command or a file transfer starts, and until a held line ends."""
MOST_OPENING = 8
"""The most connections to one host that are being opened at the same time. With the default MaxStartups, 10:30:100
(sshd_config(5)), sshd refuses some connections when 10 are not authenticated yet."""
TRIES = 7
LONGEST_PAUSE = 8.0
"""Seconds. The pauses between tries double up to this, each shortened at random, so that connections that were refused
together do not return together."""
REFUSAL_SECONDS = 5
"""The longest time that sshd takes to refuse a connection; a server that is silent for longer has another problem."""
FORBIDDEN = 1
"""SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254, 5.1)."""
NO_CHANNEL = "Timeout opening channel"
"""The words of Paramiko for a channel that was neither opened nor refused in time."""

_limits: dict[str, threading.BoundedSemaphore] = {}
"""Host and port, or proxy command → the semaphore that limits the connections that are being opened to it."""


class Hop:
    """A connection to a host on the route, or to the host itself; ``gateway`` is the hop before it."""

    def __init__(
        self,
        settings: SshSettings,
        label: str,
        gateway: "Hop | None",
        *,
        accept_new: bool,
        host_key: str | None = None,
        channel_seconds: float = CHANNEL_SECONDS,
    ) -> None:
        self.settings = settings
        self.label = label
        """The host as messages name it."""
        self._gateway = gateway
        self._child: Child | None = None
        # None would have Fabric look for a jump host in its own configuration.
        gateway_connection: Connection | bool = False
        if gateway is not None:
            gateway_connection = gateway.connection
        policy = host_key_policy(settings, accept_new=accept_new, host_key=host_key)

        def transport(sock: Any, **options: Any) -> paramiko.Transport:
            return ConfiguredTransport(sock, known_types=policy.known_types, allowed=settings.algorithms, **options)

        self.connection: Connection = Connection(
            settings.address,
            user=settings.user,
            port=settings.port,
            # An empty configuration, for all of it is in the settings.
            config=Config(ssh_config=paramiko.SSHConfig(), lazy=True),
            gateway=gateway_connection,
            connect_kwargs={
                "banner_timeout": HANDSHAKE_SECONDS,
                "auth_timeout": HANDSHAKE_SECONDS,
                "channel_timeout": channel_seconds,
                "auth_strategy": Login(settings, label),
                "transport_factory": transport,
            },
        )
        self.connection.client.set_missing_host_key_policy(policy)

    def open(self) -> None:
        """Open the connection; try again later if sshd refuses it because too many are being opened."""
        place = self.settings.proxy_command or f"{self.settings.address}:{self.settings.port}"
        limit = _limits.setdefault(place, threading.BoundedSemaphore(MOST_OPENING))
        for attempt in range(1, TRIES + 1):
            begun = time.monotonic()
            try:
                with limit:
                    self._open_once()
            except (paramiko.SSHException, EOFError, ConnectionResetError) as error:
                self._refuse_failed_proxy(error)
                if not _is_refusal(error):
                    raise
                self._refuse_last(attempt, time.monotonic() - begun, error)
            else:
                return
            time.sleep(random.uniform(0.5, 1) * min(LONGEST_PAUSE, 0.25 * 2**attempt))  # noqa: S311 -- no secret

    def _refuse_last(self, attempt: int, seconds: float, error: Exception) -> None:
        """Raise HostUnreachable if another try, after one that took some seconds, is of no use."""
        if seconds >= REFUSAL_SECONDS:
            raise HostUnreachable(
                f"{self.label}: no SSH in {seconds:.0f} s; is it sshd's port, and is the host busy?"
            ) from error
        if attempt == TRIES:
            raise HostUnreachable(
                f"{self.label}: connection closed {TRIES} times before SSH began; is it sshd's port, and is "
                "its MaxStartups high enough?"
            ) from error

    def close(self) -> None:
        """Close the connection; a lost one is not an error."""
        with suppress(paramiko.SSHException, EOFError, OSError):
            self.connection.close()
        with suppress(paramiko.SSHException, EOFError, OSError):
            # Fabric leaves a connection open if the host key was refused, and sshd counts it (MaxStartups).
            self.connection.client.close()
        self._end_child()

    def _open_once(self) -> None:
        if self._gateway is None:
            self._end_child()
            sock, self._child = open_socket(self.settings, self.label)
            self.connection.connect_kwargs["sock"] = sock
        try:
            self.connection.open()
        except paramiko.ChannelException as error:
            reason = "it cannot resolve the name, or gets no connection"
            if error.code == FORBIDDEN:
                reason = "its sshd forbids it (AllowTcpForwarding, PermitOpen)"
            raise HostUnreachable(self._not_forwarded(reason)) from error
        except paramiko.SSHException as error:
            if NO_CHANNEL not in str(error):
                raise
            raise HostUnreachable(self._not_forwarded(f"no answer in {FORWARD_SECONDS} s")) from error

    def _not_forwarded(self, reason: str) -> str:
        """Return the message for a jump host that did not connect to this host."""
        assert self._gateway is not None  # only a jump host opens a channel here  # noqa: S101
        jump, here = self._gateway.settings, self.settings
        return f"{self.label}: jump host {jump.name} opens no connection to {here.address} port {here.port}: {reason}"

    def _refuse_failed_proxy(self, error: Exception) -> None:
        """Raise HostUnreachable if the connection was lost because the proxy command has ended."""
        if self._child is None or not (failure := self._child.failure()):
            return
        raise HostUnreachable(f"{self.label}: ProxyCommand {self.settings.proxy_program!r} {failure}") from error

    def _end_child(self) -> None:
        # Taken first, for a time limit closes the connection in a thread of its own.
        child, self._child = self._child, None
        if child is not None:
            child.end()


def hops(name: str, route: Sequence[SshSettings], *, accept_new: bool, host_key: str | None) -> tuple[Hop, ...]:
    """Return the connections of a route, none of them open; ``host_key`` is that of the host itself."""
    *jump_hosts, host = route
    found: list[Hop] = []
    gateway: Hop | None = None
    for jump_host in jump_hosts:
        label = f"{name}: jump host {jump_host.name}"
        gateway = Hop(jump_host, label, gateway, accept_new=accept_new, channel_seconds=FORWARD_SECONDS)
        found.append(gateway)
    return (*found, Hop(host, name, gateway, accept_new=accept_new, host_key=host_key))


def _is_refusal(error: Exception) -> bool:
    """Return whether sshd closed the connection before it sent its version."""
    if NO_SSH in str(error):
        return False
    return isinstance(error, EOFError | ConnectionResetError) or "protocol banner" in str(error)
