"""A release -> its tarball in the store, verified.

The sha256 decides, always and everywhere; only bytes that have it ever land in the store. A signature that can be had
must be right, too: it is evidence that the pin itself is what upstream's maintainer signed.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from platformdirs import user_cache_path

from provision import releases
from provision.errors import FetchError
from provision.fetch.places import Folder, Place, Web, web_places
from provision.releases import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Tarball:
    """A release that lies on this machine; ``origin`` (where it came from now) and ``signature`` are words."""

    release: Release
    path: Path
    origin: str
    signature: str

    @property
    def in_words(self) -> str:
        """Return where it came from, and what its signature proves."""
        return f"{self.release} from {self.origin}; signature: {self.signature}"


@dataclass(frozen=True, slots=True)
class Store:
    """This machine's folder of tarballs, each with a note of what is known about its signature.

    Any number of runs may use it at once: a file appears whole, and one that is damaged is replaced, never removed.
    """

    folder: Path

    @classmethod
    def default(cls) -> "Store":
        """Return the user's own store."""
        return cls(user_cache_path("chrony-provision") / "sources")

    def find(self, release: Release, say: Callable[[str], None]) -> Tarball | None:
        """Return what is kept of a release; None when it is missing or damaged."""
        path = self.folder / release.filename
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FetchError(f"cannot read {path}: {error.strerror}; remove it") from error
        if (wrong := release.mismatch(data)) is not None:
            say(f"{release}: the store: {wrong}; fetching it anew")
            return None
        return Tarball(release=release, path=path, origin="the store", signature=self._noted(release))

    def keep(
        self, release: Release, data: bytes, *, origin: str, signature: str, signed: bytes | None = None
    ) -> Tarball:
        """Put a verified tarball into the store, the note first: a tarball is never without one.

        ``signed`` is the signature itself, for those who want to verify it again.
        """
        path = self.folder / release.filename
        note = {"sha256": release.sha256, "signer": release.signer, "signature": signature}
        try:
            _land(self._note(release), json.dumps(note).encode())
            if signed is not None:
                _land(self._signature(release), signed)
            _land(path, data)
        except OSError as error:
            raise FetchError(f"cannot write {path}: {error.strerror}; make room, or give the right to write") from error
        return Tarball(release=release, path=path, origin=origin, signature=signature)

    def signature(self, release: Release) -> bytes | None:
        """Return the signature that came with a tarball; None when there was none."""
        try:
            return self._signature(release).read_bytes()
        except OSError:
            return None

    def _signature(self, release: Release) -> Path:
        return self.folder / f"{release.filename}.asc"

    def _note(self, release: Release) -> Path:
        return self.folder / f"{release.filename}.note.json"

    def _noted(self, release: Release) -> str:
        """Return what was found out about the signature of this very file and signer."""
        try:
            match json.loads(self._note(release).read_bytes()):
                case {"sha256": release.sha256, "signer": release.signer, "signature": str(signature)}:
                    return signature
        except (OSError, ValueError):
            pass
        return "not known: the store has no note of it"


def _land(path: Path, data: bytes) -> None:
    """Write a file so that others see all of it or none, whoever writes the same one now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".new-", dir=path.parent) as room:
        (Path(room) / path.name).write_bytes(data)
        (Path(room) / path.name).replace(path)


def _discard(_: str) -> None:
    """Take a line that nobody wants."""


def fetch(
    release: Release,
    *,
    store: Store,
    sources: Path | None = None,
    say: Callable[[str], None] = _discard,
    places: Iterable[Place] | None = None,
    offline: bool = False,
) -> Tarball:
    """Return a release's tarball from the first place that has it, by way of the store.

    The places are the store, the folder ``sources``, and ``places``: unless others are given, upstream and apt's
    mirrors; none of these ``offline``. Raises FetchError: wrong bytes in the folder, a wrong signature anywhere, or no
    place that has it, with the reason of each.
    """
    if (kept := store.find(release, say)) is not None:
        return kept
    reasons: list[str] = []
    others = web_places(release.name) if places is None and not offline else places or ()
    for place in chain([Folder(sources)] if sources else [], others):
        data = _ask(place, release, reasons, say)
        if data is not None:
            words, signed = _signature(place, release, data)
            return store.keep(release, data, origin=place.name, signature=words, signed=signed)
    raise FetchError(
        f"{release}: not to be had: {'; '.join(dict.fromkeys(reasons)) or 'there is no place to ask'}; "
        f"put {release.filename} into a folder and give it with --sources"
    )


def _ask(place: Place, release: Release, reasons: list[str], say: Callable[[str], None]) -> bytes | None:
    """Return the right bytes, or None, and then there is one more reason."""
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
    """Say what the signature beside a tarball proves, and return it; FetchError when it is wrong."""
    if release.signer is None:
        return "not looked for, because no signer is pinned", None
    signature = place.signature(release)
    if signature is None:
        return f"none to be had from {place.name}", None
    from provision.fetch.signature import check  # noqa: PLC0415 -- OpenPGP is slow to import, and most runs verify nothing

    try:
        return check(data, signature, release.signer), signature
    except FetchError as error:
        raise FetchError(f"{release}: {place.name}: {error}; nothing was kept, do not use this place") from error


@dataclass(frozen=True, slots=True)
class Newest:
    """The highest version that a place lists."""

    version: str
    origin: str


def newest(name: str, *, places: Iterable[Web] | None = None) -> Newest | None:
    """Ask for the newest release of ``chrony`` or ``nettle``: upstream, else a mirror; None when nobody can tell."""
    for place in web_places(name) if places is None else places:
        try:
            version = releases.newest(name, place.listing())
        except FetchError:
            continue
        if version is not None:
            return Newest(version, place.name)
    return None
