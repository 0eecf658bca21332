"""Provide tarballs from the operator's folder, from upstream, and from the mirrors of this machine's apt."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

from provision.chrony.releases import Address, Release, pool, upstream
from provision.common.errors import FetchError
from provision.common.files.regular import read_regular
from provision.host.transport.local import LocalTransport

MOST_BYTES = 64 * 1024 * 1024
"""The largest tarball in a folder, in bytes; chrony's and Nettle's have at most 3 MB."""
_MIRRORS = "apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages'"


class Place(Protocol):
    """Provide tarballs from one location."""

    own: ClassVar[bool]
    """Whether it belongs to the operator: wrong bytes are an error then; otherwise, the next location is tried."""

    @property
    def name(self) -> str:
        """Return the name of the location for messages."""

    def tarball(self, release: Release) -> bytes:
        """Return the tarball, without a check of its digest. Raises FetchError with a short reason."""

    def signature(self, release: Release) -> bytes | None:
        """Return the signature beside the tarball, or None if none is available."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Provide tarballs from a folder, under upstream's or Debian's names. Raises FetchError if it does not exist."""

    path: Path
    own: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            raise FetchError(f"{self.name}: there is no such folder")

    @property
    def name(self) -> str:
        """Return the option that sets the folder."""
        return f"--sources {self.path}"

    def tarball(self, release: Release) -> bytes:
        """Return the tarball under either name."""
        names = (release.filename, release.pool_filename)
        data = self._first(*names)
        if data is None:
            raise FetchError(f"neither {' nor '.join(names)}")
        return data

    def signature(self, release: Release) -> bytes | None:
        """Return the signature file, under upstream's or Debian's name."""
        upstreams = f"{release.name}-{release.version}-tar-gz-asc.txt"
        beside = (
            f"{name}{suffix}" for name in (release.filename, release.pool_filename) for suffix in (".asc", ".sig")
        )
        return self._first(upstreams, *beside)

    def _first(self, *names: str) -> bytes | None:
        for name in names:
            path = self.path / name
            if not path.exists():
                continue
            try:
                return read_regular(path, MOST_BYTES)
            except OSError as error:
                raise FetchError(f"cannot read {name}: {error.strerror}") from error
        return None


@dataclass(frozen=True, slots=True)
class Web:
    """Provide one project's tarballs from a web server."""

    address: Address
    own: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Return the host name; the complete URL may contain a password."""
        return urlsplit(self.address.tarball).hostname or "?"

    def tarball(self, release: Release) -> bytes:
        """Download the tarball."""
        return _get(self.address.tarball_of(release.version))

    def signature(self, release: Release) -> bytes | None:
        """Download the signature; a mirror may have none."""
        try:
            return _get(self.address.signature_of(release.version))
        except FetchError:
            return None

    def listing(self) -> str:
        """Download the page that lists all tarballs. Raises FetchError with a short reason."""
        return _get(self.address.listing).decode(errors="replace")


def _get(url: str) -> bytes:
    from provision.build.fetch.download import get  # noqa: PLC0415 -- requests takes 0.1 s to import, and most runs download nothing

    return get(url)


def web_places(name: str) -> Iterator[Web]:
    """Yield upstream's servers and then the mirrors; apt is queried only if no server had the file."""
    yield from map(Web, upstream(name))
    yield from (Web(pool(mirror, name)) for mirror in mirrors())


@cache
def mirrors() -> tuple[str, ...]:
    """Return the archives of apt on this machine; none if there is no apt."""
    output = LocalTransport().execute(_MIRRORS)
    if output.status != 0:
        return ()
    return parse_mirrors(output.stdout)


def parse_mirrors(text: str) -> tuple[str, ...]:
    """Parse apt's output, an archive for each of its indexes; archives that are not on a web server are left out."""
    return tuple(dict.fromkeys(uri.rstrip("/") for uri in text.split() if uri.startswith(("http://", "https://"))))
