"""Run a line with one of Invoke's runners, within limits of time and size, and answer sudo's prompt."""

import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from invoke.exceptions import Failure, ResponseNotAccepted, ThreadException
from invoke.runners import Result, Runner
from invoke.watchers import StreamWatcher

from provision.host.transport import SUDO_PROMPT, WRONG_PASSWORD, Limit, Output, Watch

PIECE = 32 * 1024
"""Bytes that are read at a time."""
LONGEST_LINE = 8 * 1024
"""Characters of a line that a watch receives; the output has the whole line."""


REFUSED = Output(1, "", WRONG_PASSWORD)
"""The output of a line that sudo did not run. Compare it with ``is``, for a host can print the same words."""


class LimitReached(Exception):  # noqa: N818 -- what happened, in the past tense
    """A line took too long, or printed too much; the message says which."""


class LineWatch:
    """A file-like object that passes each complete line to a watch."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._begun: list[str] = []
        self._room = LONGEST_LINE

    def write(self, text: str) -> int:
        """Add a piece of output, which may begin and end anywhere in a line."""
        *ended, rest = text.split("\n")
        for line in ended:
            self._keep(line)
            self._watch("".join(self._begun))
            self._begun, self._room = [], LONGEST_LINE
        self._keep(rest)
        return len(text)

    def flush(self) -> None:
        """Do nothing: a line is passed on when it is complete."""

    def _keep(self, text: str) -> None:
        piece = text[: self._room]
        if piece:
            self._begun.append(piece)
            self._room -= len(piece)


class Bounded(Runner):
    """A runner that stops a line that takes too long or prints too much, while it runs.

    A mix-in for one of Invoke's runners; subclasses implement :meth:`give_up`.
    """

    read_chunk_size = PIECE
    limit: Limit

    def give_up(self) -> None:
        """End the line by force, so that its output ends."""
        raise NotImplementedError

    def run(self, command: str, **options: Any) -> Result | None:
        """Run a line. Raises LimitReached."""
        self._size = 0
        self._heard = time.monotonic()
        self._reached = ""
        with self._guarded():
            return super().run(command, **options)

    def read_proc_output(self, reader: Callable[[int], bytes]) -> Iterator[str]:  # type: ignore[override]  # any iterator
        """Yield the decoded output. Invoke's own method breaks a character that is divided between two pieces."""
        decoder = getincrementaldecoder("utf-8")("replace")
        while data := reader(self.read_chunk_size):
            self._heard = time.monotonic()
            self._size += len(data)
            if self._size > self.limit.most_bytes:
                self._stop(f"it printed more than {self.limit.most_bytes} bytes")
                return
            if text := decoder.decode(data):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    def respond(self, buffer_: list[str]) -> None:
        """Pass only the end of the output to watchers; Invoke's own method joins the whole output for each piece."""
        if not self.watchers:
            return
        end = ""
        for piece in reversed(buffer_):
            end = piece + end
            if len(end) >= len(SUDO_PROMPT):
                break
        for watcher in self.watchers:
            for response in watcher.submit(end):
                self.write_proc_stdin(response)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        ended = threading.Event()
        threading.Thread(target=self._watch_clock, args=(ended,), daemon=True).start()
        try:
            yield
        finally:
            ended.set()
            if self._reached:
                # Raised in place of the consequences, such as the error of a closed connection.
                raise LimitReached(self._reached)

    def _watch_clock(self, ended: threading.Event) -> None:
        begun = self._heard
        left = self.limit.seconds
        while not ended.wait(left):
            since = begun
            if self.limit.of_silence:
                since = self._heard
            left = self.limit.seconds - (time.monotonic() - since)
            if left <= 0:
                what = "it did not end within"
                if self.limit.of_silence:
                    what = "it printed nothing for"
                self._stop(f"{what} {self.limit.seconds:g} s")
                return

    def _stop(self, reason: str) -> None:
        self._reached = self._reached or reason
        self.give_up()


class _Answer(StreamWatcher):
    """Answer sudo's prompt with the password; only once, for repeated wrong answers lock accounts.

    Invoke has one thread for the output and one for the errors, and calls ``__init__`` in each of them with the same
    arguments (``threading.local``). So both share ``once``, a lock that is never released.
    """

    def __init__(self, password: str, once: threading.Lock) -> None:
        super().__init__()
        self._password = password
        self._once = once

    def submit(self, stream: str) -> Iterator[str]:
        """Return the input for the end of the output so far. Raises ResponseNotAccepted at the second prompt."""
        # A prompt is at the end of the output. Anywhere else, as in the output of ps, the same text is none.
        if not stream.endswith(SUDO_PROMPT):
            return
        if not self._once.acquire(blocking=False):
            raise ResponseNotAccepted
        yield f"{self._password}\n"


def execute(runner: Bounded, line: str, *, password: str | None, watch: Watch | None) -> Output:
    """Run a line. Raises LimitReached."""
    options: dict[str, Any] = {"hide": True, "warn": True, "in_stream": False}
    if watch is not None:
        # hide=True would also hide the output from the watch; errors are still in the result.
        options |= {"hide": "stderr", "out_stream": LineWatch(watch)}
    if password is not None:
        # Invoke writes to stdin at only about 100 bytes a second, but answers a prompt at once.
        options["watchers"] = [_Answer(password, threading.Lock())]
    try:
        result = runner.run(line, **options)
    except Failure as error:
        if not isinstance(error.reason, ResponseNotAccepted):
            raise
        return REFUSED
    except ThreadException as error:
        # An exception in a thread that reads output, such as a log on a full disk or a broken connection.
        raise error.exceptions[0].value from error
    assert result is not None  # only an asynchronous or disowned run has none  # noqa: S101
    return Output(result.exited, result.stdout, result.stderr.replace(SUDO_PROMPT, ""))
