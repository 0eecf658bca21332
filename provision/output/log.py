"""Write the full log of a run on one host: a file with mode 0600 and without secrets."""

import os
import re
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from io import StringIO
from pathlib import Path
from typing import TextIO

from provision.common.errors import SiteError
from provision.common.files.account import log_folder
from provision.common.text import on_one_line

KEPT_DAYS = 30
"""Logs older than this are removed when a run creates a new one."""
NAME = re.compile(r"[A-Za-z0-9._@-]+-\d{8}T\d{6}Z-\d+\.log")
"""``HOST-TIME-PID.log``. Files with other names in the folder are never removed."""
LONGEST_LINE = 8192
"""Characters after which a line is cut."""
LONGEST = 100
"""Characters of the host's name in the name of the log, which may have 255 bytes in total."""


class Log:
    """Append lines to a log file, which is created with the first line. Raises SiteError if it cannot be written."""

    def __init__(self, host: str, folder: Path | None = None, *, path: Path | None = None) -> None:
        """Name the file after host, time and process; ``path`` continues an existing log instead."""
        name = re.sub(r"[^A-Za-z0-9._@-]", "_", host)[:LONGEST]
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        self._path = path or (folder or log_folder()) / f"{name}-{stamp}-{os.getpid()}.log"
        self._file: TextIO | None = None
        self._secrets: dict[int, set[str]] = {}
        """Secrets by length, the longest first."""

    @property
    def path(self) -> str | None:
        """Return the path of the log file; None while nothing was logged."""
        if self._file is None:
            return None
        return str(self._path)

    def hide(self, secrets: Iterable[str]) -> None:
        """Replace these secrets, too, in every further line. A second safeguard: no script prints them anyway."""
        by_length: dict[int, set[str]] = defaultdict(set, self._secrets)
        for secret in secrets:
            by_length[len(secret)].add(secret)
        self._secrets = dict(sorted(by_length.items(), reverse=True))

    def without_secrets(self, text: str) -> str:
        """Return a text with the secrets replaced."""
        # Searching for each secret in turn would be too slow: a site may have 200,000, and a build thousands of lines.
        for length, secrets in self._secrets.items():
            for piece in {text[at : at + length] for at in range(len(text) - length + 1)} & secrets:
                text = text.replace(piece, "(hidden)")
        return text

    def write(self, line: str) -> None:
        """Append a line, with secrets replaced and control characters escaped."""
        # Keep enough to recognise a secret that begins before the cut.
        line = line[: LONGEST_LINE + max(self._secrets, default=0)]
        line = on_one_line(self.without_secrets(line)[:LONGEST_LINE])
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
        remove_old_logs(self._path.parent)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", buffering=1, encoding="utf-8")

    def take(self, lines: str) -> None:
        """Append the lines that were logged on another machine."""
        for line in lines.splitlines():
            self.write(line)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            # On a full disk, it fails for a line that was reported by write already.
            with suppress(OSError):
                self._file.close()


@cache
def remove_old_logs(folder: Path) -> None:
    """Remove the logs in a folder that are older than KEPT_DAYS; only once in a run, regardless of the hosts.

    A log that cannot be removed is not an error.
    """
    oldest = time.time() - KEPT_DAYS * 24 * 3600
    for path in folder.glob("*.log"):
        with suppress(OSError):
            if NAME.fullmatch(path.name) and path.lstat().st_mtime < oldest:
                path.unlink()


class NoLog(Log):
    """Log nothing, for a command that asks the same again and again."""

    def write(self, line: str) -> None:
        """Do nothing."""


class Collected(Log):
    """Collect the lines in memory, on a worker whose control machine writes the file."""

    @property
    def path(self) -> None:
        """Return None: there is no file."""

    @property
    def lines(self) -> str:
        """Return the lines logged so far."""
        if not isinstance(self._file, StringIO):
            return ""
        return self._file.getvalue()

    def _open(self) -> StringIO:
        return StringIO()

    def close(self) -> None:
        """Do nothing: ``lines`` stay readable."""
