"""Read the keys of one command line: each source once, regardless of the number of hosts and tasks."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from provision.common.errors import SiteError
from provision.keys import Keys, parse_keys
from provision.keys.source import KeySource
from provision.keys.state import State, marked


class KeyReader:
    """Read each key source once, and keep its keys until the command line ends.

    Hosts use it at the same time, each in a thread. All hosts of all tasks get the same keys, also if somebody edits
    the key file meanwhile. A change that a task makes goes through this object, so that later tasks see it. No ``repr``
    shows a key, and it cannot be pickled.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._read: dict[KeySource, tuple[str, Keys]] = {}
        self._states: dict[KeySource, State] = {}
        self._marked: dict[KeySource, Keys] = {}
        self._selected: dict[tuple[KeySource, frozenset[int]], Keys] = {}

    def read(self, source: KeySource) -> tuple[str, Keys] | None:
        """Return the text of a source and its keys, or None if there are none yet. Raises SiteError.

        The keys are as the text has them: also those of a source whose state does not fit.
        """
        with self._lock:
            if source in self._read:
                return self._read[source]
            # The state first: another run may begin a rotation between the two reads, and the text of before would lack
            # the key that the new state names. An error of the state is raised where the state is needed.
            with suppress(SiteError):
                self.state(source)
            text = source.text()
            if text is None:
                # Neither is kept: the first deployment creates the keys.
                self._states.pop(source, None)
                return None
            self._read[source] = text, parse_keys(text, source.name)
            return self._read[source]

    def state(self, source: KeySource) -> State:
        """Return the state of a source. Raises SiteError."""
        with self._lock:
            if source not in self._states:
                self._states[source] = source.state()
            return self._states[source]

    def keys(self, source: KeySource) -> Keys | None:
        """Return the keys of a source, marked by its state, or None if there are none yet. Raises SiteError."""
        with self._lock:
            if source in self._marked:
                return self._marked[source]
            read = self.read(source)
            if read is None:
                return None
            self._marked[source] = marked(read[1], self.state(source), source.name)
            return self._marked[source]

    def selected(self, source: KeySource, ids: frozenset[int]) -> Keys | None:
        """Return some keys of a source, or None if it has none yet. Raises SiteError.

        Equal arguments return the same object, because the digest of keys is slow and computed once for each object.
        """
        with self._lock:
            keys = self.keys(source)
            if keys is None:
                return None
            if (source, ids) not in self._selected:
                self._selected[source, ids] = Keys(tuple(key for key in keys if key.id in ids))
            return self._selected[source, ids]

    def change(self, source: KeySource, edit: Callable[[str | None], str], *, backup: bool = False) -> None:
        """Change the keys of a source, which is read again when its keys are needed. Raises SiteError.

        With ``backup``, the text as it was is kept beside it.
        """
        with self._lock:
            source.change(edit, backup=backup)
            self._forget(source)

    def change_state(self, source: KeySource, edit: Callable[[State], State]) -> None:
        """Change the state of a source, which is read again when its keys are needed. Raises SiteError."""
        with self._lock:
            source.change_state(edit)
            self._forget(source)

    def _forget(self, source: KeySource) -> None:
        self._read.pop(source, None)
        self._states.pop(source, None)
        self._marked.pop(source, None)
        self._selected.clear()

    def __reduce__(self) -> NoReturn:
        raise TypeError("the keys of a command are not pickled; a worker gets those of its host, encrypted")
