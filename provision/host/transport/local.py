"""Run commands on this machine, without SSH."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from invoke.config import Config
from invoke.context import Context
from invoke.runners import Local

from provision.common.errors import CommandFailed, HostUnreachable
from provision.common.files.regular import read_regular
from provision.host.transport import LOOK, MOST_DOWNLOADED, Limit, Output, RunningLine, Watch, killed_words, runner

OWN_VARIABLES = "CHRONY_PROVISION_"
"""The prefix of environment variables that child processes must not inherit, such as a password."""
CHILD_SECONDS = 2
"""The time that a command gets to end after its socket was closed."""
MOST_LAST_WORDS = 64 * 1024
"""Bytes of its errors that are read, from their end."""


@dataclass(frozen=True, slots=True)
class Ran:
    """The result of a command of the operator; its output may be a secret."""

    status: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)


def run(words: Sequence[str], *, folder: Path, seconds: float) -> Ran:
    """Run a command of the operator without a shell and without input. Raises OSError, also TimeoutError."""
    try:
        done = subprocess.run(  # noqa: S603 -- the only place that starts programs
            words,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)
    except subprocess.TimeoutExpired:
        pass
    # Raised outside the handler: TimeoutExpired contains the output, which may be a secret.
    raise TimeoutError


def _environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    return {name: value for name, value in variables.items() if not name.startswith(OWN_VARIABLES)}


class Child:
    """A command of the operator that runs while its input and output, one socket, are open. Raises OSError."""

    def __init__(self, words: Sequence[str], descriptor: int) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by end()
        self._process = Popen(  # noqa: S603 -- the only place that starts programs
            words,
            env=_environment(),
            stdin=descriptor,
            stdout=descriptor,
            stderr=self._errors,
            # A session of its own: it cannot ask on the terminal, and all its processes can be ended.
            start_new_session=True,
        )

    def failure(self) -> str:
        """Return how the command ended; empty if it still runs."""
        try:
            status = self._process.wait(CHILD_SECONDS)
        except subprocess.TimeoutExpired:
            return ""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - MOST_LAST_WORDS))
        words = Output(status, "", self._errors.read(MOST_LAST_WORDS).decode(errors="replace")).last_words
        return f"ended with exit status {status}: {words}"

    def end(self) -> None:
        """End the command and all processes that it has started."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CHILD_SECONDS)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._errors.close()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(OSError):
            os.killpg(self._process.pid, number)


class LocalTransport:
    """Run lines on this machine."""

    def __init__(self) -> None:
        # Invoke's default is /bin/bash, which a host need not have.
        self._context = Context(Config(overrides={"run": {"shell": "/bin/sh"}}, lazy=True))

    @property
    def name(self) -> str:
        """Return the operator's name for this machine."""
        return "local"

    @property
    def is_direct(self) -> bool:
        """Return True."""
        return True

    def execute(
        self, line: str, *, password: str | None = None, watch: Watch | None = None, limit: Limit = LOOK
    ) -> Output:
        """Run a line in ``sh``."""
        try:
            output = runner.execute(_BoundedLocal(self._context, limit), line, password=password, watch=watch)
        except runner.LimitReached as reached:
            raise HostUnreachable(f"local: a command was stopped: {reached}") from None
        return _with_signal(output)

    def hold(self, line: str) -> RunningLine:
        """Start a line in ``sh``."""
        # A session of its own: Ctrl-C must reach only this process, whose end closes the input of the line.
        # Unbuffered: communicate() would not see bytes that a buffer has read ahead.
        command = ("/bin/sh", "-c", line)
        process = Popen(  # noqa: S603 -- the only place that starts programs
            command, env=_environment(), stdin=PIPE, stdout=PIPE, stderr=PIPE, bufsize=0, start_new_session=True
        )
        return _Process(process)

    def upload(self, data: bytes, path: str) -> None:
        """Write a new file, mode 0600."""
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 -- a file descriptor
                file.write(data)
        except OSError as error:
            raise CommandFailed(f"local: cannot write {Path(path).name}: {error.strerror}") from error

    def download(self, path: str) -> bytes:
        """Return the content of a file."""
        try:
            return read_regular(Path(path), MOST_DOWNLOADED)
        except OSError as error:
            raise CommandFailed(f"local: cannot read {path}: {error.strerror}") from error

    def close(self) -> None:
        """Do nothing: there is no connection."""


class _BoundedLocal(runner.Bounded, Local):
    """Run a line on this machine within limits."""

    def __init__(self, context: Context, limit: Limit) -> None:
        super().__init__(context)
        self.limit = limit

    def start(self, command: str, shell: str, env: dict[str, Any]) -> None:
        """Start the line in its own process group on the same terminal, by which sudo remembers the login."""
        self.process = Popen(  # noqa: S603 -- the only place that starts programs
            (shell, "-c", command), env=_environment(env), stdin=PIPE, stdout=PIPE, stderr=PIPE, process_group=0
        )

    def give_up(self) -> None:
        """Kill all processes of the line; those of another account end at their next output (SIGPIPE)."""
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def send_interrupt(self, interrupt: KeyboardInterrupt) -> None:
        """End the line after Ctrl-C, which reaches only the terminal's foreground process group."""
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGTERM)
        raise interrupt


class _Process:
    """A line that runs on this machine."""

    def __init__(self, process: Popen[bytes]) -> None:
        self._process = process

    def read_line(self, seconds: float = LOOK.seconds) -> str:  # noqa: ARG002 -- this machine answers
        """Return the next line of its output."""
        assert self._process.stdout is not None  # it is a pipe  # noqa: S101
        return self._process.stdout.readline().decode(errors="replace").rstrip("\n")

    def send(self, data: bytes) -> None:
        """Write to its standard input."""
        assert self._process.stdin is not None  # it is a pipe  # noqa: S101
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except OSError as error:
            raise HostUnreachable(f"local: {error.strerror}") from error

    def close(self) -> Output:
        """Close its standard input and wait until it ends."""
        stdout, stderr = self._process.communicate()
        return _with_signal(
            Output(self._process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace"))
        )


def _with_signal(output: Output) -> Output:
    """Add to the errors by which signal a command was killed; its exit status is the number of the signal, negative."""
    if output.status >= 0:
        return output
    name = str(-output.status)
    with suppress(ValueError):
        name = signal.Signals(-output.status).name.removeprefix("SIG")
    return output.with_error(f"the command {killed_words(name)}")
