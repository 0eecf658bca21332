"""The places from which tarballs come: the operator's folder, upstream, and the mirrors that apt uses here."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

from provision.errors import FetchError
from provision.releases import Address, Release, pool, upstream
from provision.transport.local import LocalTransport

_MIRRORS = "apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages'"


class Place(Protocol):
    """Somewhere that may have a tarball."""

    own: ClassVar[bool]
    """Whether it is the operator's own: wrong bytes there are an error, elsewhere a reason to ask the next place."""

    @property
    def name(self) -> str:
        """What the operator calls it."""

    def tarball(self, release: Release) -> bytes:
        """Return the tarball, whatever its digest. Raises FetchError with a short reason."""

    def signature(self, release: Release) -> bytes | None:
        """Return the signature that lies beside the tarball; None when there is none to be had."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of tarballs, under upstream's names or Debian's. Raises FetchError when there is no such folder."""

    path: Path
    own: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            raise FetchError(f"{self.name}: there is no such folder")

    @property
    def name(self) -> str:
        """Return the option that named it."""
        return f"--sources {self.path}"

    def tarball(self, release: Release) -> bytes:
        """Return the file of either name."""
        names = (release.filename, release.pool_filename)
        data = self._first(*names)
        if data is None:
            raise FetchError(f"neither {' nor '.join(names)}")
        return data

    def signature(self, release: Release) -> bytes | None:
        """Return the signature file, under upstream's names or Debian's."""
        upstreams = f"{release.name}-{release.version}-tar-gz-asc.txt"
        beside = (
            f"{name}{suffix}" for name in (release.filename, release.pool_filename) for suffix in (".asc", ".sig")
        )
        return self._first(upstreams, *beside)

    def _first(self, *names: str) -> bytes | None:
        path = next((path for name in names if (path := self.path / name).exists()), None)
        try:
            return path.read_bytes() if path else None
        except OSError as error:
            raise FetchError(f"cannot read {path.name if path else self.path}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Web:
    """A web server that has one project's tarballs."""

    address: Address
    own: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Return the host; never the whole address, which may hold a password."""
        return urlsplit(self.address.tarball).hostname or "?"

    def tarball(self, release: Release) -> bytes:
        """Download the tarball."""
        return _get(self.address.tarball_of(release.version))

    def signature(self, release: Release) -> bytes | None:
        """Download the signature; that a mirror has none is normal."""
        try:
            return _get(self.address.signature_of(release.version))
        except FetchError:
            return None

    def listing(self) -> str:
        """Download the page that names all tarballs. Raises FetchError with a short reason."""
        return _get(self.address.listing).decode(errors="replace")


def _get(url: str) -> bytes:
    from provision.fetch.download import get  # noqa: PLC0415 -- requests takes 0.1 s to import, and most runs download nothing

    return get(url)


def web_places(name: str) -> Iterator[Web]:
    """Yield upstream's servers, and then the mirrors, for which apt is asked only when nobody before had the file."""
    yield from map(Web, upstream(name))
    yield from (Web(pool(mirror, name)) for mirror in mirrors())


@cache
def mirrors() -> tuple[str, ...]:
    """Return the archives that apt on this machine uses; none where there is no apt."""
    output = LocalTransport().execute(_MIRRORS)
    return parse_mirrors(output.stdout) if output.status == 0 else ()


def parse_mirrors(text: str) -> tuple[str, ...]:
    """Read what apt prints: an archive for each of its indexes; those that no web server has are left out."""
    return tuple(dict.fromkeys(uri.rstrip("/") for uri in text.split() if uri.startswith(("http://", "https://"))))
