"""An SSH server and an agent in this process, for tests that need neither root nor an installed sshd.

The server runs commands in sh, as the user of the tests. It refuses what a test did not allow.
"""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko

PREAMBLE = "echo Welcome; printf 'no newline '; "
"""What the start-up files of a login shell print."""
SECONDS = 60
"""After which a command runs even if the request for it was not replied to."""
RSA_FLAGS = {2: "rsa-sha2-256", 4: "rsa-sha2-512"}
"""draft-ietf-sshm-ssh-agent, signature flags → algorithm."""


@dataclass
class SshServer:
    """The rules of the server, and what it has seen."""

    accepted: Sequence[paramiko.PKey]
    then: str = ""
    """The methods that a login needs after a key, such as ``keyboard-interactive``."""
    takes: str = "publickey"
    sessions: int = 10
    """MaxSessions."""
    refused_sessions: int = 0
    """The number of sessions that are refused first, as by an sshd that has not closed the last one yet."""
    signal: str = ""
    """The name of the signal that is reported of a command that was killed, in place of the real one."""
    forwards: bool = True
    ciphers: tuple[str, ...] = ()
    no_signatures: tuple[str, ...] = ()
    """Signature algorithms that the server does not take, as with PubkeyAcceptedAlgorithms."""
    forced: str = ""
    """A command that is run in place of each other one."""
    key_seconds: float = 0
    """The time until it answers to a key."""
    cut_off: bool = False
    """Whether each command ends the connection."""
    host_key: paramiko.PKey = field(default_factory=paramiko.ECDSAKey.generate)
    port: int = 0
    tried: list[str] = field(default_factory=list)
    """The keys that were tried, as fingerprints."""
    users: list[str] = field(default_factory=list)

    @property
    def known(self) -> str:
        """Return its line of known_hosts."""
        return f"[127.0.0.1]:{self.port} {self.host_key.get_name()} {self.host_key.get_base64()}\n"


CLOSING_SECONDS = 20
"""The time in which a client has to close the channel of a command that has ended."""
CUT_OFF = (OSError, EOFError, paramiko.SSHException)
"""What a thread of the server may meet when a test ends the connection."""


@contextmanager
def ssh_server(accepted: Sequence[paramiko.PKey], **rules: Any) -> Iterator[SshServer]:
    """Serve SSH at a free port of 127.0.0.1."""
    server = SshServer(accepted, **rules)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]
        transports: list[paramiko.Transport] = []
        thread = threading.Thread(target=_serve, args=(server, listening, transports), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for transport in transports:
                transport.close()
            thread.join(10)


def _serve(server: SshServer, listening: socket.socket, transports: list[paramiko.Transport]) -> None:
    with suppress(*CUT_OFF):
        while True:
            client, _ = listening.accept()
            transport = _Transport(client, disabled_algorithms={"pubkeys": server.no_signatures})
            transports.append(transport)
            transport.add_server_key(server.host_key)
            if server.ciphers:
                transport.get_security_options().ciphers = server.ciphers
            with suppress(paramiko.SSHException, EOFError):
                transport.start_server(server=_Rules(server, transport), event=threading.Event())


class _Transport(paramiko.Transport):
    """A transport that notes the replies to requests.

    Paramiko replies to the request for a command when its handler has returned; a command that ends before that would
    close the channel without a reply, which sshd never does.
    """

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self.replied: dict[int, threading.Event] = {}
        """By the number of a channel; an event of a channel that waits for the reply."""
        super().__init__(*arguments, **more)

    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]  # the published types lack it
        message = paramiko.Message(data.asbytes())
        if message.get_byte() == paramiko.common.cMSG_CHANNEL_SUCCESS:
            number = message.get_int()
            if number in self.replied:
                self.replied[number].set()


