"""A run's place on a host: a private folder, everybody else kept out, and a guard there that tidies up.

The guard is a script that runs on the host for as long as our connection holds. When we leave, die, or are cut off, it
ends what still works in the folder (a compiler, a rehearsal) and removes it: a ``finally`` that needs nobody here.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from provision.errors import CommandFailed, HostUnreachable, ProvisionError
from provision.transport import Held

BEAT_SECONDS = 10
SILENCE_SECONDS = 60
"""The guard gives us up after this; we give the connection up before (transport.ssh, LOST_AFTER_SECONDS)."""


@dataclass(slots=True)
class Workplace:
    """A folder on a host that is ours until we close it."""

    folder: str
    builder: int
    """The id of the account that compiles."""
    _held: Held
    _left: threading.Event = field(default_factory=threading.Event)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        threading.Thread(target=self._live, daemon=True).start()

    @property
    def build(self) -> str:
        """Return the folder of the builder's."""
        return f"{self.folder}/build"

    def new_path(self) -> str:
        """Return a path in the login user's folder at which nothing is."""
        return f"{self.folder}/uploads/{next(self._numbers)}"

    def close(self) -> None:
        """Leave; return when the guard has tidied up, or cannot be reached, in which case it does so by itself."""
        self._left.set()
        try:
            self._held.close()
        except ProvisionError:
            return

    def _live(self) -> None:
        """Give a sign of life now and then; a connection that is lost shows in the next command."""
        try:
            while not self._left.wait(BEAT_SECONDS):
                self._held.send(b".")
        except ProvisionError:
            return


def take(name: str, held: Held, say: Callable[[str], None]) -> Workplace:
    """Return the workplace that a guard was started for.

    Raises HostUnreachable when somebody else works there, CommandFailed when the guard could not make it.
    """
    line = held.read_line()
    owner = ""
    if line.startswith("busy "):
        owner = line.removeprefix("busy ") or "somebody else"
        say(f"{name}: {owner} is at work there")
        line = held.read_line()
    if (ready := re.fullmatch(r"(/\S+) ([0-9]+)", line)) is not None:
        return Workplace(ready[1], int(ready[2]), held)
    output = held.close()
    if owner:
        raise HostUnreachable(f"{name}: {owner} is at work there; say --wait to wait for them, or try again later")
    raise CommandFailed(f"{name}: cannot begin to work (exit status {output.status}): {line or output.last_words}")
