"""Generate the bill of materials of an artifact as CycloneDX 1.6 in JSON: its components and its dependencies.

The document depends only on the artifact: it contains no time, and its serial number is derived from the digest. The
library takes a fifth of a second to import, so import this module only where a document is needed.
"""

import re
from collections.abc import Iterator
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from provision.build.libraries import Libraries
from provision.build.recipe import CHRONY_FLAGS, NETTLE_OPTIONS, Recipe
from provision.chrony.releases import Release, upstream

_LICENCES = {"chrony": "GPL-2.0-only", "nettle": "LGPL-3.0-or-later OR GPL-2.0-or-later"}
"""Licence of each project: "version 2" in chrony's README and main.c, "Copyright" in nettle.texinfo."""
_MAKERS = {"chrony": "tuxfamily", "nettle": "nettle_project"}
"""Vendor names in the National Vulnerability Database."""
_KINDS = {"apt-get": "deb", "dnf": "rpm", "yum": "rpm", "zypper": "rpm", "apk": "apk", "pacman": "alpm"}
"""Types of package URLs (purl-spec), by package manager."""
_PLATFORM = re.compile(r"(?P<os>.+?)(?:-(?P<version>\d[^-]*|[a-z]+))?-[a-z]\w*(?:-[a-z]+-[\d.]+)?")
"""The format of Facts.platform: distribution, version, processor, C library."""


def sbom(recipe: Recipe, libraries: Libraries, *, sha256: str, packager: str | None) -> str:
    """Return the document of the artifact with this digest, in lower-case hex.

    ``packager`` is the package manager of its hosts, as in the facts.
    """
    artifact = Component(
        name=recipe.name,
        version=recipe.chrony.version,
        type=ComponentType.APPLICATION,
        bom_ref="artifact",
        hashes=[_hash(sha256)],
        properties=[Property(name="chrony-provision:platform", value=recipe.platform)],
    )
    sources = [_source(release, recipe) for release in recipe.releases]
    needed = list(_needed(libraries, recipe.platform, packager))
    bom = Bom(
        serial_number=uuid5(NAMESPACE_URL, f"urn:sha256:{sha256}"),
        metadata=BomMetaData(component=artifact),
        components=[*sources, *needed],
    )
    # The library would write the current time. It omits None, which the schema permits.
    bom.metadata.timestamp = None  # type: ignore[assignment]  # its type does not say so
    chrony, *linked = reversed(sources)
    bom.register_dependency(artifact, [chrony])
    bom.register_dependency(chrony, [*linked, *needed])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _source(release: Release, recipe: Recipe) -> Component:
    tarball = upstream(release.name)[0].tarball_of(release.version)
    component_type = ComponentType.LIBRARY
    if release == recipe.chrony:
        component_type = ComponentType.APPLICATION
    return Component(
        name=release.name,
        version=release.version,
        type=component_type,
        bom_ref=release.name,
        licenses=[LicenseExpression(_LICENCES[release.name])],
        purl=PackageURL(
            "generic",
            name=release.name,
            version=release.version,
            qualifiers={"download_url": tarball, "checksum": f"sha256:{release.sha256}"},
        ),
        cpe=_cpe(release),
        external_references=_references(release),
        properties=[Property(name=f"chrony-provision:{name}", value=value) for name, value in _made(release, recipe)],
    )


def _references(release: Release) -> Iterator[ExternalReference]:
    """Yield the address of the tarball, and that of its signature if a signer is pinned."""
    address = upstream(release.name)[0]
    tarball = XsUri(address.tarball_of(release.version))
    kind = ExternalReferenceType.SOURCE_DISTRIBUTION
    yield ExternalReference(type=kind, url=tarball, hashes=[_hash(release.sha256)])
    if release.signer:
        signature = XsUri(address.signature_of(release.version))
        yield ExternalReference(type=ExternalReferenceType.DIGITAL_SIGNATURE, url=signature)


def _cpe(release: Release) -> str:
    """Return the CPE 2.3 name of a release; CPE has a separate field for ``pre1``."""
    version, _, update = release.version.partition("-")
    return f"cpe:2.3:a:{_MAKERS[release.name]}:{release.name}:{version}:{update or '*'}:*:*:*:*:*:*"


def _made(release: Release, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield the properties of a release in this build: signer, options and flags."""
    if release.signer:
        yield "signer", release.signer
    if release == recipe.chrony:
        yield "configure", " ".join(recipe.chrony_options)
        yield "flags", " ".join(f"{name}={value}" for name, value in CHRONY_FLAGS.items())
    else:
        yield "configure", " ".join(NETTLE_OPTIONS)


def _needed(libraries: Libraries, platform: str, packager: str | None) -> Iterator[Component]:
    """Yield the packages of the libraries, and the libraries without a package."""
    os, version = platform, ""
    if where := _PLATFORM.fullmatch(platform):
        os, version = where["os"], where["version"]
    distro = "-".join(part for part in (os, version) if part)
    for package in libraries.packages:
        url = PackageURL(_KINDS.get(packager or "", "generic"), os, package, qualifiers={"distro": distro})
        yield Component(name=package, type=ComponentType.LIBRARY, bom_ref=f"package {package}", purl=url)
    for soname in libraries.unowned:
        yield Component(name=soname, type=ComponentType.LIBRARY, bom_ref=f"library {soname}")


def _hash(sha256: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=sha256)
