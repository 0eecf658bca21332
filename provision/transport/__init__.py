"""A way to a host: four verbs, so that a fake has four verbs.

``execute`` runs one line of POSIX sh; ``hold`` starts one that stays for as long as we do; ``upload`` puts bytes into a
file that only the login user may read, and ``download`` gets what is in a file. No decision lives behind this protocol:
what cannot be tested without a network should not need to be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

SUDO_PROMPT = "[chrony-provision: sudo password] "
"""What sudo is told to ask with (``sudo -p``), so that the transport knows when to answer, and only then."""
WRONG_PASSWORD = "sudo: it asked once more"  # noqa: S105 -- words, not a password
"""What a line printed that sudo did not run: the first answer was wrong, and there is no other."""

Watch = Callable[[str], None]
"""Called with each line of output as it arrives."""


@dataclass(frozen=True, slots=True)
class Output:
    """How a line ended, and what it printed."""

    status: int
    stdout: str
    stderr: str = ""

    @property
    def last_words(self) -> str:
        """Return the last line that says something; errors go before output."""
        lines = [line.strip() for text in (self.stdout, self.stderr) for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else "(it printed nothing)"


class Held(Protocol):
    """A line that runs on a host until we close its standard input, or cannot be reached any more."""

    def read_line(self) -> str:
        """Return the next line that it printed; empty when it has ended. Raises HostUnreachable."""

    def send(self, data: bytes) -> None:
        """Write to its standard input. Raises HostUnreachable when the connection is lost, or it has ended."""

    def close(self) -> Output:
        """Close its standard input, wait until it ends, and return how; status -1 when the connection was lost."""


class Transport(Protocol):
    """One machine, reached in one way."""

    @property
    def name(self) -> str:
        """What the operator calls this host."""

    @property
    def is_direct(self) -> bool:
        """Whether nothing stands between this machine and the host, such as a jump host."""

    def execute(self, line: str, *, password: str | None = None, watch: Watch | None = None) -> Output:
        """Run a line in ``sh``; ``password`` answers :data:`SUDO_PROMPT`, once.

        Raises HostUnreachable when the connection is lost before the line ended.
        """

    def hold(self, line: str) -> Held:
        """Start a line in ``sh``; its standard input stays open. Raises HostUnreachable."""

    def upload(self, data: bytes, path: str) -> None:
        """Write a new file, mode 0600; its folder must exist. Raises HostUnreachable, CommandFailed."""

    def download(self, path: str) -> bytes:
        """Return what is in a file. Raises HostUnreachable, CommandFailed."""

    def close(self) -> None:
        """End the connection."""
