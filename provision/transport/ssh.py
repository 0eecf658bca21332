"""SSH, through Fabric. Host keys are checked, which Fabric by itself does not do."""

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import paramiko
from fabric import Config, Connection
from fabric.runners import Remote

from provision.errors import CommandFailed, HostUnreachable
from provision.target import Target
from provision.transport import Held, Output, Watch, runner
from provision.transport.door import TRIES, is_turned_away, knock
from provision.transport.host_keys import changed_key, trust

CONNECT_SECONDS = 10
KEEPALIVE_SECONDS = 10
LOST_AFTER_SECONDS = 40
"""tcp(7), TCP_USER_TIMEOUT: how long sent data may stay unacknowledged; the keepalive makes sure that some is sent."""

AGAIN = "run the same line again to complete"

T = TypeVar("T")


class Translated(Protocol):
    """Acts, and turns what Paramiko says when that fails into our own words."""

    def __call__(self, act: Callable[[], T]) -> T:
        """Act."""


# Without a handler, logging's last resort would print Paramiko's tracebacks over our messages.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class SshTransport:
    """Run lines over one Fabric connection, which stays open between them.

    ``key`` and ``host_key`` are for hosts whose keys we made ourselves. Raises HostUnreachable.
    """

    def __init__(
        self, target: Target, *, accept_new: bool = False, key: Path | None = None, host_key: str | None = None
    ) -> None:
        self._name = target.text
        self._is_open = False
        options: dict[str, Any] = {"banner_timeout": 15, "auth_timeout": 15, "transport_factory": _undelayed}
        if key is not None:
            options |= {"key_filename": str(key), "look_for_keys": False, "allow_agent": False}
        try:
            self._connection = Connection(
                target.address,
                user=target.user,
                port=target.port,
                config=Config(overrides={"runners": {"remote": _Interruptible}}),
                connect_timeout=CONNECT_SECONDS,
                connect_kwargs=options,
            )
        except (paramiko.SSHException, OSError, ValueError) as error:
            raise HostUnreachable(f"{self._name}: ~/.ssh/config: {error}") from error
        trust(self._connection, accept_new=accept_new, host_key=host_key)
        self._open()

    @property
    def name(self) -> str:
        """Return what the operator calls this host."""
        return self._name

    @property
    def address(self) -> str:
        """Return the address that we reached; behind a jump host, the name that it was given."""
        sock = self._connection.transport.sock
        return str(sock.getpeername()[0]) if isinstance(sock, socket.socket) else str(self._connection.host)

    @property
    def is_direct(self) -> bool:
        """Say whether we have a socket of our own; behind a jump host, or a ProxyCommand, it is something else."""
        return isinstance(self._connection.transport.sock, socket.socket)

    def execute(self, line: str, *, password: str | None = None, watch: Watch | None = None) -> Output:
        """Run a line in the login shell."""
        output = self._translated(lambda: runner.execute(self._connection, line, password=password, watch=watch))
        if output.status == -1:
            # Paramiko's status of a channel that closed without one.
            raise HostUnreachable(f"{self.name}: the connection was lost; {AGAIN}")
        return output

    def hold(self, line: str) -> Held:
        """Start a line in the login shell, in a channel of its own."""

        def start() -> paramiko.Channel:
            channel: paramiko.Channel = self._connection.transport.open_session(timeout=CONNECT_SECONDS)
            channel.exec_command(line)
            return channel

        return _HeldChannel(self.name, self._translated(start), self._translated)

    def upload(self, data: bytes, path: str) -> None:
        """Write a new file by SFTP, because Invoke feeds a command's stdin at about 100 bytes a second."""

        def put() -> None:
            try:
                opened = self._connection.sftp().open(path, "wx")
            except PermissionError as error:
                raise CommandFailed(f"{self.name}: may not write {path}: {error}") from error
            with opened as file:
                file.chmod(0o600)
                # Without it, each 32 KiB would wait for its own answer.
                file.set_pipelined(True)
                file.write(data)
                # Nor does a pipelined write fail: that the disk was full shows in the size alone.
                if file.stat().st_size != len(data):
                    raise CommandFailed(f"{self.name}: no space left for {path}; make room there")

        self._translated(put)

    def download(self, path: str) -> bytes:
        """Return what is in a file, by SFTP."""

        def get() -> bytes:
            try:
                opened = self._connection.sftp().open(path, "rb")
            except (PermissionError, FileNotFoundError) as error:
                raise CommandFailed(f"{self.name}: cannot read {path}: {error}") from error
            with opened as file:
                # Without it, each 32 KiB would wait for its own answer.
                file.prefetch(file.stat().st_size)
                return bytes(file.read())

        return self._translated(get)

    def close(self) -> None:
        """End the connection; one that is lost has ended."""
        connection: Any = self._connection
        while isinstance(connection, Connection):
            with suppress(paramiko.SSHException, EOFError, OSError):
                connection.close()
            # Fabric leaves the jump host connected.
            connection = connection.gateway

    def _open(self) -> None:
        try:
            self._translated(lambda: knock(self._connection))
        except HostUnreachable:
            self.close()
            raise
        self._is_open = True
        transport = self._connection.transport
        transport.set_keepalive(KEEPALIVE_SECONDS)
        # Behind a jump host the "socket" is a channel, which has no options.
        if isinstance(transport.sock, socket.socket) and hasattr(socket, "TCP_USER_TIMEOUT"):
            transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, LOST_AFTER_SECONDS * 1000)

    def _translated(self, act: Callable[[], T]) -> T:
        """Act; nobody above this line knows Paramiko."""
        if self._is_open and not self._connection.is_connected:
            # Fabric would open another one, in silence, to a host on which our workplace is held by nobody.
            raise HostUnreachable(f"{self.name}: the connection was lost; {AGAIN}")
        try:
            return act()
        except paramiko.BadHostKeyException as error:
            raise HostUnreachable(changed_key(self.name, error)) from error
        except paramiko.PasswordRequiredException as error:
            raise HostUnreachable(f"{self.name}: the private key is encrypted; load it into ssh-agent first") from error
        except paramiko.AuthenticationException as error:
            who = self._connection.user
            raise HostUnreachable(
                f"{self.name}: {who!r} was not let in with any key; check user and key with ssh -v"
            ) from error
        except socket.gaierror as error:
            raise HostUnreachable(f"{self.name}: cannot resolve {self._connection.host}: {error.strerror}") from error
        except TimeoutError as error:
            raise HostUnreachable(
                f"{self.name}: no answer from {self._connection.host} port {self._connection.port} "
                f"in {CONNECT_SECONDS} s; is it up, and its firewall open?"
            ) from error
        except paramiko.ssh_exception.NoValidConnectionsError as error:
            raise HostUnreachable(_no_connection(self.name, error)) from error
        except (paramiko.SSHException, EOFError, OSError, ValueError) as error:
            if not self._is_open and is_turned_away(error):
                raise HostUnreachable(
                    f"{self.name}: turned away {TRIES} times, before SSH began; is it sshd's port, and are its "
                    "MaxStartups, or those of the jump host, enough?"
                ) from error
            reason = str(error) or "the connection was closed"
            advice = f"; {AGAIN}" if self._is_open else ""
            raise HostUnreachable(f"{self.name}: {reason}{advice}") from error


