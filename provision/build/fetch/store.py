"""Store verified tarballs on the control machine, each with a record of its signature check."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from provision.build.fetch.places import MOST_BYTES
from provision.chrony.releases import Release
from provision.common.errors import FetchError, remedied
from provision.common.files.account import cache_folder
from provision.common.files.regular import read_regular
from provision.common.files.write import write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Tarball:
    """Hold a release's tarball; ``origin`` (its source in this run) and ``signature`` are texts for messages."""

    release: Release
    path: Path
    """Its path in the store."""
    data: bytes = field(repr=False)
    """The verified bytes. Use them in place of the file, which may change after the verification."""
    origin: str
    signature: str

    @property
    def in_words(self) -> str:
        """Return the source of the tarball and the result of its signature check."""
        return f"{self.release} from {self.origin}; signature: {self.signature}"


@dataclass(frozen=True, slots=True)
class Store:
    """Store tarballs in a folder of this machine, each with a record of its signature check.

    Concurrent runs may use it: a file appears atomically, and a damaged one is replaced, never removed.
    """

    folder: Path

    @classmethod
    def default(cls) -> "Store":
        """Return the user's own store."""
        return cls(cache_folder() / "sources")

    def find(self, release: Release, say: Callable[[str], None]) -> Tarball | None:
        """Return the stored tarball of a release, or None if it is missing or damaged."""
        path = self.folder / release.filename
        try:
            data = read_regular(path, MOST_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FetchError(f"cannot read {path}: {remedied(error, 'remove it')}") from error
        if (wrong := release.mismatch(data)) is not None:
            say(f"{release}: the store: {wrong}; fetching it anew")
            return None
        return Tarball(release=release, path=path, data=data, origin="the store", signature=self._noted(release))

    def keep(
        self, release: Release, data: bytes, *, origin: str, signature: str, signed: bytes | None = None
    ) -> Tarball:
        """Store a verified tarball. The record is written first, so that a tarball always has one.

        ``signed`` is the signature itself, for later verification.
        """
        path = self.folder / release.filename
        note = {"sha256": release.sha256, "signer": release.signer, "signature": signature}
        try:
            _store(self._note(release), json.dumps(note).encode())
            if signed is not None:
                _store(self._signature(release), signed)
            _store(path, data)
        except OSError as error:
            raise FetchError(
                f"cannot write {path}: {error.strerror}; let XDG_CACHE_HOME name another folder, or make room"
            ) from error
        return Tarball(release=release, path=path, data=data, origin=origin, signature=signature)

    def signature(self, release: Release) -> bytes | None:
        """Return the signature that came with a tarball, or None."""
        try:
            return read_regular(self._signature(release), MOST_BYTES)
        except OSError:
            return None

    def _signature(self, release: Release) -> Path:
        return self.folder / f"{release.filename}.asc"

    def _note(self, release: Release) -> Path:
        return self.folder / f"{release.filename}.note.json"

    def _noted(self, release: Release) -> str:
        """Return the recorded result of the signature check for this file and signer."""
        try:
            match json.loads(read_regular(self._note(release), MOST_BYTES)):
                case {"sha256": release.sha256, "signer": release.signer, "signature": str(signature)}:
                    return signature
        except (OSError, ValueError, RecursionError):
            pass
        return "not known: the store has no note of it"


def _store(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)
