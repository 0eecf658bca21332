"""Define the transport to a host: a protocol of four methods, so that a fake for tests is small.

``execute`` runs one line of POSIX sh; ``hold`` starts one that runs as long as the connection; ``upload`` writes bytes
to a file that only the login user may read, and ``download`` reads a file. What to run, and what an answer means, is
decided by their callers.

local         this machine
ssh           a host by SSH: runner (limits, sudo's prompt), channels, output_mark and exit_signal run its commands
ssh_config    what ssh_config(5) says of a host: config_files, config_without_ssh, ssh_options, ssh_tokens, ssh_settings
hops          the connections through jump hosts to the host: open_socket, negotiation
login         the login on each: login_keys, agent, key_files
host_keys     whether a host is the right one: known_hosts, revoked_keys, host_certificate, public_key
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from provision.common.text import on_one_line, shortened

SUDO_PROMPT = "[chrony-provision: sudo password] "
"""The prompt that is given to sudo (``sudo -p``), by which the transport recognises when to send the password."""
WRONG_PASSWORD = "sudo: it asked once more"  # noqa: S105 -- words, not a password
"""The standard error of a line that sudo did not run, because it asked again after the first answer."""

Watch = Callable[[str], None]
"""Called with each line of output as it arrives."""


MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The limits of time and output for a line; beyond them, the run gives up the host."""

    seconds: float
    most_bytes: int
    of_silence: bool = False
    """Whether the seconds count from the last output rather than from the start."""


LOOK = Limit(seconds=120, most_bytes=16 * MEGABYTE)
"""For scripts that only read. The longest answer is a file of 100,000 keys, 5 MB."""
CHANGE = Limit(seconds=1800, most_bytes=64 * MEGABYTE, of_silence=True)
"""For scripts that change a host, such as a compilation, which may take an hour on a slow host."""
MOST_DOWNLOADED = 256 * MEGABYTE
"""The largest file that is downloaded, in bytes; a build has less than one megabyte."""


LONGEST_WORDS = 300
"""Characters of a text from a host or a program that a message quotes."""


def brief(text: str) -> str:
    """Return a text from a host or a program for a message: on one line, escaped, and with a limit of its length."""
    return shortened(on_one_line(text[: LONGEST_WORDS + 1]), LONGEST_WORDS)


def killed_words(signal: str) -> str:
    """Return what a message says of a command that a signal has killed; the signal is such as ``KILL``."""
    words = f"was killed by signal {brief(signal)}"
    if signal == "KILL":
        words += " (is memory short?)"
    return words


@dataclass(frozen=True, slots=True)
class Output:
    """The exit status and the output of a line."""

    status: int
    stdout: str
    stderr: str = ""

    @property
    def last_words(self) -> str:
        """Return the last line that is not empty, of standard error or else of standard output."""
        words = self.stderr.strip() or self.stdout.strip()
        if not words:
            return "(it printed nothing)"
        return brief(words.splitlines()[-1].strip())

    def with_error(self, text: str) -> "Output":
        """Return the output with one more line of standard error."""
        before = self.stderr
        if before and not before.endswith("\n"):
            before += "\n"
        return replace(self, stderr=f"{before}{text}\n")


class RunningLine(Protocol):
    """A line that runs on a host until its standard input is closed or the connection is lost."""

    def read_line(self, seconds: float = LOOK.seconds) -> str:
        """Return the next line of its output; empty if it has ended.

        Raises HostUnreachable, also if no line comes within ``seconds``.
        """

    def send(self, data: bytes) -> None:
        """Write to its standard input. Raises HostUnreachable if the connection is lost or the line has ended."""

    def close(self) -> Output:
        """Close its standard input and wait for its end.

        The status is negative if the connection was lost, or if a signal has killed the line; the last line of
        standard error names the signal.
        """


class Transport(Protocol):
    """A connection to one machine."""

    @property
    def name(self) -> str:
        """The operator's name for this host."""

    @property
    def is_direct(self) -> bool:
        """Whether there is no intermediary, such as a jump host, between this machine and the host."""

    def execute(
        self, line: str, *, password: str | None = None, watch: Watch | None = None, limit: Limit = LOOK
    ) -> Output:
        """Run a line in ``sh``; ``password`` answers :data:`SUDO_PROMPT`, once.

        Raises HostUnreachable if the connection is lost before the line ends, or if a limit is reached, which closes
        the connection.
        """

    def hold(self, line: str) -> RunningLine:
        """Start a line in ``sh``; its standard input stays open. Raises HostUnreachable."""

    def upload(self, data: bytes, path: str) -> None:
        """Write a new file, mode 0600; its folder must exist. Raises HostUnreachable, CommandFailed."""

    def download(self, path: str) -> bytes:
        """Return the content of a file. Raises HostUnreachable, CommandFailed."""

    def close(self) -> None:
        """Close the connection."""
