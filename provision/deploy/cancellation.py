"""Cancel runs from another thread."""

import threading
from collections.abc import Callable
from contextlib import ExitStack

from provision.common.errors import HostUnreachable

INTERRUPTED = "interrupted; run the same command again to complete it"


class Cancellation:
    """End all runs from another thread; each run registers how to cut it off."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[int, Callable[[], None]] = {}
        self.is_set = False

    def cancel(self) -> None:
        """Cut off all runs, and let none begin."""
        with self._lock:
            self.is_set = True
            ends = list(self._ends.values())
        for end in ends:
            end()

    def check(self) -> None:
        """Raise HostUnreachable after a cancellation."""
        if self.is_set:
            raise HostUnreachable(INTERRUPTED)

    def register(self, end: Callable[[], None], stack: ExitStack) -> None:
        """Register how to cut a run off, until the stack is closed. Raises HostUnreachable after a cancellation."""
        with self._lock:
            self._ends[id(end)] = end
        stack.callback(self._ends.pop, id(end), None)
        self.check()
