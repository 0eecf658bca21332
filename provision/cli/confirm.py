"""Ask the operator before something is done that cannot be taken back."""

import sys

from provision.common.errors import UsageError


def confirmed(task: str, *, yes: bool) -> bool:
    """Return whether the operator wants what was just printed; ``yes`` is the option ``--yes``.

    Raises UsageError if nobody can be asked.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(
            f"{task} asks before it goes on, and standard input is no terminal: read the above and say --yes"
        )
    print("go on? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
