"""A software bill of materials of an artifact: what is in it, and what it needs of its host, as CycloneDX 1.6 in JSON.

The same artifact has the same document, byte for byte: it names no time, and its serial number follows from the digest.
The library takes a fifth of a second to import, so this module is to be imported where a document is asked for.
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

from provision.libraries import Libraries
from provision.recipe import CHRONY_FLAGS, NETTLE_OPTIONS, Recipe
from provision.releases import Release, upstream

_LICENCES = {"chrony": "GPL-2.0-only", "nettle": "LGPL-3.0-or-later OR GPL-2.0-or-later"}
"""Of each as a whole: "version 2" in chrony's README and main.c, "Copyright" in nettle.texinfo."""
_MAKERS = {"chrony": "tuxfamily", "nettle": "nettle_project"}
"""What the National Vulnerability Database calls those who make it."""
_KINDS = {"apt-get": "deb", "dnf": "rpm", "yum": "rpm", "zypper": "rpm", "apk": "apk", "pacman": "alpm"}
"""The types of package URLs (purl-spec), by package manager."""
_PLATFORM = re.compile(r"(?P<os>.+?)(?:-(?P<version>\d[^-]*))?-[a-z]\w*(?:-[a-z]+-[\d.]+)?")
"""As Facts.platform has it: distribution, version, processor, C library."""


def sbom(recipe: Recipe, libraries: Libraries, *, sha256: str, packager: str | None) -> str:
    """Return the document of the artifact with this digest, in lower-case hex.

    ``packager`` is the package manager of the hosts that it fits, as the facts say it.
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
    # The library would write down the time of day. What is None, it leaves out, as the schema allows.
    bom.metadata.timestamp = None  # type: ignore[assignment]  # its type does not say so
    chrony, *linked = reversed(sources)
    bom.register_dependency(artifact, [chrony])
    bom.register_dependency(chrony, [*linked, *needed])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _source(release: Release, recipe: Recipe) -> Component:
    address = upstream(release.name)[0]
    tarball = address.tarball_of(release.version)
    kind = ExternalReferenceType.SOURCE_DISTRIBUTION
    references = [ExternalReference(type=kind, url=XsUri(tarball), hashes=[_hash(release.sha256)])]
    if release.signer:
        kind, signature = ExternalReferenceType.DIGITAL_SIGNATURE, address.signature_of(release.version)
        references.append(ExternalReference(type=kind, url=XsUri(signature)))
    return Component(
        name=release.name,
        version=release.version,
        type=ComponentType.APPLICATION if release == recipe.chrony else ComponentType.LIBRARY,
        bom_ref=release.name,
        licenses=[LicenseExpression(_LICENCES[release.name])],
        purl=PackageURL(
            "generic",
            name=release.name,
            version=release.version,
            qualifiers={"download_url": tarball, "checksum": f"sha256:{release.sha256}"},
        ),
        cpe=_cpe(release),
        external_references=references,
        properties=[Property(name=f"chrony-provision:{name}", value=value) for name, value in _made(release, recipe)],
    )


def _cpe(release: Release) -> str:
    """Return the name of a release in CPE 2.3, which has a field of its own for ``pre1``."""
    version, _, update = release.version.partition("-")
    return f"cpe:2.3:a:{_MAKERS[release.name]}:{release.name}:{version}:{update or '*'}:*:*:*:*:*:*"


def _made(release: Release, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield how a release became part of the build."""
    if release.signer:
        yield "signer", release.signer
    if release == recipe.chrony:
        yield "configure", " ".join(recipe.chrony_options)
        yield "flags", " ".join(f"{name}={value}" for name, value in CHRONY_FLAGS.items())
    else:
        yield "configure", " ".join(NETTLE_OPTIONS)


def _needed(libraries: Libraries, platform: str, packager: str | None) -> Iterator[Component]:
    """Yield the packages that have the libraries, and the libraries that no package has."""
    where = _PLATFORM.fullmatch(platform)
    os, version = (where["os"], where["version"]) if where else (platform, None)
    distro = "-".join(part for part in (os, version) if part)
    for package in libraries.packages:
        url = PackageURL(_KINDS.get(packager or "", "generic"), os, package, qualifiers={"distro": distro})
        yield Component(name=package, type=ComponentType.LIBRARY, bom_ref=f"package {package}", purl=url)
    for soname in libraries.unowned:
        yield Component(name=soname, type=ComponentType.LIBRARY, bom_ref=f"library {soname}")


def _hash(sha256: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=sha256)
