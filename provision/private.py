"""A file of this machine that only its owner may read: judged when it is read, and written whole or not at all."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, flock
from pathlib import Path
from tempfile import TemporaryDirectory

from provision.errors import SiteError


def read(path: Path) -> bytes | None:
    """Return what is in a file; None: there is none. Raises SiteError, also when others may read the file."""
    found = read_with_mode(path)
    if found is None:
        return None
    data, mode = found
    if (why := exposed(mode, path)) is not None:
        raise SiteError(f"{path}: {why}")
    return data


def read_with_mode(path: Path) -> tuple[bytes, int] | None:
    """Return what is in a regular file, and its mode, whoever may read it; None: there is none. Raises SiteError."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            # The file that was opened is judged, not one that may stand there by now.
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise SiteError(f"{path}: not a regular file; say where a file in chrony.keys format is")
            return file.read(), mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SiteError(f"{path}: cannot read the keys: {error.strerror}") from error


def exposed(mode: int, path: Path) -> str | None:
    """Return what is wrong with a mode that lets others than the owner at a file."""
    if not mode & 0o077:
        return None
    return f"others than its owner may use it (mode {stat.S_IMODE(mode):04o}): chmod 600 {path}"


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe, which is refused later, must not keep us waiting for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def write(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file, mode 0600, whole or not at all; without ``replace``, never over one that is there.

    Raises SiteError.
    """
    try:
        # Whatever ends us, nobody sees half a file; where it is replaced, a link to it still leads to it.
        place = path.resolve().parent if replace else path.parent
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryDirectory(dir=place, prefix=f".{path.name}.") as folder:
            new = Path(folder) / path.name
            _write_new(new, data)
            if replace:
                _keep_owner(path, new)
                new.replace(path.resolve())
            else:
                # A link, unlike a rename, never replaces a file that appeared meanwhile.
                os.link(new, path)
    except FileExistsError as error:
        why = "there is a file by now, and it was not overwritten: run again" if path.exists() else error.strerror
        raise SiteError(f"{path}: cannot be written: {why}") from error
    except OSError as error:
        raise SiteError(f"{path}: cannot be written: {error.strerror}") from error


def _write_new(path: Path, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 -- a file descriptor
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _keep_owner(path: Path, new: Path) -> None:
    """Let root change somebody's file without taking it from them."""
    with suppress(FileNotFoundError, PermissionError):
        before = path.stat()
        os.chown(new, before.st_uid, before.st_gid)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep everybody else who comes through here from changing a file meanwhile. Raises SiteError."""
    try:
        folder = path.resolve().parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The folder, for the file itself is replaced; it goes with us, so a lock that somebody forgot there is not.
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise SiteError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)
