"""Check a folder of evidence: each file is as it was written, none was added and none was removed."""

import os
import stat
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from provision.common.errors import EvidenceAltered, ParseError
from provision.common.files.regular import read_regular
from provision.common.text import on_one_line
from provision.output.audit.manifest import MANIFEST, SIGNATURE, UNLISTED, parse_manifest

MOST_BYTES = 1024 * 1024 * 1024
"""Of a file; the report on 10,000 hosts has some hundred megabytes."""
FOLDER, SPECIAL = "folder", "special"
"""In place of a digest: a folder; a link, a pipe or a device."""
MOST_NAMED = 5
"""Files of one kind that an error names."""


def check_files(folder: Path) -> tuple[dict[str, str], bytes]:
    """Check the files of a folder; return the digests by path, and the manifest as it was read.

    Raises EvidenceAltered, which names the files.
    """
    listed, manifest = _read_manifest(folder)
    try:
        differences = list(_differences(listed, dict(_entries(folder))))
    except OSError as error:
        raise EvidenceAltered(f"{folder}: {error.filename}: cannot be read: {error.strerror}") from error
    if differences:
        raise EvidenceAltered(f"{folder}: {'; '.join(differences)}")
    return listed, manifest


def _read_manifest(folder: Path) -> tuple[dict[str, str], bytes]:
    """Return the digests by path, and the manifest as it was read. Raises EvidenceAltered."""
    try:
        manifest = read_regular(folder / MANIFEST, MOST_BYTES)
        return parse_manifest(manifest.decode()), manifest
    except FileNotFoundError as error:
        why = f"there is no {MANIFEST}: it was removed, or this is no folder of inv verify --evidence"
        raise EvidenceAltered(f"{folder}: {why}") from error
    except OSError as error:
        raise EvidenceAltered(f"{folder}: {MANIFEST}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise EvidenceAltered(f"{folder}: {MANIFEST} is no text") from error
    except ParseError as error:
        raise EvidenceAltered(f"{folder}: {error}") from error


def _differences(listed: Mapping[str, str], entries: Mapping[str, str]) -> Iterator[str]:
    """Yield a text such as ``added: notes.txt`` for each kind of difference between the manifest and the folder."""
    altered = [path for path in listed if path in entries and entries[path] != listed[path]]
    altered += [path for path in UNLISTED if entries.get(path) in {FOLDER, SPECIAL}]
    folders = {str(parent) for path in listed for parent in Path(path).parents}
    paths_by_kind = {
        "altered": altered,
        "removed": [path for path in listed if path not in entries],
        "added": [path for path in entries if path not in listed and path not in folders | UNLISTED],
    }
    for kind, paths in paths_by_kind.items():
        if paths:
            yield f"{kind}: {_named(paths)}"


def read_signature(folder: Path) -> bytes | None:
    """Return the signature of a folder; None if it has none. Raises EvidenceAltered."""
    try:
        return read_regular(folder / SIGNATURE, MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EvidenceAltered(f"{folder}: {SIGNATURE}: {error.strerror}") from error


def _entries(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the path of each entry below a folder, with the digest of a regular file, or what else it is.

    Links are not followed. Raises OSError.
    """
    for entry in sorted(_walk(folder)):
        path = entry.relative_to(folder).as_posix()
        mode = entry.lstat().st_mode
        if stat.S_ISDIR(mode):
            yield path, FOLDER
        elif stat.S_ISREG(mode):
            yield path, sha256(read_regular(entry, MOST_BYTES)).hexdigest()
        else:
            yield path, SPECIAL


def _walk(folder: Path) -> Iterator[Path]:
    """Yield each entry below a folder. Raises OSError."""
    with os.scandir(folder) as entries:
        for entry in entries:
            yield Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))


def _named(paths: list[str]) -> str:
    """Return the first paths of a list, and how many more there are."""
    named = ", ".join(on_one_line(path) for path in sorted(paths)[:MOST_NAMED])
    if len(paths) > MOST_NAMED:
        named += f" and {len(paths) - MOST_NAMED} more"
    return named
