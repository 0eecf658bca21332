"""This machine, without SSH."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen

from invoke.config import Config
from invoke.context import Context

from provision.errors import CommandFailed, HostUnreachable
from provision.transport import Held, Output, Watch, runner

OWN_VARIABLES = "CHRONY_PROVISION_"
"""What of the environment is for us alone, such as a password, begins with this."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command of the operator's ended; what it printed may be a secret."""

    status: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)


def run(words: Sequence[str], *, folder: Path, seconds: float) -> Ran:
    """Run a command of the operator's, without a shell and without input. Raises OSError, also TimeoutError."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)}
    try:
        done = subprocess.run(  # noqa: S603 -- the one door
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)
    except subprocess.TimeoutExpired:
        pass
    # Behind the handler: the error that ended there carries what was printed.
    raise TimeoutError


class LocalTransport:
    """Run lines on this machine."""

    def __init__(self) -> None:
        # Invoke's own default is /bin/bash, which a host need not have.
        self._context = Context(Config(overrides={"run": {"shell": "/bin/sh"}}, lazy=True))

    @property
    def name(self) -> str:
        """Return what the operator calls this machine."""
        return "local"

    @property
    def is_direct(self) -> bool:
        """Say that nothing stands between."""
        return True

    def execute(self, line: str, *, password: str | None = None, watch: Watch | None = None) -> Output:
        """Run a line in ``sh``."""
        return runner.execute(self._context, line, password=password, watch=watch)

    def hold(self, line: str) -> Held:
        """Start a line in ``sh``."""
        # A session of its own: Ctrl-C at the terminal is for us, and the end of its input tells it that we are gone.
        # Unbuffered: communicate() would not see what a buffer took beyond the lines that were read.
        command = ("/bin/sh", "-c", line)
        process = Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, bufsize=0, start_new_session=True)  # noqa: S603 -- the one door
        return _Process(process)

    def upload(self, data: bytes, path: str) -> None:
        """Write a new file, mode 0600."""
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 -- a file descriptor
                file.write(data)
        except OSError as error:
            raise CommandFailed(f"local: cannot write {Path(path).name}: {error.strerror}") from error

    def download(self, path: str) -> bytes:
        """Return what is in a file."""
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise CommandFailed(f"local: cannot read {path}: {error.strerror}") from error

    def close(self) -> None:
        """Do nothing: there is no connection."""


class _Process:
    """A line that runs on this machine."""

    def __init__(self, process: Popen[bytes]) -> None:
        self._process = process

    def read_line(self) -> str:
        """Return the next line that it printed."""
        assert self._process.stdout is not None  # it was asked for  # noqa: S101
        return self._process.stdout.readline().decode(errors="replace").rstrip("\n")

    def send(self, data: bytes) -> None:
        """Write to its standard input."""
        assert self._process.stdin is not None  # it was asked for  # noqa: S101
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except OSError as error:
            raise HostUnreachable(f"local: {error.strerror}") from error

    def close(self) -> Output:
        """Close its standard input and wait until it ends."""
        stdout, stderr = self._process.communicate()
        return Output(self._process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace"))
