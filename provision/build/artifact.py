"""Pack a build as an artifact, so that further hosts need no compiler, and check one before it is used.

An artifact fits the recipe that it is named after, and so its platform. Its bytes depend only on the files of the
build: two hosts that compiled the same have the same artifact.
"""

import gzip
import io
import json
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

from provision.build.integrity import NAMES, PROGRAMS, RECEIPT, SUMS, parse_sums
from provision.build.libraries import FILE as LIBRARIES
from provision.build.libraries import Libraries, parse_libraries
from provision.build.recipe import Recipe
from provision.common.errors import ParseError
from provision.common.files.tar import tar_of

PACKAGE = re.compile(r"[A-Za-z0-9][\w.+-]*")
MOST_BYTES = 50_000_000
"""The largest unpacked archive, in bytes; a build has about a megabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """Say how long a compilation took; a plan shows it for the same releases on the same platform."""

    platform: str
    releases: tuple[str, ...]
    """Such as ``nettle 3.10.2``, in the order of the recipe."""
    host: str
    seconds: float
    """Without downloads and the installation of packages."""

    def is_like(self, recipe: Recipe) -> bool:
        """Return whether a recipe has the same releases and platform; its options may differ."""
        return self.platform == recipe.platform and self.releases == tuple(map(str, recipe.releases))


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Hold a packed build."""

    name: str
    """The name of the recipe."""
    archive: bytes = field(repr=False)
    """The build's folder, as a gzip-compressed tar."""
    libraries: Libraries
    """The libraries that the programs need."""
    checked: bool
    """Whether chrony's own unit tests were run and passed."""
    builders: tuple[str, ...] = ()
    """The hosts that compiled it independently, with identical results."""
    compilation: Compilation | None = None
    """The last compilation of it; None if it is not known."""

    @property
    def sha256(self) -> str:
        """Return the digest of the archive, in hex."""
        return sha256(self.archive).hexdigest()

    @property
    def files(self) -> Mapping[str, bytes]:
        """Return the content of each file of the build, by name. Raises ParseError if the archive is not a build."""
        return _files(self.content)

    @property
    def note(self) -> str:
        """Return the record beside the archive: one line of JSON."""
        said: dict[str, Any] = {
            "name": self.name,
            "sha256": self.sha256,
            "checked": self.checked,
            "builders": self.builders,
        }
        if self.compilation is not None:
            said["compilation"] = asdict(self.compilation)
        return json.dumps({**said, **asdict(self.libraries)})

    @property
    def content(self) -> bytes:
        """Return the unpacked archive, on which two builders must agree. Raises ParseError."""
        return _unpacked(self.archive)

    def may_go_to(self, host: str, *, confirm: int) -> bool:
        """Return whether a host may use it: enough hosts have built it, or this host has."""
        return self.is_confirmed(confirm) or builder_name(host) in self.builders

    def is_confirmed(self, confirm: int) -> bool:
        """Return whether ``confirm`` hosts have built it; if one is enough, any origin counts."""
        return len(self.builders) >= confirm or confirm == 1


def pack(recipe: Recipe, folder: bytes, *, checked: bool, host: str, seconds: float) -> Artifact:
    """Return the artifact of a build's folder, given as the tar that a host made of it in ``seconds``.

    The archive depends only on the files, not on the host or the time. Raises ParseError if it is not the folder of a
    build.
    """
    files = _files(folder)
    if LIBRARIES not in files:
        raise ParseError(f"{recipe}: what the host packed is no build: it has no file {LIBRARIES}")
    made = Artifact(
        name=recipe.name,
        archive=gzip.compress(_canonical(files), mtime=0),
        libraries=parse_libraries(files[LIBRARIES].decode(errors="replace")),
        checked=checked,
        builders=(builder_name(host),),
        compilation=Compilation(
            platform=recipe.platform,
            releases=tuple(map(str, recipe.releases)),
            host=builder_name(host),
            seconds=round(seconds, 1),
        ),
    )
    check(made, recipe)
    return made


def _canonical(files: Mapping[str, bytes]) -> bytes:
    """Return the normalised archive of a build's files: in order, without dates, owners, links and special modes."""
    return tar_of(files, executables=PROGRAMS)


