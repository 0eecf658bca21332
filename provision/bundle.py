"""One file with all that deployments of a site need from elsewhere: tarballs, their signatures, and artifacts.

Nothing in a bundle is trusted because it lies there: a tarball has to have the pinned digest, its signature is verified
again, and an artifact has to be whole and to do its work on each host. But only its maker knows what an artifact was
made from; so compare the bundle's digest with theirs.
"""

import io
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from provision.artifacts import ARCHIVE, NOTE, SBOM, Artifacts, noted
from provision.errors import FetchError, ParseError, StoreError
from provision.fetch import Store, Tarball, fetch
from provision.releases import SYSTEM, Release

BUILD = r"chrony-[\w.+-]+-nettle-[\w.+-]+-[0-9a-f]{12}"
NAME = re.compile(rf"sources/[\w.+-]+|artifacts/(?P<build>{BUILD})/(?:{ARCHIVE}|{NOTE}|{SBOM})")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is in a bundle. Raises StoreError."""

    path: Path
    files: Mapping[str, bytes]
    sha256: str
    """Of the file, in hex."""
    own: ClassVar[bool] = True

    @classmethod
    def read(cls, path: Path) -> "Bundle":
        """Read a bundle."""
        try:
            data = path.read_bytes()
            with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
                files = {
                    entry.name: tar.extractfile(entry) for entry in tar if entry.isreg() and NAME.fullmatch(entry.name)
                }
                found = {name: opened.read() for name, opened in files.items() if opened is not None}
        except OSError as error:
            raise StoreError(f"--bundle {path}: cannot be read: {error.strerror}") from error
        except (tarfile.TarError, EOFError) as error:
            raise StoreError(f"--bundle {path}: is no bundle ({error}); inv bundle makes one") from error
        if not found:
            raise StoreError(f"--bundle {path}: nothing in it that we know; inv bundle makes one")
        return cls(path, found, sha256(data).hexdigest())

    @property
    def name(self) -> str:
        """Return what the operator calls it."""
        return f"--bundle {self.path}"

    @property
    def builds(self) -> tuple[str, ...]:
        """Return the names of the builds of which it has an artifact."""
        found = (NAME.fullmatch(name) for name in self.files)
        return tuple(dict.fromkeys(match["build"] for match in found if match and match["build"]))

    def tarball(self, release: Release) -> bytes:
        """Return the tarball, whatever its digest. Raises FetchError."""
        if (data := self.files.get(f"sources/{release.filename}")) is None:
            raise FetchError(f"no {release.filename} in it")
        return data

    def signature(self, release: Release) -> bytes | None:
        """Return the signature; None where there was none."""
        return self.files.get(f"sources/{release.filename}.asc")

    def unpack(self, releases: Iterable[Release], store: Store, artifacts: Artifacts) -> None:
        """Put these tarballs and all artifacts into the stores of this machine. Raises FetchError, StoreError."""
        for release in releases:
            fetch(release, store=store, places=[self])
        for build in self.builds:
            note, archive, sbom = (self.files.get(f"artifacts/{build}/{name}", b"") for name in (NOTE, ARCHIVE, SBOM))
            try:
                artifact = noted(build, note, archive)
            except ParseError as error:
                raise StoreError(f"{self.name}: {error}; have it made anew: inv bundle") from error
            # What this machine has built itself stays.
            if artifacts.find(build, _discard) is None:
                artifacts.keep(artifact, sbom.decode(errors="replace"))


def _discard(_: str) -> None:
    """Take a line that nobody wants."""


def write(
    path: Path,
    releases: Iterable[Release],
    store: Store,
    artifacts: Artifacts,
    sources: Path | None,
    say: Callable[[str], None],
) -> Iterator[str]:
    """Write a bundle of these releases and the artifacts that were made from them; yield what is in it, in words.

    The same tarballs and artifacts give the same bytes. Raises FetchError, StoreError.
    """
    tarballs = [fetch(release, store=store, sources=sources, say=say) for release in releases]
    names = [name for name in artifacts.names() if _is_of(name, [tarball.release for tarball in tarballs])]
    builds = [name for name in names if artifacts.find(name, say) is not None]
    data = packed(dict(_sources(tarballs, store)) | dict(_artifacts(builds, artifacts, say)))
    try:
        path.write_bytes(data)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from error
    for tarball in tarballs:
        yield f"{tarball.release}; signature: {tarball.signature}"
    yield from (f"artifact {build}" for build in builds)
    if not builds:
        yield "no artifact: deploy or build on one host of each platform first, or hosts will have to compile"
    yield f"{path}: {len(data)} bytes, sha256 {sha256(data).hexdigest()}"


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return these files as a bundle."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def _is_of(build: str, releases: Iterable[Release]) -> bool:
    """Say whether a build was made from these releases; of several chronys, each with each Nettle."""
    versions = {name: {one.version for one in releases if one.name == name} for name in ("chrony", "nettle")}
    nettles = versions["nettle"] or {SYSTEM}
    heads = [f"chrony-{chrony}-nettle-{nettle}-" for chrony in versions["chrony"] for nettle in nettles]
    return any(build.startswith(head) for head in heads)


def _sources(tarballs: Iterable[Tarball], store: Store) -> Iterator[tuple[str, bytes]]:
    for tarball in tarballs:
        name = f"sources/{tarball.release.filename}"
        yield name, tarball.path.read_bytes()
        if (signature := store.signature(tarball.release)) is not None:
            yield f"{name}.asc", signature


def _artifacts(builds: Iterable[str], artifacts: Artifacts, say: Callable[[str], None]) -> Iterator[tuple[str, bytes]]:
    for build in builds:
        if (artifact := artifacts.find(build, say)) is not None:
            yield f"artifacts/{build}/{ARCHIVE}", artifact.archive
            yield f"artifacts/{build}/{NOTE}", f"{artifact.note}\n".encode()
            yield f"artifacts/{build}/{SBOM}", artifacts.sbom(build).encode()
