"""The archive of a small build, as a host's tar makes it, and as the tool packs it."""

import io
import tarfile
from collections.abc import Mapping
from hashlib import sha256

from provision.build.artifact import pack
from tests.helpers.samples import RECIPE

CHRONYD, CHRONYC = b"\x7fELF chronyd", b"\x7fELF chronyc"
FILES = {
    "receipt.json": f"{RECIPE.receipt}\n".encode(),
    "sbin/chronyd": CHRONYD,
    "bin/chronyc": CHRONYC,
    "sha256sums": "".join(
        f"{sha256(data).hexdigest()}  {name}\n" for name, data in (("sbin/chronyd", CHRONYD), ("bin/chronyc", CHRONYC))
    ).encode(),
    "libraries": b"libcap.so.2 libcap2\nlibc.so.6 libc6\n",
    "share/man/man8/chronyd.8": b".TH chronyd 8\n",
}
Entry = tuple[str, bytes, int]
"""Name, content and mode."""


def folder(files: dict[str, bytes] = FILES, *, mtime: int = 0, uid: int = 0, prefix: str = "./") -> bytes:
    """Return what a host's tar makes of a folder."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo(prefix)
        entry.type = tarfile.DIRTYPE
        tar.addfile(entry)
        for name, data in files.items():
            entry = tarfile.TarInfo(f"{prefix}{name}")
            entry.size, entry.mtime, entry.uid = len(data), mtime, uid
            entry.mode = 0o755 if "bin/" in name else 0o644
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


ARTIFACT = pack(RECIPE, folder(), checked=False, host="ntp1", seconds=41.2)


def packed_as(*entries: Entry, format_: int = tarfile.USTAR_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=format_) as tar:
        for name, data, mode in entries:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def entries(files: Mapping[str, bytes]) -> list[Entry]:
    return [(name, data, 0o755 if "bin/" in name else 0o644) for name, data in sorted(files.items())]


def packed_in_order(files: Mapping[str, bytes]) -> bytes:
    """Return the tar of a build's files as the tool makes it, whatever is in them."""
    return packed_as(*entries(files))
