"""Run a task that stops itself (SIGSTOP) at one place of a deployment, so that a test can break something there.

``python -m tests.helpers.interruptions FILE PLACE TASK WORDS…`` runs a task, writes the name of each command that
changes the host to FILE, and stops itself (SIGSTOP) at PLACE: ``before``, ``inside`` or ``after``, and the name.
"""

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provision.cli import tasks
from provision.cli.program import CommandLine
from provision.deploy.run import Run
from provision.host.host import Host

WAIT = {"installing packages": 4.0, "building": 3.0}
"""Seconds until we are inside of a command, by its first word or words; what waits for no daemon is shorter."""
SHORTLY = 0.1


class Interrupter:
    """Notes where we are."""

    def __init__(self, file: Path, place: str) -> None:
        self._file = file
        self._moment, _, self._name = place.partition(" ")
        self._stopped = False

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        """Stop before, inside or after what is done meanwhile, if this is the place."""
        with self._file.open("a") as file:
            file.write(f"{name}\n")
        here = name == self._name
        timer = threading.Timer(_wait(name), self._stop)
        if here and self._moment == "before":
            self._stop()
        if here and self._moment == "inside":
            timer.start()
        try:
            yield
        finally:
            timer.cancel()
        if here:
            # Also where we wanted to be inside, and it was done too soon.
            self._stop()

    def _stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            # Every thread of ours; what runs on the host goes on.
            os.kill(os.getpid(), signal.SIGSTOP)


def _wait(name: str) -> float:
    return next((seconds for words, seconds in WAIT.items() if name.startswith(words)), SHORTLY)


def _wrap(owner: type, method: str, interrupter: Interrupter, name: Callable[..., str]) -> None:
    original = getattr(owner, method)

    def wrapped(self: Any, *positional: Any, **named: Any) -> Any:
        if not (title := name(self, *positional)):
            return original(self, *positional, **named)
        with interrupter.at(title):
            return original(self, *positional, **named)

    setattr(owner, method, wrapped)


def _upload(_: Host, __: bytes, path: str) -> str:
    name = Path(path).name
    return f"uploading {'a file' if name.isdecimal() else re.sub(r'-[0-9].*', '', name)}"


def main(file: str, place: str, *words: str) -> None:
    """Run a task."""
    interrupter = Interrupter(Path(file), place)
    _wrap(Host, "claim", interrupter, lambda host: "" if host.workspace else "taking the host's lock")
    _wrap(Host, "upload", interrupter, _upload)
    _wrap(Host, "run", interrupter, lambda _, what, *__: re.sub(r" \(.*|, .*", "", what))
    _wrap(Run, "prove_switch", interrupter, lambda *_: "proving the new daemon")
    CommandLine(name="inv", binary="inv", version="0", namespace=tasks.collection()).run(["inv", *words])


if __name__ == "__main__":
    main(*sys.argv[1:])
