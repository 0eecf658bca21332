"""Read and write local files that only their owner may read; writes are atomic."""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from provision.common.errors import SiteError
from provision.common.files import lock
from provision.common.files.write import write_whole

MOST_BYTES = 64 * 1024 * 1024
"""The largest file that is read; 100,000 keys take 5 MB."""


def read(path: Path) -> bytes | None:
    """Return the content of a file, or None if it does not exist. Raises SiteError, also if other users may read it."""
    found = read_with_mode(path)
    if found is None:
        return None
    data, mode = found
    if (why := exposed(mode, path)) is not None:
        raise SiteError(f"{path}: {why}")
    return data


def read_with_mode(path: Path) -> tuple[bytes, int] | None:
    """Return content and mode of a regular file with any mode, or None if it does not exist. Raises SiteError."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            # The opened file is checked: the path may lead to another file by now.
            status = os.fstat(file.fileno())
            mode = status.st_mode
            if not stat.S_ISREG(mode):
                raise SiteError(f"{path}: not a regular file")
            if status.st_size > MOST_BYTES:
                raise SiteError(f"{path}: {status.st_size} bytes are too many")
            return file.read(MOST_BYTES), mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SiteError(f"{path}: cannot be read: {error.strerror}") from error


def exposed(mode: int, path: Path) -> str | None:
    """Return the complaint and its remedy if a mode gives users other than the owner any access; otherwise None."""
    if not mode & 0o077:
        return None
    return f"others than its owner may use it (mode {stat.S_IMODE(mode):04o}): chmod 600 {path}"


def _without_waiting(path: str, flags: int) -> int:
    """Open a file without blocking: opening a pipe, which is refused later, would wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def write(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file atomically, with mode 0600. Without ``replace``, an existing file is not overwritten.

    Raises SiteError.
    """
    try:
        place = path
        if replace:
            place = Path(os.path.realpath(path))
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, data, mode=0o600, replace=replace)
    except FileExistsError as error:
        why = error.strerror
        if path.exists():
            why = "there is a file by now, and it was not overwritten: run again"
        raise SiteError(f"{path}: cannot be written: {why}") from error
    except OSError as error:
        raise SiteError(f"{path}: cannot be written: {error.strerror}") from error


def refuse_unwritable(path: Path) -> None:
    """Raise SiteError if a file cannot be created or replaced, as far as that is known without trying."""
    folder = Path(os.path.realpath(path)).parent
    # Unlike Path.exists(), it raises no PermissionError for a folder in one that is shut.
    while not os.access(folder, os.F_OK) and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SiteError(
            f"{path}: cannot be written: no right to write in {folder}; make the folder writable, or name another file "
            "in the site"
        )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other runs from changing a file meanwhile. Raises SiteError."""
    place = Path(os.path.realpath(path))
    # Neither the file itself, which is replaced, nor its folder, which other users may be able to open.
    beside = place.with_name(f".{place.name}.lock")
    with ExitStack() as stack:
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(lock.locked(beside))
        except OSError as error:
            raise SiteError(f"{path}: cannot be written: {error.strerror}") from error
        yield
