"""The bill of materials: valid by CycloneDX's own schema, complete, and the same for the same artifact."""

import json
from dataclasses import replace
from typing import Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from provision.build.libraries import Libraries
from provision.build.recipe import Recipe
from provision.build.sbom import sbom
from provision.chrony.releases import find
from tests.helpers.samples import RECIPE, SYSTEM_NETTLE

DIGEST = "ab" * 32
LIBRARIES = Libraries(packages=("libc6", "libcap2", "libgnutls30"))
UNPINNED = replace(RECIPE, nettle=replace(find("nettle", "3.10.2"), version="3.99", signer=None, date=None))

RECIPES = [
    pytest.param(RECIPE, LIBRARIES, "apt-get", ["nettle", "chrony"], id="both from source"),
    pytest.param(
        SYSTEM_NETTLE, Libraries(packages=("libc6", "libnettle8")), "apt-get", ["chrony"], id="the system's nettle"
    ),
    pytest.param(UNPINNED, LIBRARIES, "apt-get", ["nettle", "chrony"], id="a release that nobody signed"),
    pytest.param(replace(RECIPE, platform="rocky-9.6-x86_64"), LIBRARIES, "dnf", ["nettle", "chrony"], id="rpm"),
    pytest.param(replace(RECIPE, nts=False, seccomp=False, pps=True), LIBRARIES, None, ["nettle", "chrony"], id="odd"),
    pytest.param(RECIPE, Libraries(packages=(), unowned=("libc.so.6",)), None, ["nettle", "chrony"], id="no packages"),
]


def parsed(recipe: Recipe, libraries: Libraries = LIBRARIES, packager: str | None = "apt-get") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(sbom(recipe, libraries, sha256=DIGEST, packager=packager))
    return document


def complaint(text: str) -> object:
    """Return what is wrong with a document by CycloneDX's own schema, None if nothing."""
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)


@pytest.mark.parametrize("url", ["https://no address", "https://caf\xe9.example", "%zz"])
def test_the_schema_refuses_an_address_that_is_none(url: str) -> None:
    document = parsed(RECIPE)
    document["components"][0]["externalReferences"][0]["url"] = url
    assert f"{url!r} is not valid" in str(complaint(json.dumps(document)))


def component(document: dict[str, Any], name: str) -> dict[str, Any]:
    (one,) = [found for found in document["components"] if found["name"] == name]
    return dict(one)


def properties(found: dict[str, Any]) -> dict[str, str]:
    return {item["name"].removeprefix("chrony-provision:"): item["value"] for item in found["properties"]}


@pytest.mark.parametrize(("recipe", "libraries", "packager", "sources"), RECIPES)
def test_a_document_is_valid_and_tells_all(
    recipe: Recipe, libraries: Libraries, packager: str | None, sources: list[str]
) -> None:
    text = sbom(recipe, libraries, sha256=DIGEST, packager=packager)
    assert complaint(text) is None
    document = json.loads(text)
    names = {found["name"] for found in document["components"]}
    assert names == {*sources, *libraries.packages, *libraries.unowned}
    depends = {found["ref"]: found.get("dependsOn", []) for found in document["dependencies"]}
    assert depends["artifact"] == ["chrony"]
    assert len(depends["chrony"]) == len(names) - 1


@pytest.mark.parametrize(("recipe", "libraries", "packager", "sources"), RECIPES)
def test_a_document_says_the_same_when_it_was_read_and_written_again(
    recipe: Recipe, libraries: Libraries, packager: str | None, sources: list[str]
) -> None:
    from cyclonedx.output.json import JsonV1Dot6  # noqa: PLC0415 -- beside its one use

    document = parsed(recipe, libraries, packager)
    again = Bom.from_json(document)  # type: ignore[attr-defined]
    written = json.loads(JsonV1Dot6(again).output_as_string())
    assert {**written, "metadata": document["metadata"]} == document
    assert written["metadata"]["component"] == document["metadata"]["component"]
    assert len(sources) <= len(written["components"])


def test_the_same_artifact_has_the_same_document_and_another_has_another() -> None:
    one = sbom(RECIPE, LIBRARIES, sha256=DIGEST, packager="apt-get")
    assert one == sbom(RECIPE, LIBRARIES, sha256=DIGEST, packager="apt-get")
    other = sbom(RECIPE, LIBRARIES, sha256="cd" * 32, packager="apt-get")
    assert json.loads(one)["serialNumber"] != json.loads(other)["serialNumber"]
    # Nor does it tell when it was made.
    assert "timestamp" not in json.loads(one)["metadata"]


