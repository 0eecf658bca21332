"""Tar archives whose bytes depend on the files alone: in order, without dates, owners, links and special modes."""

import io
import tarfile
from collections.abc import Collection, Mapping


def tar_of(files: Mapping[str, bytes], *, mode: int = 0o644, executables: Collection[str] = ()) -> bytes:
    """Return a tar archive in the format of POSIX.1-1988 (ustar) with files by name.

    ``mode`` is the mode of all but the ``executables``, which have 0755.
    """
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = mode
            if name in executables:
                entry.mode = 0o755
            tar.addfile(entry, io.BytesIO(data))
    return archive.getvalue()
