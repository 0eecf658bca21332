"""How a task ends that could not do its work: one line, and exit status 2; a bug ends as a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from invoke.exceptions import Exit

from provision.errors import ProvisionError

INTERRUPTED = 130
"""128 + SIGINT, as a shell says it."""
NOBODY_READS = 141
"""128 + SIGPIPE."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what the world or the site got wrong, and Ctrl-C, into Invoke's Exit."""
    try:
        yield
    except ProvisionError as error:
        raise Exit(f"error: {error}", code=2) from error
    except KeyboardInterrupt:
        raise Exit("interrupted; the same line completes what was begun", code=INTERRUPTED) from None
    except BrokenPipeError:
        # As in "inv keys | head"; what Python still has to print at its end must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Exit(code=NOBODY_READS) from None
