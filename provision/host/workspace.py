"""Lock a host for one run and give it a private folder, which a guard on the host removes.

The guard is a script that runs on the host as long as the connection lasts. When the run ends, dies or is cut off, the
guard ends the processes in the folder (a compiler, a rehearsal) and removes it, without this machine's help.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from provision.common.errors import CommandFailed, HostUnreachable, ProvisionError
from provision.host.transport import LOOK, RunningLine, brief

BEAT_SECONDS = 10
SILENCE_SECONDS = 60
"""The guard ends after this silence; the connection is given up earlier (transport.ssh, LOST_AFTER_SECONDS)."""


@dataclass(slots=True)
class Workspace:
    """A private folder on a locked host."""

    folder: str
    builder: int
    """The id of the account that compiles."""
    _guard: RunningLine
    _left: threading.Event = field(default_factory=threading.Event)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        threading.Thread(target=self._live, daemon=True).start()

    @property
    def build(self) -> str:
        """Return the folder of the account that compiles."""
        return f"{self.folder}/build"

    def new_path(self) -> str:
        """Return an unused path in the login user's folder."""
        return f"{self.folder}/uploads/{next(self._numbers)}"

    def close(self) -> None:
        """End the guard and wait until it has cleaned up; if it cannot be reached, it cleans up by itself."""
        self._left.set()
        try:
            self._guard.close()
        except ProvisionError:
            return

    def _live(self) -> None:
        """Send a sign of life every ``BEAT_SECONDS``; a lost connection is reported by the next command."""
        try:
            while not self._left.wait(BEAT_SECONDS):
                self._guard.send(b".")
        except ProvisionError:
            return


def take(name: str, guard: RunningLine, say: Callable[[str], None], lock_timeout: int = 0) -> Workspace:
    """Return the workspace of a guard that was just started; ``lock_timeout``: seconds that it waits for another run.

    Raises HostUnreachable if another run has locked the host, CommandFailed if the guard failed.
    """
    line = guard.read_line()
    owner = ""
    if line.startswith("busy "):
        owner = brief(line.removeprefix("busy ")) or "another run"
        say(f"{name}: locked by {owner}")
        line = guard.read_line(LOOK.seconds + lock_timeout)
    if (ready := re.fullmatch(r"(/\S+) ([0-9]+)", line)) is not None:
        return Workspace(ready[1], int(ready[2]), guard)
    output = guard.close()
    if owner:
        raise HostUnreachable(f"{name}: locked by {owner}; wait with --lock-timeout SECONDS, or try again later")
    raise CommandFailed(
        f"{name}: cannot create the workspace (exit status {output.status}): {brief(line) or output.last_words}"
    )
