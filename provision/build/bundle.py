"""Pack the tarballs, signatures and artifacts of a site into one file, for sites without a network.

The content of a bundle is not trusted: a tarball must have the pinned digest, its signature is verified again, and an
artifact must be intact and pass its tests on each host. The receipt of an artifact, however, cannot be verified on
another machine; the operator therefore compares the digest of the bundle with the one that its maker saw.
"""

import io
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from provision.build.artifact import noted
from provision.build.artifact_store import ARCHIVE, NOTE, SBOM, Artifacts
from provision.build.fetch.fetch import fetch
from provision.build.fetch.store import Store, Tarball
from provision.chrony.releases import SYSTEM, Release
from provision.common.errors import FetchError, ParseError, StoreError
from provision.common.files.regular import read_regular
from provision.common.files.tar import tar_of
from provision.common.files.write import write_whole
from provision.common.text import discard

BUILD = r"chrony-[\w.+-]+-nettle-[\w.+-]+-[0-9a-f]{12}"
MOST_BYTES = 1024 * 1024 * 1024
"""The largest bundle, in bytes; an artifact has less than a megabyte, and the tarballs of a release 6."""
NAME = re.compile(rf"sources/[\w.+-]+|artifacts/(?P<build>{BUILD})/(?:{ARCHIVE}|{NOTE}|{SBOM})")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Hold the content of a bundle. Raises StoreError."""

    path: Path
    files: Mapping[str, bytes]
    sha256: str
    """The digest of the file, in hex."""
    own: ClassVar[bool] = True

    @classmethod
    def read(cls, path: Path) -> "Bundle":
        """Read a bundle."""
        try:
            data = read_regular(path, MOST_BYTES)
            found = dict(_members(data))
        except OSError as error:
            raise StoreError(f"--bundle {path}: cannot be read: {error.strerror}") from error
        except (tarfile.TarError, EOFError, ValueError) as error:
            raise StoreError(f"--bundle {path}: is no bundle ({error}); inv bundle makes one") from error
        if not found:
            raise StoreError(f"--bundle {path}: nothing in it that we know; inv bundle makes one")
        return cls(path, found, sha256(data).hexdigest())

    @property
    def name(self) -> str:
        """Return the name of the bundle for messages."""
        return f"--bundle {self.path}"

    @property
    def builds(self) -> tuple[str, ...]:
        """Return the names of the builds with an artifact in the bundle."""
        found = (NAME.fullmatch(name) for name in self.files)
        return tuple(dict.fromkeys(match["build"] for match in found if match and match["build"]))

    def tarball(self, release: Release) -> bytes:
        """Return the tarball, without a check of its digest. Raises FetchError."""
        if (data := self.files.get(f"sources/{release.filename}")) is None:
            raise FetchError(f"no {release.filename} in it")
        return data

    def signature(self, release: Release) -> bytes | None:
        """Return the signature, or None if there is none."""
        return self.files.get(f"sources/{release.filename}.asc")

    def unpack(self, releases: Iterable[Release], store: Store, artifacts: Artifacts) -> None:
        """Copy these tarballs and all artifacts to the stores of this machine. Raises FetchError, StoreError."""
        for release in releases:
            fetch(release, store=store, places=[self])
        for build in self.builds:
            note, archive, sbom = (self.files.get(f"artifacts/{build}/{name}", b"") for name in (NOTE, ARCHIVE, SBOM))
            try:
                artifact = noted(build, note, archive)
            except ParseError as error:
                raise StoreError(f"{self.name}: {error}; have it made anew: inv bundle") from error
            # An artifact that this machine built itself is not replaced.
            if artifacts.find(build, discard) is None:
                # The maker of a bundle can write any names of builders into it, so it counts as one builder.
                one = replace(artifact, builders=(f"bundle {self.sha256[:12]}",))
                artifacts.keep(one, sbom.decode(errors="replace"))


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a bundle with known names. Raises TarError, ValueError."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        for entry in tar:
            if not entry.isreg() or not NAME.fullmatch(entry.name):
                continue
            # The declared size of a sparse file can exceed the size of its archive; the difference would be read as
            # zeros.
            if entry.size > len(data):
                raise ValueError(f"{entry.name} is larger than the bundle")
            if (opened := tar.extractfile(entry)) is not None:
                yield entry.name, opened.read()


def write(
    path: Path,
    releases: Iterable[Release],
    store: Store,
    artifacts: Artifacts,
    sources: Path | None,
    say: Callable[[str], None],
) -> Iterator[str]:
    """Write a bundle of these releases and their artifacts; yield a description of each part.

    The result depends only on the tarballs and artifacts. Raises FetchError, StoreError.
    """
    tarballs = [fetch(release, store=store, sources=sources, say=say) for release in releases]
    fetched = [tarball.release for tarball in tarballs]
    names = [name for name in artifacts.names() if _is_of(name, fetched)]
    builds = [name for name in names if artifacts.find(name, say) is not None]
    data = tar_of(dict(_sources(tarballs, store)) | dict(_artifacts(builds, artifacts, say)))
    try:
        write_whole(path, data)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from error
    for tarball in tarballs:
        yield f"{tarball.release}; signature: {tarball.signature}"
    yield from (f"artifact {build}" for build in builds)
    if not builds:
        yield "no artifact: deploy or build on one host of each platform first, or hosts will have to compile"
    yield f"{path}: {len(data)} bytes, sha256 {sha256(data).hexdigest()}"


def _is_of(build: str, releases: Sequence[Release]) -> bool:
    """Return whether a build was made from these releases; with several versions, in any combination."""
    chronies = {one.version for one in releases if one.name == "chrony"}
    nettles = {one.version for one in releases if one.name == "nettle"} or {SYSTEM}
    heads = [f"chrony-{chrony}-nettle-{nettle}-" for chrony in chronies for nettle in nettles]
    return any(build.startswith(head) for head in heads)


def _sources(tarballs: Iterable[Tarball], store: Store) -> Iterator[tuple[str, bytes]]:
    for tarball in tarballs:
        name = f"sources/{tarball.release.filename}"
        yield name, tarball.data
        if (signature := store.signature(tarball.release)) is not None:
            yield f"{name}.asc", signature


def _artifacts(builds: Iterable[str], artifacts: Artifacts, say: Callable[[str], None]) -> Iterator[tuple[str, bytes]]:
    for build in builds:
        if (artifact := artifacts.find(build, say)) is not None:
            yield f"artifacts/{build}/{ARCHIVE}", artifact.archive
            yield f"artifacts/{build}/{NOTE}", f"{artifact.note}\n".encode()
            yield f"artifacts/{build}/{SBOM}", artifacts.sbom(build).encode()
