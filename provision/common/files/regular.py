"""Read a local file from an untrusted path: only a regular file of limited size."""

import errno
import os
import stat
from pathlib import Path


def read_regular(path: Path, most: int) -> bytes:
    """Return the content of a regular file of at most ``most`` bytes.

    Raises OSError, also if the path is a pipe, a device or a folder, or the file is too large; ``strerror`` has the
    reason.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        # The opened file is checked: the path may lead to another file by now.
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"{status.st_size} bytes are more than the {most} that are read", str(path))
        # The file may grow meanwhile.
        return file.read(most)


def _without_waiting(path: str, flags: int) -> int:
    """Open a file without blocking: opening a pipe, which is refused afterwards, would wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)
