"""Write a folder of evidence: the report, the raw answers of each host, and a manifest of their digests.

The folder is written whole or not at all: into a folder beside it, which is renamed at the end.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from types import TracebackType
from typing import Self

from provision.common.errors import NotRecorded, SiteError
from provision.output.audit.manifest import MANIFEST, SIGNATURE, manifest_text
from provision.output.audit.rules_report import RulesReport
from provision.output.report import Report

REPORT = "report.json"
HOSTS = "hosts"
NO_RULES = RulesReport()
INDEX = "hosts.json"
"""The folder of each host, by the host's name."""
LONGEST = 100
"""Characters of the name of a file or folder, which may have 255 bytes in total."""

SignManifest = Callable[[bytes], bytes]
"""Returns the armored, detached signature of the manifest."""


class EvidenceFolder:
    """A folder of evidence while a command runs: a context manager around its work.

    A place that cannot be written is refused on entry, before a host is asked. :meth:`write` fills a new folder beside
    its place and puts it there. Without a path, nothing is written. Raises SiteError on entry; NotRecorded from
    :meth:`write`.
    """

    def __init__(
        self, path: Path | None, *, sign: SignManifest | None = None, signer: str = "", rules: RulesReport = NO_RULES
    ) -> None:
        """Name the folder; ``signer`` is the fingerprint of the key of ``sign``."""
        self.rules = rules
        self._path = path
        self._sign = sign
        self._signer = signer
        self._unfinished: Path | None = None

    def __enter__(self) -> Self:
        if self._path is None:
            return self
        # Without a trailing slash or "..", so that the folder beside it is on the same file system.
        self._path = Path(os.path.realpath(self._path))
        try:
            # Not kept until the end: a signal that ends the command would leave it.
            _make_beside(self._path).rmdir()
            if self._path.exists() and any(self._path.iterdir()):
                raise SiteError(f"--evidence {self._path}: is not empty; write reports to another folder")
        except OSError as error:
            raise SiteError(f"--evidence {self._path}: cannot be written: {error.strerror}") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._unfinished is not None:
            shutil.rmtree(self._unfinished, ignore_errors=True)

    @property
    def is_wanted(self) -> bool:
        """Return whether there is a folder to write."""
        return self._path is not None

    def write(self, reports: Sequence[Report], document: bytes) -> str:
        """Write the evidence; return a line that says where it is.

        ``document`` is the report of the command as JSON. Raises NotRecorded.
        """
        files = {REPORT: document, **dict(_files_of_hosts(reports)), **self.rules.files(reports)}
        files[MANIFEST] = manifest_text(files).encode()
        listed = len(files) - 1
        signed = "not signed"
        try:
            if self._sign is not None:
                files[SIGNATURE] = self._sign(files[MANIFEST])
                signed = f"signed by {self._signer}"
            self._put(files)
        except OSError as error:
            raise NotRecorded(
                f"the work on the hosts is over, and --evidence {self._path}: cannot be written: {error.strerror}"
            ) from error
        return f"evidence: {self._path}: {listed} files, {signed}"

    def _put(self, files: Mapping[str, bytes]) -> None:
        """Write the files and put the folder in its place. Raises OSError, also if something is there by now."""
        assert self._path is not None  # noqa: S101 -- write is called only if a folder is wanted
        self._unfinished = _make_beside(self._path)
        parents = {parent for name in files for parent in PurePosixPath(name).parents}
        for parent in sorted(parents - {PurePosixPath(".")}):
            (self._unfinished / parent).mkdir(mode=0o700)
        for name, data in files.items():
            _write(self._unfinished / name, data)
        # rename(2) replaces an empty folder, and refuses any other.
        self._unfinished.rename(self._path)
        self._unfinished = None


def no_evidence() -> EvidenceFolder:
    """Return the folder of a command that writes no evidence."""
    return EvidenceFolder(None)


def _make_beside(path: Path) -> Path:
    """Return a new, empty folder of mode 0700 beside a path. Raises OSError."""
    return Path(mkdtemp(prefix=f".{path.name[:LONGEST]}.", dir=path.parent))


def _write(path: Path, data: bytes) -> None:
    """Write a new file of mode 0600. Raises OSError."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 -- a descriptor
        file.write(data)


def _files_of_hosts(reports: Iterable[Report]) -> Iterator[tuple[str, bytes]]:
    """Yield the path and the content of each file about hosts."""
    folders: dict[str, str] = {}
    for report in reports:
        folder = _unused(str(report.host), set(folders.values()))
        folders[str(report.host)] = folder
        names: set[str] = set()
        for question, answer in report.answers.items():
            name = _unused(question, names)
            names.add(name)
            yield f"{HOSTS}/{folder}/{name}.txt", f"{answer.rstrip()}\n".encode(errors="backslashreplace")
    yield INDEX, f"{json.dumps(folders, indent=2, ensure_ascii=True)}\n".encode()


def _unused(text: str, used: set[str]) -> str:
    """Return a safe name for a file or folder that differs from the used ones, also where case does not count."""
    safe = re.sub(r"[^A-Za-z0-9._@+-]", "-", text).lstrip(".")[:LONGEST] or "unnamed"
    lower = {name.lower() for name in used}
    name, number = safe, 2
    while name.lower() in lower:
        name, number = f"{safe}-{number}", number + 1
    return name
