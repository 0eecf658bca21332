"""Read a site file, and turn a table of it into a typed value; a fault is named with its place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from provision.common.errors import SiteError
from provision.common.files.regular import read_regular
from provision.site.decode import Tree, convert, parse
from provision.site.source import Table
from provision.site.text_types import HOST_PREFIX, CertificateFile, Command, Refused

T = TypeVar("T", bound=Table)
MOST_BYTES = 64 * 1024 * 1024
"""The largest site file, in bytes; 10,000 hosts need 1 MB."""


def read_tree(path: Path) -> Tree:
    """Read a site file. Raises SiteError, ``FILE: PATH: fault``."""
    try:
        return parse(read_regular(path, MOST_BYTES), str(path))
    except OSError as error:
        raise SiteError(f"{path}: cannot be read: {error.strerror}") from error


def to_table(tree: Tree, kind: type[T], path: Path, *, place: Callable[[str], str]) -> T:
    """Return a table of a site file; ``place`` returns the position of a key for messages. Raises SiteError."""

    def value(kind: Any, text: Any) -> Any:
        if not isinstance(text, str):
            raise Refused(f"expected str, got {type(text).__name__}")
        if issubclass(kind, Path):
            return _local_path(path.parent, text)
        if issubclass(kind, CertificateFile):
            return _certificate_file(path.parent, text)
        if issubclass(kind, Command):
            return Command.run_in(path.parent, text)
        return kind(text)

    try:
        return convert(tree, kind, hook=value)
    except Refused as error:
        raise SiteError(f"{path}: {place(error.key)}: {error}") from error


def _certificate_file(folder: Path, text: str) -> CertificateFile:
    """Return a path on this machine, absolute or from the folder of the site file, or one on the host."""
    if text.startswith(HOST_PREFIX):
        return CertificateFile(text)
    return CertificateFile(str(_local_path(folder, text)))


def _local_path(folder: Path, text: str) -> Path:
    """Return a path on this machine; a relative one starts at the folder of the site file."""
    if not text:
        raise Refused("is empty; leave it out for the default")
    if "\0" in text:
        raise Refused(f"{text!r}: no file has a name with a null character")
    try:
        return folder / Path(text).expanduser()
    except RuntimeError as error:
        raise Refused(f"{text!r}: {error}") from error
