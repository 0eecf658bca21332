"""What the local and the SSH transport share: Invoke's runners, which stream and answer prompts."""

from collections.abc import Iterator
from typing import Any

from invoke.context import Context
from invoke.exceptions import Failure, ResponseNotAccepted, ThreadException
from invoke.watchers import StreamWatcher

from provision.transport import SUDO_PROMPT, WRONG_PASSWORD, Output, Watch


class LineWatch:
    """A file-like object that hands on whole lines as they are written."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._rest = ""

    def write(self, text: str) -> int:
        """Take a piece of output, wherever it was cut."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._watch(line)
        return len(text)

    def flush(self) -> None:
        """Do nothing: a line is handed on when it ends."""


class _Answer(StreamWatcher):
    """Answers sudo's prompt with the password; once, for wrong answers lock accounts."""

    def __init__(self, password: str) -> None:
        super().__init__()
        self._password = password
        self._answered = 0

    def submit(self, stream: str) -> Iterator[str]:
        """Take all that was printed so far, and return what is to be typed. Raises ResponseNotAccepted."""
        # Who asks waits; elsewhere in a text the words are no prompt, as in the output of ps.
        if not stream.endswith(SUDO_PROMPT) or len(stream) == self._answered:
            return
        if self._answered:
            raise ResponseNotAccepted
        self._answered = len(stream)
        yield f"{self._password}\n"


def execute(context: Context, line: str, *, password: str | None, watch: Watch | None) -> Output:
    """Run a line through an Invoke context (a Fabric connection is one)."""
    options: dict[str, Any] = {"hide": True, "warn": True, "in_stream": False}
    if watch is not None:
        # hide=True would keep the streams from us; errors still come back in the result.
        options |= {"hide": "stderr", "out_stream": LineWatch(watch)}
    if password is not None:
        # Invoke feeds stdin at about 100 bytes a second, but answers a prompt at once.
        options["watchers"] = [_Answer(password)]
    try:
        result = context.run(line, **options)
    except Failure as error:
        if not isinstance(error.reason, ResponseNotAccepted):
            raise
        return Output(1, "", WRONG_PASSWORD)
    except ThreadException as error:
        # What went wrong in a thread that reads output: a log that is full, a connection that broke.
        raise error.exceptions[0].value from error
    assert result is not None  # only an asynchronous or disowned run has none  # noqa: S101
    return Output(result.exited, result.stdout, result.stderr.replace(SUDO_PROMPT, ""))