class _HeldChannel:
    """A line that runs on the host."""

    def __init__(self, name: str, channel: paramiko.Channel, translated: Translated) -> None:
        self._name = name
        self._channel = channel
        self._output = channel.makefile()
        self._translated = translated

    def read_line(self) -> str:
        """Return the next line that it printed."""
        return self._translated(lambda: _text(self._output.readline()).rstrip("\n"))

    def send(self, data: bytes) -> None:
        """Write to its standard input."""
        self._translated(lambda: self._channel.sendall(data))

    def close(self) -> Output:
        """Close its standard input and wait until it ends."""

        def end() -> Output:
            self._channel.shutdown_write()
            stdout = _text(self._output.read())
            stderr = _text(self._channel.makefile_stderr().read())
            return Output(self._channel.recv_exit_status(), stdout, stderr)

        return self._translated(end)


def _text(data: bytes | str) -> str:
    return data.decode(errors="replace") if isinstance(data, bytes) else data


def _undelayed(sock: Any, **options: Any) -> paramiko.Transport:
    """Return a transport that sends at once: with Nagle's algorithm each command waits 40 ms for a delayed ACK."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return paramiko.Transport(sock, **options)


class _Interruptible(Remote):  # type: ignore[misc]  # Fabric publishes no types
    """Ends with Ctrl-C at once; Fabric's own would first wait for the command to end, which may be a long build."""

    def send_interrupt(self, interrupt: KeyboardInterrupt) -> None:
        """Close the channel: what still runs on the host ends at its next line of output (SIGPIPE)."""
        self.channel.close()
        raise interrupt


def _no_connection(name: str, error: paramiko.ssh_exception.NoValidConnectionsError) -> str:
    """Say why; a name may have several addresses, and the last one tried speaks for all."""
    *_, ((address, port, *_), reason) = error.errors.items()
    why = (getattr(reason, "strerror", None) or str(reason)).lower()
    return f"{name}: no connection to {address} port {port}: {why}; is the host up, and is that sshd's port?"
