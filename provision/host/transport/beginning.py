"""Mark where the output of a line begins: the start-up files of a login shell, such as ~/.bashrc, may print, too."""

from provision.host.transport import Watch

BEGIN = "chrony-provision:output"
"""A line that is printed before the output."""


class NotRun(Exception):  # noqa: N818 -- what happened, in the past tense
    """The login shell did not run the line; the message is what it printed instead."""


def announced(line: str) -> str:
    """Return a line for any login shell that prints :data:`BEGIN` first."""
    return f"echo {BEGIN}; {line}"


def after_beginning(text: str) -> str | None:
    """Return the output of a line without what was printed before it; None if the line did not run."""
    _, begun, output = text.partition(f"{BEGIN}\n")
    if not begun:
        return None
    return output


class Beginning:
    """Pass on the lines after :data:`BEGIN` to a watch."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._begun = False

    def __call__(self, line: str) -> None:
        """Take the next line."""
        if self._begun:
            self._watch(line)
        elif line.endswith(BEGIN):
            # A start-up file may print text without a newline.
            self._begun = True
