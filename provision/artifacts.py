"""Finished builds, packed, in the store of this machine: a host that gets one needs no compiler.

An artifact fits the recipe whose name it has, and with it the platform. What lies in the store is never trusted: it is
used only when its digest is the noted one, and only on hosts on which it then does what a build has to do.
"""

import fcntl
import gzip
import io
import json
import os
import re
import shutil
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from platformdirs import user_cache_path

from provision.errors import ParseError, StoreError
from provision.libraries import FILE as LIBRARIES
from provision.libraries import Libraries, parse_libraries
from provision.recipe import Recipe

ARCHIVE, NOTE, SBOM = "build.tar.gz", "artifact.json", "sbom.cdx.json"
RECEIPT, SUMS = "receipt.json", "sha256sums"
PACKAGE = re.compile(r"[A-Za-z0-9][\w.+-]*")
POLL_SECONDS = 0.2
MOST_BYTES = 200_000_000
"""Of an archive's files; a build has less than a megabyte."""
PROGRAMS = ("sbin/chronyd", "bin/chronyc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A packed build."""

    name: str
    """The recipe's."""
    archive: bytes = field(repr=False)
    """The build's folder, as tar and gzip."""
    libraries: Libraries
    """What it needs to run."""
    checked: bool
    """chrony's own unit tests passed when it was built."""

    @property
    def sha256(self) -> str:
        """Return the digest of the archive, in hex."""
        return sha256(self.archive).hexdigest()

    @property
    def note(self) -> str:
        """Return what lies beside the archive: one line of JSON."""
        said = {"name": self.name, "sha256": self.sha256, "checked": self.checked, **asdict(self.libraries)}
        return json.dumps(said)


def pack(recipe: Recipe, folder: bytes, *, checked: bool) -> Artifact:
    """Return the artifact of a build's folder, given as the tar that a host made of it.

    The same files give the same bytes, whoever packed them, and when. Raises ParseError when it is no such folder.
    """
    archive = io.BytesIO()
    libraries = b""
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, mode, data in sorted(_files(folder)):
            libraries = data if name == LIBRARIES else libraries
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    packed = gzip.compress(archive.getvalue(), mtime=0)
    if not libraries:
        raise ParseError(f"{recipe}: what the host packed is no build: it has no file {LIBRARIES}")
    needed = parse_libraries(libraries.decode(errors="replace"))
    made = Artifact(name=recipe.name, archive=packed, libraries=needed, checked=checked)
    check(made, recipe)
    return made


def check(artifact: Artifact, recipe: Recipe) -> None:
    """Raise ParseError, unless it is the build of this recipe, with the programs that were installed."""
    files = {name: data for name, _, data in _files(artifact.archive)}
    if files.get(RECEIPT, b"").decode(errors="replace").rstrip("\n") != recipe.receipt:
        raise ParseError(f"the artifact {artifact.name} holds the build of another recipe")
    # sha256sum(1): digest, two characters, name.
    lines = files.get(SUMS, b"").decode(errors="replace").splitlines()
    noted = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    if artifact.libraries != parse_libraries(files.get(LIBRARIES, b"").decode(errors="replace")):
        raise ParseError(f"the artifact {artifact.name} needs other libraries than its note says")
    if any(noted.get(name) != sha256(files.get(name, b"")).hexdigest() for name in PROGRAMS):
        raise ParseError(f"the artifact {artifact.name} has other programs than those that were built")


def noted(name: str, note: bytes, archive: bytes) -> Artifact:
    """Return the artifact of an archive and the note beside it. Raises ParseError when they do not fit."""
    try:
        said = json.loads(note)
        made = Artifact(
            name=said["name"],
            archive=archive,
            libraries=Libraries(**{kind: tuple(said[kind]) for kind in ("packages", "unowned")}),
            checked=said["checked"] is True,
        )
        # They become arguments of a package manager, before the archive itself is looked at.
        are_names = all(map(PACKAGE.fullmatch, (*made.libraries.packages, *made.libraries.unowned)))
        whole = (name, said["sha256"])
    except (ValueError, KeyError, TypeError):
        raise ParseError(f"the artifact {name} is damaged") from None
    if (made.name, made.sha256) != whole or not are_names:
        raise ParseError(f"the artifact {name} is damaged")
    return made


def _files(archive: bytes) -> Iterator[tuple[str, int, bytes]]:
    """Yield name, mode and content of each file; folders come with their files. Raises ParseError."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            size = 0
            for entry in tar:
                size += entry.size
                if size > MOST_BYTES:
                    raise ParseError(f"no archive of a build: more than {MOST_BYTES} bytes")
                if entry.isdir():
                    continue
                path = PurePosixPath(entry.name)
                opened = tar.extractfile(entry) if entry.isreg() else None
                # Root unpacks it: nothing may lead out of the folder.
                if opened is None or path.is_absolute() or ".." in path.parts:
                    raise ParseError(f"a build has only files of its own, and this has {entry.name!r}")
                yield str(path), 0o755 if entry.mode & 0o100 else 0o644, opened.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ParseError(f"no archive of a build: {error}") from error


def _discard(_: str) -> None:
    """Take a line that nobody wants."""


@dataclass(frozen=True, slots=True)
class Artifacts:
    """This machine's folder of artifacts, each in a folder named by its recipe.

    Any number of runs may use it at once: an artifact appears whole, and one that is damaged is replaced.
    """

    folder: Path

    @classmethod
    def default(cls) -> "Artifacts":
        """Return the user's own."""
        return cls(user_cache_path("chrony-provision") / "artifacts")

    def names(self) -> tuple[str, ...]:
        """Return the names of the builds of which there is an artifact, good or not."""
        return tuple(sorted(note.parent.name for note in self.folder.glob(f"[!.]*/{NOTE}")))

    def sbom(self, name: str) -> str:
        """Return the bill of materials of an artifact; empty where there is none."""
        try:
            return (self.folder / name / SBOM).read_text()
        except OSError:
            return ""

    def find(self, name: str, say: Callable[[str], None], *, checked: bool = False) -> Artifact | None:
        """Return the artifact of a recipe; None when there is none, or a damaged one. Raises StoreError.

        ``checked``: it will do only if chrony's own unit tests passed when it was built.
        """
        place = self.folder / name
        try:
            artifact = noted(name, (place / NOTE).read_bytes(), (place / ARCHIVE).read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read {place}: {error.strerror}; remove it") from error
        except ParseError as error:
            say(f"{error}, and is not used")
            return None
        return artifact if artifact.checked or not checked else None

    def all(self) -> Iterator[tuple[Artifact, str]]:
        """Yield each artifact that is whole, and its bill of materials. Raises StoreError."""
        for place in sorted(self.folder.iterdir()):
            if place.is_dir() and (artifact := self.find(place.name, _discard)) is not None:
                yield artifact, (place / SBOM).read_text()

    def keep(self, artifact: Artifact, sbom: str = "") -> None:
        """Put an artifact into the store, in place of what was there, and its bill of materials. Raises StoreError."""
        place = self.folder / artifact.name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Readers find all of it or nothing.
            room = Path(mkdtemp(prefix=".new-", dir=self.folder))
            try:
                new = room / "new"
                new.mkdir()
                (new / ARCHIVE).write_bytes(artifact.archive)
                (new / NOTE).write_text(f"{artifact.note}\n")
                (new / SBOM).write_text(sbom)
                if place.exists():
                    place.rename(room / "old")
                # Two may come at once; the bytes are the same.
                if not place.exists():
                    new.rename(place)
            finally:
                shutil.rmtree(room, ignore_errors=True)
        except OSError as error:
            raise StoreError(
                f"cannot write {place}: {error.strerror}; make room, or give the right to write"
            ) from error

    def drop(self, name: str) -> None:
        """Remove an artifact that did not hold; a next build puts another one in its place."""
        shutil.rmtree(self.folder / name, ignore_errors=True)

    @contextmanager
    def building(
        self, name: str, say: Callable[[str], None], check: Callable[[], None] = lambda: None
    ) -> Iterator[None]:
        """Keep other runs on this machine from building the same meanwhile; wait for one that does.

        ``check`` is called now and then meanwhile; what it raises ends the waiting.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"cannot write {self.folder}: {error.strerror}; give the right to write") from error
        try:
            told = False
            while not _locked(descriptor):
                if not told:
                    say("another run builds it; waiting for its artifact")
                told = True
                check()
                time.sleep(POLL_SECONDS)
            yield
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
