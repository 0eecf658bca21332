"""Provide the open files and the threads that many hosts at a time need on this machine, before any host is touched."""

import resource
import threading

from provision.common.errors import MORE_PROCESSES, SiteError, is_no_thread

OWN_FILES = 40
"""What a run opens beside its hosts: the program, its locks and its store."""
FILES = 4
"""What it opens for each host: connection, log, requests for time, and for a moment a program such as ``ssh -G``."""
THREADS = 6
"""The most that work for one host: its own, those of its connection and of a command, and the proof."""


def provide(hosts: int, fewer: str) -> None:
    """Make room for so many hosts at a time. Raises SiteError if this machine does not allow that.

    ``fewer``: the words before the number of hosts that are possible, for the message.
    """
    if hosts == 1:
        return
    _provide_files(hosts, fewer)
    _check_threads(hosts, fewer)


def _provide_files(hosts: int, fewer: str) -> None:
    """Raise the limit of open files as far as needed."""
    needed = OWN_FILES + FILES * hosts
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _suffices(now, needed):
        return
    try:
        if _suffices(most, needed):
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))
            return
    except (OSError, ValueError):
        # macOS allows less than it says.
        most = now
    fit = max(1, (most - OWN_FILES) // FILES)
    raise SiteError(
        f"{hosts} hosts at a time need up to {needed} open files, and this machine allows {most}: "
        f"{fewer} {fit}, or raise the limit (ulimit -n)"
    )


def _suffices(limit: int, needed: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= needed


def _check_threads(hosts: int, fewer: str) -> None:
    """Start as many threads as needed, and end them: several limits apply, and not all of them can be read."""
    needed = THREADS * hosts
    end = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(needed):
            thread = threading.Thread(target=end.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError as error:
        if not is_no_thread(error):
            raise
        fit = max(1, len(started) // THREADS)
        raise SiteError(
            f"{hosts} hosts at a time need up to {needed} threads, and this machine allows {len(started)} more: "
            f"{fewer} {fit}, or {MORE_PROCESSES}"
        ) from error
    finally:
        end.set()
        for thread in started:
            thread.join()
