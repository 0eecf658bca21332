"""Fetch the verified tarball of a release into the store.

The sha256 must always match; only matching bytes are stored. An available signature must also be valid: it is evidence
that the pinned file is the one that upstream's maintainer signed.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from provision.build.fetch.places import Folder, Place, web_places
from provision.build.fetch.store import Store, Tarball
from provision.chrony.releases import Release
from provision.common.errors import FetchError
from provision.common.text import discard


def fetch(
    release: Release,
    *,
    store: Store,
    sources: Path | None = None,
    say: Callable[[str], None] = discard,
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
