"""Lock a local file against other runs of the same user.

flock(2) needs no write permission: every user who can open a file or folder can hold its lock. A lock is therefore a
file of its own that only its owner can open.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

POLL_SECONDS = 0.2


def _wait() -> None:
    """Do nothing while another run holds the lock."""


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = _wait) -> Iterator[None]:
    """Hold the lock file ``path``, created with mode 0600; wait while another run holds it. The file stays.

    ``waiting`` is called repeatedly during the wait; its exceptions end the wait. Raises OSError, also for a lock file
    that other users could open.
    """
    # filelock takes a tenth of a second to import, and most runs lock nothing.
    from filelock import FileLock, Timeout  # noqa: PLC0415

    _refuse_open_file(path)
    lock = FileLock(path, mode=0o600)
    while not lock.is_locked:
        with suppress(Timeout):
            lock.acquire(timeout=POLL_SECONDS)
            break
        waiting()
    try:
        yield
    finally:
        lock.release()


def _refuse_open_file(path: Path) -> None:
    try:
        there = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(there.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if there.st_uid != os.geteuid() or there.st_mode & 0o077:
        raise OSError(errno.EPERM, "others can open this lock file: remove it", str(path))
