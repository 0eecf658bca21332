"""Reach hosts by SSH with Fabric. Unlike Fabric by itself, check host keys, and read the configuration as ssh does."""

import logging
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import paramiko
from fabric import Connection
from fabric.runners import Remote

from provision.common.errors import HostUnreachable
from provision.host.target import Target
from provision.host.transport import LOOK, Limit, Output, RunningLine, Watch, brief, runner
from provision.host.transport.channels import NO_STATUS, RunningChannel, open_session, read_file, write_file
from provision.host.transport.exit_signal import Killed, killed_by
from provision.host.transport.hops import CHANNEL_SECONDS, hops
from provision.host.transport.output_mark import NotRun, WatchAfterMark, after_mark, with_mark
from provision.host.transport.ssh_config import read_route
from provision.host.transport.ssh_options import DEFAULT_PORT
from provision.host.transport.ssh_settings import SshSettings

KEEPALIVE_SECONDS = 10
LOST_AFTER_SECONDS = 40
"""tcp(7), TCP_USER_TIMEOUT: the longest time without acknowledgement of sent data, which the keepalive provides."""
LOOK_SECONDS = 0.5
"""Interval at which a running line is looked at whether the threads that read its output have failed."""
ENDING_SECONDS = 1
"""The time in which the thread of a lost connection ends."""
DOWNLOAD_SECONDS = 600
"""The time limit for a download, of at most MOST_DOWNLOADED bytes."""
SLOWEST = 10_000
"""Bytes a second; a slower upload is given up."""

AGAIN = "run the same command again to complete it"
"""What to do after a lost connection; the run is idempotent."""

T = TypeVar("T")

# Without a handler, logging would print Paramiko's tracebacks among our messages.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def with_zone(place: Sequence[Any]) -> str:
    """Return the IP address of a socket address; a link-local one needs its zone, such as ``fe80::1%eth0``."""
    address, _, *ipv6 = place
    if len(ipv6) == 2 and ipv6[1]:
        return f"{address}%{socket.if_indextoname(ipv6[1])}"
    return str(address)


