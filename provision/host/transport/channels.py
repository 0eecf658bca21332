"""Run lines whose input stays open, and transfer files, in channels of a Paramiko connection.

A file is the input or the output of ``cat``. So a host needs no SFTP, which start-up files of the shell that print
would disturb. Invoke writes to a command's input at about 100 bytes a second, and is not used here.
"""

from collections.abc import Callable
from shlex import quote
from typing import Protocol, TypeVar

import paramiko

from provision.common.errors import CommandFailed
from provision.host.transport import LOOK, MOST_DOWNLOADED, Output
from provision.host.transport.output_mark import MARK, NotRun, with_mark

LONGEST_LINE = 4096
"""The longest line that is read from a guard, in characters."""
MOST_LAST_WORDS = 64 * 1024
"""The longest output that is read at the end of a line, in bytes."""
MOST_BEFORE = 1024 * 1024
"""The most output of start-up files that is skipped, in bytes."""
WRITE = """sh -c 'umask 077; set -C; cat >"$1" && wc -c <"$1"' sh {path}"""
"""Writes a new file and prints its size."""
READ = """sh -c 'wc -c <"$1" && cat "$1"' sh {path}"""
"""Prints the size of a file, and the file."""

T = TypeVar("T")


class WithTimeLimit(Protocol):
    """The type of ``SshTransport._with_time_limit``."""

    def __call__(self, seconds: float, act: Callable[[], T]) -> T:
        """Call ``act`` with a time limit, and convert Paramiko's exceptions. Raises HostUnreachable."""


class RunningChannel:
    """A line that runs on the host."""

    def __init__(self, channel: paramiko.Channel, with_time_limit: WithTimeLimit, seconds: float) -> None:
        self._channel = channel
        self._output = channel.makefile("rb")
        self._with_time_limit = with_time_limit
        self._seconds = seconds
        self._is_after_mark = False

    def read_line(self, seconds: float = LOOK.seconds) -> str:
        """Return the next line of its output."""

        def read() -> str:
            if not self._is_after_mark:
                _skip_to_mark(self._channel, self._output)
                self._is_after_mark = True
            return _text(self._output.readline(LONGEST_LINE)).rstrip("\n")

        return self._with_time_limit(seconds, read)

    def send(self, data: bytes) -> None:
        """Write to its standard input."""
        self._with_time_limit(self._seconds, lambda: self._channel.sendall(data))

    def close(self) -> Output:
        """Close its standard input and wait until it ends."""

        def end() -> Output:
            self._channel.shutdown_write()
            return _ended(self._channel, _text(self._output.read(MOST_LAST_WORDS)))

        return self._with_time_limit(self._seconds, end)


def write_file(channel: paramiko.Channel, name: str, data: bytes, path: str) -> None:
    """Write a new file, mode 0600. Raises CommandFailed, SSHException, OSError."""
    channel.exec_command(with_mark(WRITE.format(path=quote(path))))
    try:
        channel.sendall(data)
        channel.shutdown_write()
    except OSError:
        # The command has ended before it has read all; it says why.
        if not channel.get_transport().is_active():
            raise
    output = channel.makefile("rb")
    _skip_to_mark(channel, output)
    said = _text(output.readline(LONGEST_LINE))
    if len(said) == LONGEST_LINE:
        channel.close()
        raise CommandFailed(f"{name}: cannot write {path}: the host printed something else than its size")
    ended = _ended(channel, said)
    if ended.status == -1:
        raise EOFError
    if ended.status != 0 or ended.stdout.strip() != str(len(data)):
        raise CommandFailed(f"{name}: cannot write {path}: {ended.last_words}")


def read_file(channel: paramiko.Channel, name: str, path: str) -> bytes:
    """Return the content of a file. Raises CommandFailed, SSHException, OSError."""
    channel.exec_command(with_mark(READ.format(path=quote(path))))
    output = channel.makefile("rb")
    _skip_to_mark(channel, output)
    said = _text(output.readline(LONGEST_LINE)).strip()
    size = int(said) if said.isdecimal() else None
    data = b""
    if size is not None and size <= MOST_DOWNLOADED:
        data = bytes(output.read(size))
    # The size that the host reports may be wrong.
    if size is None or size > MOST_DOWNLOADED or len(data) != size or output.read(1):
        channel.close()
        if size is None:
            raise CommandFailed(f"{name}: cannot read {path}: {_ended(channel, said).last_words}")
        raise CommandFailed(f"{name}: {path}: not as large as the host says, or too large ({size})")
    return data


def _skip_to_mark(channel: paramiko.Channel, output: paramiko.channel.ChannelFile) -> None:
    """Read up to the mark. Raises NotRun, or EOFError if the connection is lost."""
    before = b""
    size = 0
    while size < MOST_BEFORE and (line := bytes(output.readline(LONGEST_LINE))):
        size += len(line)
        # A long line is read in pieces.
        before = (before + line)[-LONGEST_LINE:]
        if before.endswith(f"{MARK}\n".encode()):
            return
    if size < MOST_BEFORE and channel.recv_exit_status() == -1:
        raise EOFError
    raise NotRun(Output(0, _text(before)).last_words)


def _ended(channel: paramiko.Channel, stdout: str) -> Output:
    stderr = _text(channel.makefile_stderr().read(MOST_LAST_WORDS))
    return Output(channel.recv_exit_status(), stdout, stderr)


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
