"""Fetch the verified tarball of a release into the store.

The sha256 must always match; only matching bytes are stored. An available signature must also be valid: it is evidence
that the pinned file is the one that upstream's maintainer signed.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from provision.build.fetch.places import MOST_BYTES, Folder, Place, Web, web_places
from provision.chrony import releases
from provision.chrony.releases import Release
from provision.common.errors import FetchError
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
            raise FetchError(f"cannot read {path}: {error.strerror}; remove it") from error
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


def _discard(_: str) -> None:
    """Ignore a message."""


def fetch(
    release: Release,
    *,
    store: Store,
    sources: Path | None = None,
    say: Callable[[str], None] = _discard,
    places: Iterable[Place] | None = None,
    offline: bool = False,
) -> Tarball:
    """Return a release's tarball from the first location that has it, and store it.

    The locations are the store, the folder ``sources``, and ``places``: by default upstream and apt's mirrors, and none
    if ``offline``. Raises FetchError for wrong bytes in the folder, for an invalid signature, or if no location has the
    tarball, with the reason of each.
    """
    if (kept := store.find(release, say)) is not None:
        return kept
    reasons: list[str] = []
    for place in _places(release, sources, places, offline=offline):
        data = _ask(place, release, reasons, say)
        if data is not None:
            words, signed = _signature(place, release, data)
            return store.keep(release, data, origin=place.name, signature=words, signed=signed)
    raise FetchError(
        f"{release}: not to be had: {'; '.join(dict.fromkeys(reasons)) or 'there is no place to ask'}; "
        f"put {release.filename} into a folder and give it with --sources"
    )


def _places(
    release: Release, sources: Path | None, places: Iterable[Place] | None, *, offline: bool
) -> Iterator[Place]:
    if sources is not None:
        yield Folder(sources)
    if places is not None:
        yield from places
    elif not offline:
        yield from web_places(release.name)


def _ask(place: Place, release: Release, reasons: list[str], say: Callable[[str], None]) -> bytes | None:
    """Return the matching bytes, or None and append the reason to ``reasons``."""
    say(f"{release}: asking {place.name}")
    try:
        data = place.tarball(release)
        wrong = release.mismatch(data)
    except FetchError as error:
        wrong = str(error)
    else:
        if wrong is None:
            return data
        if place.own:
            raise FetchError(f"{release}: {place.name}: {wrong}; replace the file, or remove it")
    reasons.append(f"{place.name}: {wrong}")
    say(f"{release}: {reasons[-1]}")
    return None


def _signature(place: Place, release: Release, data: bytes) -> tuple[str, bytes | None]:
    """Return the result of the signature check in words, and the signature. Raises FetchError if it is invalid."""
    if release.signer is None:
        return "not looked for, because no signer is pinned", None
    signature = place.signature(release)
    if signature is None:
        return f"none to be had from {place.name}", None
    from provision.build.fetch.signature import check  # noqa: PLC0415 -- OpenPGP is slow to import, and most runs verify nothing

    try:
        return check(data, signature, release.signer), signature
    except FetchError as error:
        raise FetchError(f"{release}: {place.name}: {error}; nothing was kept, do not use this place") from error


@dataclass(frozen=True, slots=True)
class Newest:
    """Hold the highest version in the list of a location."""

    version: str
    origin: str


def newest(name: str, *, places: Iterable[Web] | None = None) -> Newest | None:
    """Return the newest release of ``chrony`` or ``nettle`` from upstream or a mirror, or None if none answers."""
    if places is None:
        places = web_places(name)
    for place in places:
        try:
            version = releases.newest(name, place.listing())
        except FetchError:
            continue
        if version is not None:
            return Newest(version, place.name)
    return None
