"""Write local files atomically."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""link(2): the file system has none, as FAT on a USB stick."""


def write_whole(path: Path, data: bytes, *, mode: int = 0o666, exact_mode: bool = False, replace: bool = True) -> None:
    """Write a file atomically: an interrupted process leaves no partial file.

    ``mode`` is its mode before the umask; with ``exact_mode``, the umask has no effect. If ``path`` is a symbolic link,
    it still leads to the new file. Without ``replace``, an existing file is not overwritten. Raises OSError:
    FileExistsError in that case, and with a reason in ``strerror`` if the path is a device, a pipe or a folder.
    """
    place = path
    if replace:
        # Unlike Path.resolve(), it raises no RuntimeError for a link that leads to itself.
        place = Path(os.path.realpath(path))
        if place.exists() and not place.is_file():
            raise OSError(errno.EINVAL, "not a regular file", str(path))
    with TemporaryDirectory(dir=place.parent, prefix=f".{path.name}.") as folder:
        new = Path(folder) / path.name
        _write_new(new, data, mode)
        if exact_mode:
            new.chmod(mode)
        if replace:
            _keep_owner(place, new)
            new.replace(place)
        else:
            _place_new(new, path, data, mode)


def _place_new(new: Path, path: Path, data: bytes, mode: int) -> None:
    """Put a new file where there was none. Raises OSError."""
    try:
        # A hard link, unlike a rename, never replaces a file that was created meanwhile.
        os.link(new, path)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        _write_in_place(path, data, mode)


def _write_in_place(path: Path, data: bytes, mode: int) -> None:
    """Write a file that did not exist, and remove it if that fails. A killed process leaves a part of it."""
    try:
        _write_new(path, data, mode)
    except FileExistsError:
        raise
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _write_new(path: Path, data: bytes, mode: int) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123 -- a file descriptor
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _keep_owner(path: Path, new: Path) -> None:
    """Give the new file the owner of the one that it replaces, for root may edit the file of another user."""
    with suppress(FileNotFoundError, PermissionError):
        before = path.stat()
        os.chown(new, before.st_uid, before.st_gid)
