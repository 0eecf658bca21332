"""End a task that failed: one line and an exit status. A bug ends as a traceback, in the log of a host if
it is met there.

The statuses of all tasks: 0 ok, 1 not ok, 2 bad input or nothing tried, 3 ``plan`` found pending changes, 130
interrupted, 141 nobody reads the output. ``status --nagios`` has those of :mod:`provision.output.nagios`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from invoke.exceptions import Exit

from provision.common.errors import INTERRUPTED, OutputUnread, ProvisionError
from provision.common.text import on_one_line


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Convert ProvisionError and Ctrl-C to Invoke's Exit."""
    try:
        yield
    except ProvisionError as error:
        raise end(error) from error
    except KeyboardInterrupt:
        raise Exit("interrupted; run the same command again to complete it", code=INTERRUPTED) from None


def end(error: ProvisionError) -> Exit:
    """Return the end of a command with its error; silent if nobody reads the output, as in ``inv keys | head``."""
    if isinstance(error, OutputUnread):
        return Exit(code=error.exit_status)
    return Exit(f"error: {on_one_line(str(error))}", code=error.exit_status)
