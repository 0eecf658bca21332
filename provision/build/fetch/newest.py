"""Ask upstream for the newest release."""

from collections.abc import Iterable
from dataclasses import dataclass

from provision.build.fetch.places import Web, web_places
from provision.chrony import releases
from provision.common.errors import FetchError


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
