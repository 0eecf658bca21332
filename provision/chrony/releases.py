"""Find releases of chrony and Nettle: their pins and addresses, and the combinations that work.

The pins are in ``releases.toml``. A release is a tarball made by upstream. The archives that code hosting sites
generate from a tag are different files (no generated parser, no man pages, version "DEVELOPMENT").
"""

import datetime as dt
import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from packaging.version import Version

from provision.common.errors import SiteError

DEFAULT_CHRONY = "4.9"
DEFAULT_NETTLE = "3.10.2"
SYSTEM = "system"
"""In place of a version of Nettle: the distribution's own Nettle."""

_DATA = Path(__file__).with_name("releases.toml")
_NUMBER = r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,3}"
_VERSION = re.compile(rf"{_NUMBER}(?:-pre[0-9]{{1,2}})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Describe one upstream tarball. Raises SiteError for an invalid version or digest.

    ``sha256`` is in lower-case hex. ``signer`` is the fingerprint of an OpenPGP key in upper-case hex, or None if
    unknown. ``date`` is the day of the release, or None if it is not pinned.
    """

    name: str
    version: str
    sha256: str
    signer: str | None = None
    date: dt.date | None = None

    def __post_init__(self) -> None:
        parse_version(self.name, self.version)
        if not _SHA256.fullmatch(self.sha256):
            raise SiteError(f"release.sha256.{self.name}: must be 64 hex digits, got {self.sha256!r}")

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def filename(self) -> str:
        """Return upstream's name of the tarball; it unpacks into a folder with that name without ``.tar.gz``."""
        return f"{self.name}-{self.version}.tar.gz"

    @property
    def pool_filename(self) -> str:
        """Return the name of the same file in a Debian archive."""
        return f"{self.name}_{self.version}.orig.tar.gz"

    def mismatch(self, data: bytes) -> str | None:
        """Return the difference of ``data`` from the pinned tarball, or None if they are equal."""
        actual = hashlib.sha256(data).hexdigest()
        if actual == self.sha256:
            return None
        return f"sha256 is {actual}, expected {self.sha256}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Hold the URLs of a project on one web server: two with a ``{version}``, and the page with all versions."""

    tarball: str
    signature: str
    listing: str

    def tarball_of(self, version: str) -> str:
        """Return the URL of one version's tarball."""
        return self.tarball.replace("{version}", version)

    def signature_of(self, version: str) -> str:
        """Return the URL of one version's signature."""
        return self.signature.replace("{version}", version)


_UPSTREAM = {
    "chrony": (
        Address(
            tarball="https://chrony-project.org/releases/chrony-{version}.tar.gz",
            signature="https://chrony-project.org/releases/chrony-{version}-tar-gz-asc.txt",
            listing="https://chrony-project.org/download.html",
        ),
    ),
    "nettle": tuple(
        Address(
            tarball=f"{folder}/nettle-{{version}}.tar.gz",
            signature=f"{folder}/nettle-{{version}}.tar.gz.sig",
            listing=f"{folder}/",
        )
        for folder in (
            "https://ftp.gnu.org/gnu/nettle",
            "https://ftpmirror.gnu.org/gnu/nettle",
            "https://www.lysator.liu.se/~nisse/archive",
        )
    ),
}


def upstream(name: str) -> tuple[Address, ...]:
    """Return upstream's own addresses, in order of preference."""
    return _UPSTREAM[name]


def pool(mirror: str, name: str) -> Address:
    """Return the address of upstream's tarball and signature in a Debian archive (dpkg-source(1))."""
    folder = f"{mirror.rstrip('/')}/pool/main/{name[0]}/{name}"
    tarball = f"{folder}/{name}_{{version}}.orig.tar.gz"
    return Address(tarball=tarball, signature=f"{tarball}.asc", listing=f"{folder}/")


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(_DATA.read_text(encoding="utf-8"))


def _pins(name: str) -> Iterator[Release]:
    project = _data()[name]
    for pin in project["pins"]:
        yield Release(**{"name": name, "signer": project["signer"], **pin})


@cache
def pins(name: str) -> tuple[Release, ...]:
    """Return the pinned releases of ``chrony`` or ``nettle``, oldest first."""
    return tuple(_pins(name))


def find(name: str, version: str, sha256: str | None = None) -> Release:
    """Return a release by its version.

    A version without a pin needs its ``sha256``; its signer is assumed to be the project's current one. Raises
    SiteError if the version has neither, or if the two digests differ.
    """
    pin = next((pin for pin in pins(name) if pin.version == version), None)
    if sha256 is None:
        if pin is None:
            parse_version(name, version)
            known = ", ".join(pin.version for pin in pins(name))
            raise SiteError(
                f"release.{name}: {version} is not pinned; choose one of {known}, or give release.sha256.{name}"
            )
        return pin
    wanted = Release(name=name, version=version, sha256=sha256.lower(), signer=_data()[name]["signer"])
    if pin is None:
        return wanted
    if pin.sha256 != wanted.sha256:
        raise SiteError(f"release.sha256.{name}: {pin} is pinned with {pin.sha256}; remove this key, or correct it")
    return pin


def check_fit(chrony: str, nettle: str) -> None:
    """Check that two versions can be built into a chrony with AES-CMAC; ``nettle`` may be :data:`SYSTEM`.

    Raises SiteError with the reason if they cannot.
    """
    ours = parse_version("chrony", chrony)
    if ours < Version("4.0"):
        raise SiteError(f"release.chrony: chrony {chrony} has no AES-CMAC keys; choose 4.0 or newer")
    if nettle == SYSTEM:
        return
    theirs = parse_version("nettle", nettle)
    if theirs < Version("3.5"):
        raise SiteError(f"release.nettle: Nettle {nettle} has no AES-CMAC; choose 3.5.1 or newer")
    if theirs >= Version("4.0") and ours < Version("4.9"):
        # Measured: configure reports "CMAC in nettle : Yes", and make then fails with "too many arguments to function".
        raise SiteError(
            f"release.nettle: chrony {chrony} does not compile with Nettle {nettle}, whose digest functions changed; "
            f"choose chrony 4.9 or newer, or Nettle {DEFAULT_NETTLE}"
        )


def parse_version(name: str, version: str) -> Version:
    """Return a comparable version. Raises SiteError if it is not in upstream's format."""
    if not _VERSION.fullmatch(version):
        raise SiteError(f"release.{name}: {version!r} is no version; write it like 4.9")
    return Version(version)


def newest(name: str, listing: str) -> str | None:
    """Return the highest version with a tarball on a web page of upstream or a Debian archive, or None."""
    named = re.findall(rf"\b{name}(?:-({_NUMBER})|_({_NUMBER})\.orig)\.tar\.gz", listing)
    return max((plain or pooled for plain, pooled in named), key=Version, default=None)