def check(artifact: Artifact, recipe: Recipe) -> None:
    """Raise ParseError unless the artifact is the build of this recipe, with the programs that were installed."""
    content = artifact.content
    files = _files(content)
    # tar on the host runs as root, and another tar program may interpret another archive differently.
    if _canonical(files) != content:
        raise ParseError(f"the artifact {artifact.name} is not packed as builds are")
    if files.get(RECEIPT, b"").decode(errors="replace").rstrip("\n") != recipe.receipt:
        raise ParseError(f"the artifact {artifact.name} holds the build of another recipe")
    noted = parse_sums(files.get(SUMS, b"").decode(errors="replace"))
    if artifact.libraries != parse_libraries(files.get(LIBRARIES, b"").decode(errors="replace")):
        raise ParseError(f"the artifact {artifact.name} needs other libraries than its note says")
    if any(noted.get(name) != sha256(files.get(name, b"")).hexdigest() for name in PROGRAMS):
        raise ParseError(f"the artifact {artifact.name} has other programs than those that were built")


def confirmations(artifact: Artifact, confirm: int) -> str:
    """Return the builders of an artifact for a message, and whether they are enough."""
    built = f"built to the same bytes by {', '.join(artifact.builders)}"
    missing = confirm - len(artifact.builders)
    if missing <= 0:
        return built
    return f"{built}; not used on other hosts until {missing} more have built it"


def builder_name(host: str) -> str:
    """Return the name of a host as a builder, without the login: another login is not a second host."""
    return host.rpartition("@")[2]


def differing(one: Artifact, other: Artifact) -> tuple[str, ...]:
    """Return the names of the files that differ between two builds. Raises ParseError."""
    first = _files(one.content)
    second = _files(other.content)
    names = sorted({*first, *second})
    return tuple(name for name in names if first.get(name) != second.get(name))


def noted(name: str, note: bytes, archive: bytes) -> Artifact:
    """Return the artifact of an archive and its record. Raises ParseError if they do not match."""
    try:
        said = json.loads(note)
        made = Artifact(
            name=said["name"],
            archive=archive,
            libraries=Libraries(**{kind: tuple(said[kind]) for kind in ("packages", "unowned")}),
            checked=said["checked"] is True,
            builders=tuple(sorted({str(host) for host in said.get("builders", ())})),
            compilation=_compilation(said),
        )
        # The names become arguments of a package manager, before the archive itself is checked.
        are_names = all(map(PACKAGE.fullmatch, (*made.libraries.packages, *made.libraries.unowned)))
        whole = (name, said["sha256"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ParseError(f"the artifact {name} is damaged") from None
    if (made.name, made.sha256) != whole or not are_names:
        raise ParseError(f"the artifact {name} is damaged")
    return made


def noted_compilation(note: bytes) -> Compilation | None:
    """Return the compilation in the record of an artifact; None if it has none or is damaged."""
    try:
        return _compilation(json.loads(note))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _compilation(said: dict[str, Any]) -> Compilation | None:
    """Return the compilation in a record. Raises ValueError, KeyError, TypeError, AttributeError."""
    found = said.get("compilation")
    if found is None:
        return None
    return Compilation(
        platform=str(found["platform"]),
        releases=tuple(map(str, found["releases"])),
        host=str(found["host"]),
        seconds=float(found["seconds"]),
    )


def _unpacked(archive: bytes) -> bytes:
    """Return the content of a gzip file. Raises ParseError if it is damaged or larger than a build."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(archive)) as packed:
            content = packed.read(MOST_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise ParseError(f"no archive of a build: {error}") from error
    if len(content) > MOST_BYTES:
        raise ParseError(f"no archive of a build: more than {MOST_BYTES} bytes")
    return content


def _files(tar: bytes) -> dict[str, bytes]:
    """Return name and content of each file; folders are implied by their files. Raises ParseError."""
    found: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as opened:
            for entry in opened:
                # The declared size of a sparse file can exceed the size of its archive.
                size += entry.size
                if size > MOST_BYTES:
                    raise ParseError(f"no archive of a build: more than {MOST_BYTES} bytes")
                if entry.isdir():
                    continue
                name = str(PurePosixPath(entry.name))
                file = None
                if entry.isreg():
                    file = opened.extractfile(entry)
                # Root unpacks it: no path may leave the folder, and no file may be setuid.
                if file is None or name not in NAMES or name in found or entry.mode & 0o7000:
                    raise ParseError(f"a build has only files of its own, and this has {entry.name!r}")
                found[name] = file.read()
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise ParseError(f"no archive of a build: {error}") from error
    return found
