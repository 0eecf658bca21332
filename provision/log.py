"""The full log of a run on one host: a file that only its owner may read, and in which no secret stands."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import TextIO

from platformdirs import user_log_path

from provision.errors import SiteError

LONGEST = 100
"""Characters of a host's name; with the rest of its name, a file may have 255 bytes."""


class Log:
    """Appends lines to a file of its own, which is made with the first. Raises SiteError where it cannot be written."""

    def __init__(self, host: str, folder: Path | None = None, *, path: Path | None = None) -> None:
        """Name the file; ``path`` is that of a log that goes on."""
        name = re.sub(r"[^A-Za-z0-9._@-]", "_", host)[:LONGEST]
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        self._path = path or (folder or user_log_path("chrony-provision")) / f"{name}-{stamp}-{os.getpid()}.log"
        self._file: TextIO | None = None
        self._secrets: dict[int, set[str]] = {}
        """By their length, the longest first."""

    @property
    def path(self) -> str | None:
        """Return where it is; None while nothing was logged."""
        return str(self._path) if self._file else None

    def hide(self, secrets: Iterable[str]) -> None:
        """Leave these out of every line from now on: a belt beside the braces that no script prints them."""
        by_length: dict[int, set[str]] = defaultdict(set)
        for secret in secrets:
            by_length[len(secret)].add(secret)
        self._secrets = dict(sorted(by_length.items(), reverse=True))

    def write(self, line: str) -> None:
        """Append a line."""
        # Not each secret in turn: a fleet of devices has 200,000 of them, and a build thousands of lines.
        for length, secrets in self._secrets.items():
            for piece in {line[at : at + length] for at in range(len(line) - length + 1)} & secrets:
                line = line.replace(piece, "(hidden)")
        try:
            if self._file is None:
                self._file = self._open()
            self._file.write(f"{line}\n")
        except OSError as error:
            raise SiteError(
                f"{self._path}: cannot write the log: {error.strerror}; let XDG_STATE_HOME name another folder"
            ) from error

    def _open(self) -> TextIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", buffering=1, encoding="utf-8")

    def take(self, lines: str) -> None:
        """Append what was logged elsewhere."""
        for line in lines.splitlines():
            self.write(line)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class Collected(Log):
    """Keeps the lines in memory: the file is on another machine."""

    @property
    def path(self) -> None:
        """Return that there is no file."""

    @property
    def lines(self) -> str:
        """Return what was logged."""
        return self._file.getvalue() if isinstance(self._file, StringIO) else ""

    def _open(self) -> StringIO:
        return StringIO()

    def close(self) -> None:
        """Do nothing: the lines are still to be had."""
