"""Run lines whose input stays open, and transfer files, in channels of a Paramiko connection.

A file is the input or the output of ``cat``. So a host needs no SFTP, which start-up files of the shell that print
would disturb. Invoke writes to a command's input at about 100 bytes a second, and is not used here.
"""

import re
import time
from collections.abc import Callable
from shlex import quote
from typing import Protocol, TypeVar

import paramiko

from provision.common.errors import CommandFailed
from provision.host.transport import LOOK, MOST_DOWNLOADED, Output, brief
from provision.host.transport.exit_signal import Killed, killed_by
from provision.host.transport.output_mark import MARK, NotRun, with_mark

LONGEST_LINE = 4096
"""The longest line that is read from a held line, in characters."""
MOST_LAST_WORDS = 64 * 1024
"""The longest output that is read at the end of a line, in bytes."""
MOST_BEFORE = 1024 * 1024
"""The most output of start-up files that is skipped, in bytes."""
WRITE = """sh -c 'umask 077; set -C; cat >"$1" && wc -c <"$1"' sh {path}"""
"""Writes a new file and prints its size."""
READ = """sh -c 'wc -c <"$1" && cat "$1"' sh {path}"""
"""Prints the size of a file, and the file."""

SIZE = re.compile("[0-9]{1,12}")
"""The size of a file in bytes, as wc prints it."""
NO_STATUS = -1
"""What Paramiko returns if a channel was closed without an exit status."""
PAUSES = (0.05, 0.2, 0.75)
"""Seconds between the tries to open a session: sshd needs some time to close one whose command has ended."""

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
            with self._channel:
                self._channel.shutdown_write()
                return _ended(self._channel, _text(self._output.read(MOST_LAST_WORDS)))

        return self._with_time_limit(self._seconds, end)


def open_session(open_once: Callable[[], T]) -> T:
    """Open a session. If sshd refuses it, try again, for it may not have closed the last one yet (MaxSessions)."""
    for seconds in PAUSES:
        try:
            return open_once()
        except paramiko.ChannelException:
            time.sleep(seconds)
    return open_once()


def write_file(channel: paramiko.Channel, name: str, data: bytes, path: str) -> None:
    """Write a new file, mode 0600. Raises CommandFailed, NotRun, Killed, SSHException, OSError, EOFError."""
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
    size = _text(output.readline(LONGEST_LINE))
    if len(size) == LONGEST_LINE:
        raise CommandFailed(f"{name}: cannot write {path}: the host printed something else than its size")
    ended = _wait(channel, size)
    if ended.status != 0 or ended.stdout.strip() != str(len(data)):
        raise CommandFailed(f"{name}: cannot write {path}: {ended.last_words}")


def read_file(channel: paramiko.Channel, name: str, path: str) -> bytes:
    """Return the content of a file. Raises CommandFailed, NotRun, Killed, SSHException, OSError, EOFError."""
    channel.exec_command(with_mark(READ.format(path=quote(path))))
    output = channel.makefile("rb")
    _skip_to_mark(channel, output)
    printed = _text(output.readline(LONGEST_LINE)).strip()
    if not printed:
        raise CommandFailed(f"{name}: cannot read {path}: {_wait(channel, '').last_words}")
    if not SIZE.fullmatch(printed) or int(printed) > MOST_DOWNLOADED:
        raise CommandFailed(
            f"{name}: cannot read {path}: it has {brief(printed)} bytes, and the most is {MOST_DOWNLOADED}"
        )
    size = int(printed)
    data = bytes(output.read(size))
    # The size that the host reports may be wrong.
    is_longer = bool(output.read(1))
    if not is_longer:
        _wait(channel, "")
    if is_longer or len(data) < size:
        raise CommandFailed(f"{name}: cannot read {path}: it is not as large as the host says ({size} bytes)")
    return data


def _skip_to_mark(channel: paramiko.Channel, output: paramiko.channel.ChannelFile) -> None:
    """Read up to the mark. Raises NotRun, Killed, or EOFError if the connection is lost."""
    before = b""
    size = 0
    while size < MOST_BEFORE and (line := bytes(output.readline(LONGEST_LINE))):
        size += len(line)
        # A long line is read in pieces.
        before = (before + line)[-LONGEST_LINE:]
        if before.endswith(f"{MARK}\n".encode()):
            return
    printed = Output(0, _text(before))
    if size < MOST_BEFORE:
        printed = _wait(channel, _text(before))
    raise NotRun(printed.last_words)


def _wait(channel: paramiko.Channel, stdout: str) -> Output:
    """Wait until the command has ended, and return its output. Raises Killed, or EOFError if the connection is lost."""
    ended = _ended(channel, stdout)
    if ended.status == NO_STATUS:
        if killed := killed_by(channel):
            raise Killed(killed)
        raise EOFError
    return ended


def _ended(channel: paramiko.Channel, stdout: str) -> Output:
    """Wait until the command has ended, and return its output; if it was killed, its last error says so."""
    stderr = _text(channel.makefile_stderr().read(MOST_LAST_WORDS))
    output = Output(channel.recv_exit_status(), stdout, stderr)
    if killed := killed_by(channel):
        return output.with_error(f"the command {killed}")
    return output


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
