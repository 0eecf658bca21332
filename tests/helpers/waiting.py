"""Waiting for what comes in its own time: over as soon as it has come, and patient, for machines are slow at times."""

import time
from collections.abc import Callable

PATIENCE = 120.0
"""Seconds; long enough that only what never comes is missed."""


def await_true(holds: Callable[[], object], otherwise: str, *, every: float = 0.05, patience: float = PATIENCE) -> None:
    """Return as soon as something holds; look every so many seconds, and fail with ``otherwise`` if it never does."""
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"{otherwise}, after {patience:g} s")
        time.sleep(every)
