"""Hide a live display of Rich for a moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Live(Protocol):
    """The part of ``rich.live.Live`` and ``rich.status.Status`` that starts and stops it."""

    def start(self) -> None:
        """Show it."""

    def stop(self) -> None:
        """Hide it."""


@contextmanager
def hidden(live: Live | None) -> Iterator[None]:
    """Hide a display within the context; do nothing where there is none, as without a terminal."""
    if live is None:
        yield
        return
    live.stop()
    try:
        yield
    finally:
        live.start()
