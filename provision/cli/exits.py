"""End a task that failed: one line and an exit status. A bug ends as a traceback, in the log of a host if
it is met there.

The statuses of all tasks: 0 ok, 1 not ok, 2 bad input or nothing tried, 3 ``plan`` found pending changes, 130
interrupted, 141 nobody reads the output. ``status --nagios`` has those of :mod:`provision.output.nagios`.
"""

import signal
import threading
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


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Treat SIGTERM, by which a pipeline cancels a job, as Ctrl-C: a run reports how far it came, and cleans up."""
    own = threading.current_thread() is threading.main_thread()
    # The process that starts a command may have it ignore the signal, as nohup does with another one.
    if not own or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def end(error: ProvisionError) -> Exit:
    """Return the end of a command with its error; silent if nobody reads the output, as in ``inv keys | head``."""
    if isinstance(error, OutputUnread):
        return Exit(code=error.exit_status)
    return Exit(f"error: {on_one_line(str(error))}", code=error.exit_status)
