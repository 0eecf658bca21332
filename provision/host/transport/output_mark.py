"""Mark where the output of a line begins: the start-up files of a login shell, such as ~/.bashrc, may print, too."""

from provision.host.transport import Watch

MARK = "chrony-provision:output"
"""A line that is printed before the output."""


class NotRun(Exception):  # noqa: N818 -- what happened, in the past tense
    """The login shell did not run the line; the message is what it printed instead."""


def with_mark(line: str) -> str:
    """Return a line for any login shell that prints :data:`MARK` first."""
    return f"echo {MARK}; {line}"


def after_mark(text: str) -> str | None:
    """Return the output of a line without what was printed before it; None if the line did not run."""
    _, mark, output = text.partition(f"{MARK}\n")
    if not mark:
        return None
    return output


class WatchAfterMark:
    """Pass on the lines after :data:`MARK` to a watch."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._is_after_mark = False

    def __call__(self, line: str) -> None:
        """Take the next line."""
        if self._is_after_mark:
            self._watch(line)
        elif line.endswith(MARK):
            # A start-up file may print text without a newline.
            self._is_after_mark = True