def test_the_artifact_is_named_by_its_recipe_and_digest() -> None:
    found = parsed(RECIPE)["metadata"]["component"]
    assert (found["name"], found["hashes"]) == (RECIPE.name, [{"alg": "SHA-256", "content": DIGEST}])
    assert properties(found) == {"platform": "debian-12-x86_64-glibc-2.36"}


def test_a_source_is_named_as_those_who_look_for_holes_name_it() -> None:
    chrony, nettle = (component(parsed(RECIPE), name) for name in ("chrony", "nettle"))
    assert chrony["cpe"] == "cpe:2.3:a:tuxfamily:chrony:4.9:*:*:*:*:*:*:*"
    assert nettle["cpe"] == "cpe:2.3:a:nettle_project:nettle:3.10.2:*:*:*:*:*:*:*"
    assert chrony["licenses"] == [{"expression": "GPL-2.0-only"}]
    assert nettle["licenses"] == [{"expression": "LGPL-3.0-or-later OR GPL-2.0-or-later"}]
    assert chrony["purl"].startswith("pkg:generic/chrony@4.9?checksum=sha256:4924c6f5")
    references = {found["type"]: found for found in chrony["externalReferences"]}
    source = references.pop("source-distribution")
    assert source["url"].endswith("/chrony-4.9.tar.gz")
    assert source["hashes"] == [{"alg": "SHA-256", "content": RECIPE.chrony.sha256}]
    assert list(references) == ["digital-signature"]


def test_a_release_that_is_not_final_has_a_name_of_its_own() -> None:
    early = replace(RECIPE, chrony=replace(RECIPE.chrony, version="4.9-pre1"))
    text = sbom(early, LIBRARIES, sha256=DIGEST, packager="apt-get")
    assert complaint(text) is None
    assert component(json.loads(text), "chrony")["cpe"] == "cpe:2.3:a:tuxfamily:chrony:4.9:pre1:*:*:*:*:*:*"


def test_a_source_tells_how_it_was_built() -> None:
    assert RECIPE.nettle is not None
    document = parsed(RECIPE)
    assert properties(component(document, "chrony")) == {
        "configure": " ".join(RECIPE.chrony_options),
        "flags": "CPPFLAGS=-g0 LDFLAGS=-s",
        "signer": RECIPE.chrony.signer,
    }
    assert properties(component(document, "nettle"))["configure"].endswith("--disable-openssl CFLAGS=-O2")
    assert "signer" not in properties(component(parsed(UNPINNED), "nettle"))


PURLS = [
    pytest.param("debian-12-x86_64", "apt-get", "pkg:deb/debian/libc6?distro=debian-12", id="Debian"),
    pytest.param("debian-x86_64", "apt-get", "pkg:deb/debian/libc6?distro=debian", id="Debian without a number"),
    pytest.param(
        "debian-forky-x86_64-glibc-2.42", "apt-get", "pkg:deb/debian/libc6?distro=debian-forky", id="Debian to come"
    ),
    pytest.param("rocky-9.6-x86_64", "dnf", "pkg:rpm/rocky/libc6?distro=rocky-9.6", id="Rocky"),
    pytest.param(
        "opensuse-leap-15.6-aarch64", "zypper", "pkg:rpm/opensuse-leap/libc6?distro=opensuse-leap-15.6", id="openSUSE"
    ),
    pytest.param("alpine-3.22.1-x86_64", "apk", "pkg:apk/alpine/libc6?distro=alpine-3.22.1", id="Alpine"),
    pytest.param("arch-x86_64", "pacman", "pkg:alpm/arch/libc6?distro=arch", id="Arch"),
    pytest.param("nixos-25.11-x86_64", None, "pkg:generic/nixos/libc6?distro=nixos-25.11", id="none that we know"),
]


@pytest.mark.parametrize(("platform", "packager", "url"), PURLS)
def test_a_package_is_named_by_its_distribution(platform: str, packager: str | None, url: str) -> None:
    document = parsed(replace(RECIPE, platform=platform), packager=packager)
    assert component(document, "libc6")["purl"] == url


def test_a_library_of_no_package_is_named_by_itself() -> None:
    document = parsed(RECIPE, Libraries(packages=("libc6",), unowned=("libmine.so.1",)))
    assert "purl" not in component(document, "libmine.so.1")
