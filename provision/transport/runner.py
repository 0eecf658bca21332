"""What the local and the SSH transport share: Invoke's runners, which stream and answer prompts."""

import re
from typing import Any

from invoke.context import Context
from invoke.exceptions import ThreadException
from invoke.watchers import Responder

from provision.transport import SUDO_PROMPT, Output, Watch


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


def execute(context: Context, line: str, *, password: str | None, watch: Watch | None) -> Output:
    """Run a line through an Invoke context (a Fabric connection is one)."""
    options: dict[str, Any] = {"hide": True, "warn": True, "in_stream": False}
    if watch is not None:
        # hide=True would keep the streams from us; errors still come back in the result.
        options |= {"hide": "stderr", "out_stream": LineWatch(watch)}
    if password is not None:
        # Invoke feeds stdin at about 100 bytes a second, but answers a prompt at once.
        options["watchers"] = [Responder(pattern=re.escape(SUDO_PROMPT), response=password + "\n")]
    try:
        result = context.run(line, **options)
    except ThreadException as error:
        # What went wrong in a thread that reads output: a log that is full, a connection that broke.
        raise error.exceptions[0].value from error
    assert result is not None  # only an asynchronous or disowned run has none  # noqa: S101
    return Output(result.exited, result.stdout, result.stderr.replace(SUDO_PROMPT, ""))
