"""Tarballs from a mirror of Debian: one on this machine, and those of apt."""

from pathlib import Path

import pytest

from provision.build.fetch.fetch import fetch
from provision.build.fetch.places import Place, Web, mirrors, parse_mirrors
from provision.build.fetch.signature import check
from provision.build.fetch.store import Store
from provision.chrony.releases import find, pins, pool
from provision.common.errors import FetchError
from tests.helpers.tarball_places import DATA, RELEASE, SIGNATURES, WRONG_SIGNATURE, mirror, put


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_debian_mirror_gives_the_tarball_and_its_password_stays_secret(store: Store, tmp_path: Path) -> None:
    put(tmp_path, "chrony_9.9.orig.tar.gz", DATA)
    with mirror(tmp_path) as url:
        tarball = fetch(RELEASE, store=store, places=[Web(pool(url, "chrony"))])
    assert (tarball.origin, tarball.signature) == ("127.0.0.1", "none to be had from 127.0.0.1")


def test_a_debian_mirror_gives_the_signature_too(store: Store, tmp_path: Path) -> None:
    put(tmp_path, "chrony_9.9.orig.tar.gz", DATA)
    put(tmp_path, "chrony_9.9.orig.tar.gz.asc", WRONG_SIGNATURE)
    with (
        mirror(tmp_path) as url,
        pytest.raises(FetchError, match=r"^chrony 9\.9: 127\.0\.0\.1: the signature is by key"),
    ):
        fetch(RELEASE, store=store, places=[Web(pool(url, "chrony"))])


def test_the_mirrors_are_those_of_apt_each_once() -> None:
    said = "http://a.example/debian/\nhttps://b.example/debian\nhttp://a.example/debian/\ncdrom:[Debian]/\nfile:/srv/debian/\n"
    assert parse_mirrors(said) == ("http://a.example/debian", "https://b.example/debian")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def apt_places(name: str) -> list[Place]:
    return [Web(pool(each, name)) for each in mirrors()]


CHRONY, NETTLE = (
    f"good, by {pins(name)[-1].signer} {owner}"
    for name, owner in (("chrony", "Miroslav Lichvar"), ("nettle", "Niels Möller"))
)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "version", "words"),
    [
        (
            "chrony",
            "4.0",
            "not verified, because there is no copy of key 8B1F4A9ADA73D401E3085A0B5FF06F29BA1E013B here",
        ),
        ("chrony", "4.3", CHRONY),
        ("chrony", "4.6.1", CHRONY),
        ("chrony", "4.9", None),
        ("nettle", "3.7.3", None),
        ("nettle", "3.8.1", NETTLE),
        ("nettle", "3.10.1", None),
        ("nettle", "3.10.2", f"{NETTLE} (our copy of the key expired on 2025-01-15)"),
    ],
)
def test_the_mirrors_of_apt_have_the_tarballs_of_debian(
    name: str, version: str, words: str | None, kept: Store
) -> None:
    tarball = fetch(find(name, version), store=kept, places=apt_places(name))
    assert tarball.signature == words or (words is None and tarball.signature.startswith("none to be had from "))


@pytest.mark.integration
@pytest.mark.parametrize("case", ["chrony_4.3", "chrony_4.6.1", "nettle_3.8.1", "nettle_3.10.2"])
def test_upstreams_signatures_fit_the_tarballs_and_no_others(case: str, kept: Store) -> None:
    name, version = case.split("_")
    release = find(name, version)
    data = fetch(release, store=kept, places=apt_places(name)).path.read_bytes()
    signature = (SIGNATURES / f"{case}.orig.tar.gz.asc").read_bytes()
    assert release.signer is not None
    assert check(data, signature, release.signer).startswith(f"good, by {release.signer}")
    with pytest.raises(FetchError, match="does not fit the file"):
        check(data[:-1] + bytes([data[-1] ^ 1]), signature, release.signer)