class SshTransport:
    """Run lines over one Fabric connection, which stays open between them.

    ``key`` and ``host_key`` are for sandboxes, whose keys this tool has generated. Raises HostUnreachable.
    """

    def __init__(
        self, target: Target, *, accept_new: bool = False, key: Path | None = None, host_key: str | None = None
    ) -> None:
        self._name = target.text
        self._is_open = False
        route = _route(target, key, configured=host_key is None)
        self.is_direct = len(route) == 1 and route[0].proxy_command is None
        """Whether there is no intermediary, such as a jump host, between this machine and the host."""
        self._hops = hops(self._name, route, accept_new=accept_new, host_key=host_key)
        self._connection: Connection = self._hops[-1].connection
        self._open()

    @property
    def name(self) -> str:
        """Return the operator's name for this host."""
        return self._name

    @property
    def address(self) -> str:
        """Return the address of the connection; behind a jump host, the name that the jump host resolved."""
        if not self.is_direct:
            return str(self._connection.host)
        return with_zone(self._connection.transport.sock.getpeername())

    def execute(
        self, line: str, *, password: str | None = None, watch: Watch | None = None, limit: Limit = LOOK
    ) -> Output:
        """Run a line in the login shell."""
        if watch is not None:
            watch = WatchAfterMark(watch)
        remote = _BoundedRemote(self._connection, limit)
        try:
            output = self._translated(lambda: runner.execute(remote, with_mark(line), password=password, watch=watch))
        except runner.LimitReached as reached:
            raise HostUnreachable(
                f"{self.name}: a command was stopped: {reached}; check the host, and {AGAIN}"
            ) from None
        if output.status == NO_STATUS:
            raise HostUnreachable(self._without_status(remote.channel))
        if output is runner.REFUSED:
            # The runner ended the line at sudo's second prompt, and returns nothing that was printed before.
            return output
        stdout = after_mark(output.stdout)
        if stdout is None:
            raise HostUnreachable(_not_run(self.name, output.last_words))
        return Output(output.status, stdout, output.stderr)

    def hold(self, line: str) -> RunningLine:
        """Start a line in the login shell, in a channel of its own."""

        def start() -> paramiko.Channel:
            channel = self._session()
            channel.exec_command(with_mark(line))
            return channel

        return RunningChannel(self._with_time_limit(CHANNEL_SECONDS, start), self._with_time_limit, CHANNEL_SECONDS)

    def upload(self, data: bytes, path: str) -> None:
        """Write a new file."""

        def write() -> None:
            with self._session() as channel:
                write_file(channel, self.name, data, path)

        self._with_time_limit(CHANNEL_SECONDS + len(data) / SLOWEST, write)

    def download(self, path: str) -> bytes:
        """Return the content of a file."""

        def read() -> bytes:
            with self._session() as channel:
                return read_file(channel, self.name, path)

        return self._with_time_limit(DOWNLOAD_SECONDS, read)

    def close(self) -> None:
        """Close the connection and those to jump hosts; a lost connection is not an error."""
        for hop in reversed(self._hops):
            hop.close()

    def _without_status(self, channel: paramiko.Channel) -> str:
        """Return the message for a command that ended without an exit status."""
        if killed := killed_by(channel):
            return self._killed(killed)
        transport = self._connection.transport
        if transport is not None:
            # If the connection was lost, its thread ends right after it has closed the channels.
            transport.join(ENDING_SECONDS)
            if transport.is_active():
                return self._killed("was killed on the host (is memory short?)")
        return f"{self.name}: the connection was lost; {AGAIN}"

    def _killed(self, how: str) -> str:
        return f"{self.name}: the command {how}; {AGAIN}"

    def _session(self) -> paramiko.Channel:
        """Open a session for one command."""
        transport: paramiko.Transport = self._connection.transport
        return open_session(lambda: transport.open_session(timeout=CHANNEL_SECONDS))

    def _open(self) -> None:
        try:
            for hop in self._hops:
                self._translated(hop.open, hop.label)
        except BaseException:
            # Also after Ctrl-C, the connections that are open have to be closed.
            self.close()
            raise
        self._is_open = True
        self._notice_loss()

    def _notice_loss(self) -> None:
        """Have a lost connection end after LOST_AFTER_SECONDS."""
        self._connection.transport.set_keepalive(KEEPALIVE_SECONDS)
        # Behind a jump host, only the first connection is one of TCP; with a ProxyCommand, none is.
        first = self._hops[0]
        if first.settings.proxy_command is None and hasattr(socket, "TCP_USER_TIMEOUT"):
            first.connection.transport.sock.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, LOST_AFTER_SECONDS * 1000
            )

    def _with_time_limit(self, seconds: float, act: Callable[[], T]) -> T:
        """Call ``act``; close the connection if it takes too long, the only way to end every wait in Paramiko."""
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self.close()

        timer = threading.Timer(seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            result = self._translated(act)
        except HostUnreachable:
            if not late.is_set():
                raise
        else:
            # A result that came only because the connection was closed is not valid.
            if not late.is_set():
                return result
        finally:
            timer.cancel()
        raise HostUnreachable(f"{self.name}: no answer within {seconds:.0f} s; check the host, and {AGAIN}")

    def _translated(self, act: Callable[[], T], label: str | None = None) -> T:
        """Call ``act`` and convert Paramiko's exceptions to HostUnreachable; ``label``: the hop that is opened."""
        label = label or self.name
        if self._is_open and not self._connection.is_connected:
            # Fabric would silently open a new connection, but the workspace has ended with the old one.
            raise HostUnreachable(f"{self.name}: the connection was lost; {AGAIN}")
        try:
            return act()
        except NotRun as error:
            raise HostUnreachable(_not_run(self.name, str(error))) from error
        except Killed as error:
            raise HostUnreachable(self._killed(str(error))) from error
        except paramiko.ChannelException as error:
            raise HostUnreachable(
                f"{label}: its sshd opens no further session; this tool needs two at a time: "
                "MaxSessions in its sshd_config has to be 2 or more"
            ) from error
        except (paramiko.SSHException, EOFError, OSError, ValueError) as error:
            if self._is_open and not self._connection.is_connected:
                raise HostUnreachable(f"{self.name}: the connection was lost; {AGAIN}") from error
            message = f"{label}: {brief(str(error)) or 'the connection was closed'}"
            if self._is_open:
                message += f"; {AGAIN}"
            raise HostUnreachable(message) from error


def _route(target: Target, key: Path | None, *, configured: bool) -> tuple[SshSettings, ...]:
    """Return the settings of the host and of its jump hosts; ``key`` is used instead of all other keys."""
    if configured:
        route = read_route(target.address, user=target.user, port=target.port)
    else:
        route = (
            SshSettings(
                name=target.address,
                address=target.address,
                user=target.user or "root",
                port=target.port or DEFAULT_PORT,
            ),
        )
    if key is None:
        return route
    *before, last = route
    return (*before, replace(last, identities=(key,), certificates=(), agent=None))


def _not_run(name: str, printed: str) -> str:
    return (
        f"{name}: the login does not run commands: {printed}; is there a forced command (ForceCommand, or "
        "command= in authorized_keys), or no login shell?"
    )


class _BoundedRemote(runner.Bounded, Remote):  # type: ignore[misc]  # Fabric publishes no types
    """Run a line on the host within limits, and end at once after Ctrl-C.

    Fabric's own runner would first wait for the end of the command, which may be a long build.
    """

    def __init__(self, connection: Connection, limit: Limit) -> None:
        super().__init__(connection)
        self.limit = limit

    def start(self, *arguments: Any, **options: Any) -> None:
        """Start the line in a session of its own."""
        open_session(lambda: super(_BoundedRemote, self).start(*arguments, **options))

    def wait(self) -> None:
        """Wait until the line has ended. Invoke's own method looks a hundred times a second, and so for each host."""
        while not self.channel.status_event.wait(LOOK_SECONDS):
            if self.has_dead_threads:
                return

    def give_up(self) -> None:
        """Close the whole connection, for the host may keep the channel open."""
        self.context.transport.close()

    def send_interrupt(self, interrupt: KeyboardInterrupt) -> None:
        """Close the channel; the command on the host ends at its next line of output (SIGPIPE)."""
        self.channel.close()
        raise interrupt
