"""Functions that the tests of a Dask cluster have its workers run."""

import os
import time
from typing import Any


def repeats(given: Any, call: Any) -> Any:
    """Tell what was given, and return it."""
    call.send(("heard", given))
    return given


def fails(given: Any, call: Any) -> None:  # noqa: ARG001 -- as a cluster calls it
    """Raise an error that carries what was given."""
    raise ZeroDivisionError(given)


def waits(given: Any, call: Any) -> None:
    """Write "begun" to a file; then wait to be cut off, and write that."""
    ended: list[bool] = []
    call.when_cancelled(lambda: ended.append(True))
    given.write_text("begun")
    for _ in range(300):
        if ended:
            given.write_text("cut off")
            return
        time.sleep(0.1)


def dies(given: Any, call: Any) -> None:  # noqa: ARG001 -- as a cluster calls it
    """End the worker, as a bug in a library does."""

    os._exit(9)
