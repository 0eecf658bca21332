"""This machine, without SSH."""

import os
from pathlib import Path

from invoke.config import Config
from invoke.context import Context

from provision.errors import CommandFailed
from provision.transport import Output, Watch, runner


class LocalTransport:
    """Run lines on this machine."""

    def __init__(self) -> None:
        # Invoke's own default is /bin/bash, which a host need not have.
        self._context = Context(Config(overrides={"run": {"shell": "/bin/sh"}}, lazy=True))

    @property
    def name(self) -> str:
        """Return what the operator calls this machine."""
        return "local"

    def execute(self, line: str, *, password: str | None = None, watch: Watch | None = None) -> Output:
        """Run a line in ``sh``."""
        return runner.execute(self._context, line, password=password, watch=watch)

    def upload(self, data: bytes, path: str) -> None:
        """Write a new file, mode 0600."""
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 -- a file descriptor
                file.write(data)
        except OSError as error:
            raise CommandFailed(f"local: cannot write {Path(path).name}: {error.strerror}") from error

    def close(self) -> None:
        """Do nothing: there is no connection."""