class _Rules(paramiko.ServerInterface):
    def __init__(self, server: SshServer, transport: _Transport) -> None:
        self._server = server
        self._transport = transport
        self._channels: list[paramiko.Channel] = []

    def get_allowed_auths(self, username: str) -> str:
        self._server.users.append(username)
        return self._server.takes

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._server.users.append(username)
        self._server.tried.append(str(key.fingerprint))
        time.sleep(self._server.key_seconds)
        if "publickey" not in self._server.takes or key not in self._server.accepted:
            return paramiko.common.AUTH_FAILED
        if self._server.then:
            self._server.takes = self._server.then
            return paramiko.common.AUTH_PARTIALLY_SUCCESSFUL
        return paramiko.common.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002 -- Paramiko's interface
        if self._server.refused_sessions:
            self._server.refused_sessions -= 1
            return paramiko.common.OPEN_FAILED_CONNECT_FAILED
        if sum(not channel.closed for channel in self._channels) >= self._server.sessions:
            return paramiko.common.OPEN_FAILED_CONNECT_FAILED
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._channels.append(channel)
        if self._server.cut_off:
            self._transport.sock.close()
            return True
        line = self._server.forced or PREAMBLE + command.decode()
        self._transport.replied[channel.remote_chanid] = threading.Event()
        threading.Thread(target=self._run, args=(channel, line), daemon=True).start()
        return True

    def check_channel_direct_tcpip_request(
        self,
        chanid: int,  # noqa: ARG002 -- Paramiko's interface
        origin: tuple[str, int],  # noqa: ARG002 -- as above
        destination: tuple[str, int],
    ) -> int:
        if not self._server.forwards:
            return paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        try:
            there = socket.create_connection(destination, 5)
        except OSError:
            return paramiko.common.OPEN_FAILED_CONNECT_FAILED
        threading.Thread(target=self._forward, args=(there,), daemon=True).start()
        return paramiko.common.OPEN_SUCCEEDED

    def _forward(self, there: socket.socket) -> None:
        with suppress(*CUT_OFF):
            channel = self._transport.accept(10)
            if channel is None:
                return
            threading.Thread(target=_copy, args=(channel.recv, there.sendall), daemon=True).start()
            _copy(there.recv, channel.sendall)
            channel.close()

    def _run(self, channel: paramiko.Channel, line: str) -> None:
        self._transport.replied[channel.remote_chanid].wait(SECONDS)
        process = subprocess.Popen(
            ["sh", "-c", line],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        threading.Thread(target=_feed, args=(channel, process.stdin), daemon=True).start()
        errors = threading.Thread(target=_copy, args=(process.stderr.read, channel.sendall_stderr), daemon=True)
        errors.start()
        _copy(process.stdout.read, channel.sendall)
        errors.join()
        status = process.wait()
        # The test may have ended, and with it the connection.
        with suppress(*CUT_OFF):
            self._end(channel, status)

    def _end(self, channel: paramiko.Channel, status: int) -> None:
        """Send the end of a command, and close the channel after the client, as a slow sshd does."""
        if status < 0:
            self._send_exit_signal(channel, signal.Signals(-status).name.removeprefix("SIG"))
            channel.close()
            return
        channel.send_exit_status(status)
        channel.shutdown_write()
        deadline = time.monotonic() + CLOSING_SECONDS
        while not channel.closed and time.monotonic() < deadline:
            time.sleep(0.01)
        channel.close()

    def _send_exit_signal(self, channel: paramiko.Channel, name: str) -> None:
        """Send the request of RFC 4254, 6.10, which Paramiko lacks."""
        message = paramiko.Message()
        message.add_byte(bytes([paramiko.common.MSG_CHANNEL_REQUEST]))
        message.add_int(channel.remote_chanid)
        message.add_string("exit-signal")
        message.add_boolean(False)  # noqa: FBT003 -- no answer is wanted
        message.add_string(self._server.signal or name)
        message.add_boolean(False)  # noqa: FBT003 -- no core was dumped
        message.add_string("")
        message.add_string("")
        self._transport._send_user_message(message)


def _feed(channel: paramiko.Channel, stdin: Any) -> None:
    _copy(channel.recv, stdin.write)
    with suppress(OSError):
        stdin.close()


def _copy(read: Any, write: Any) -> None:
    with suppress(OSError, EOFError, ValueError):
        while data := read(32768):
            write(data)


@contextmanager
def fake_agent(path: Path, keys: Sequence[paramiko.PKey], *, refuses: Sequence[paramiko.PKey] = ()) -> Iterator[None]:
    """Serve an agent at a socket that has these keys, some of which refuse to sign."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(os.fspath(path))
        listening.listen()
        thread = threading.Thread(target=_answer_all, args=(listening, keys, refuses), daemon=True)
        thread.start()
        yield
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _answer_all(listening: socket.socket, keys: Sequence[paramiko.PKey], refuses: Sequence[paramiko.PKey]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            with client, suppress(OSError, EOFError):
                while size := int.from_bytes(client.recv(4), "big"):
                    answer = _answer(client.recv(size), keys, refuses)
                    client.sendall(len(answer).to_bytes(4, "big") + answer)


def _answer(request: bytes, keys: Sequence[paramiko.PKey], refuses: Sequence[paramiko.PKey]) -> bytes:
    """Answer a request of draft-ietf-sshm-ssh-agent: the list of keys, or a signature."""
    message = paramiko.Message(request)
    kind = message.get_byte()
    answer = paramiko.Message()
    if kind == b"\x0b":
        answer.add_byte(b"\x0c")
        answer.add_int(len(keys))
        for number, key in enumerate(keys):
            answer.add_string(key.asbytes())
            answer.add_string(f"key {number}")
        return answer.asbytes()
    assert kind == b"\x0d"
    blob = message.get_binary()
    data = message.get_binary()
    flags = message.get_int()
    for key in keys:
        if key.asbytes() == blob and key not in refuses:
            answer.add_byte(b"\x0e")
            answer.add_string(key.sign_ssh_data(data, RSA_FLAGS.get(flags)).asbytes())
            return answer.asbytes()
    return b"\x05"
