"""Pinned releases, where they lie, and which fit together."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.version import Version

from provision.chrony.releases import (
    DEFAULT_CHRONY,
    DEFAULT_NETTLE,
    SYSTEM,
    Release,
    check_fit,
    find,
    newest,
    parse_version,
    pins,
    pool,
    upstream,
)
from provision.common.errors import SiteError

PROJECTS = ("chrony", "nettle")
ALL = [*pins("chrony"), *pins("nettle")]
DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("name", "versions"),
    [
        ("chrony", "4.0 4.1 4.2 4.3 4.4 4.5 4.6 4.6.1 4.7 4.8 4.9"),
        ("nettle", "3.5.1 3.6 3.7 3.7.1 3.7.2 3.7.3 3.8 3.8.1 3.9.1 3.10 3.10.1 3.10.2 4.0"),
    ],
)
def test_the_pins_are_those_that_we_know(name: str, versions: str) -> None:
    assert [pin.version for pin in pins(name)] == versions.split()


@pytest.mark.parametrize("name", PROJECTS)
def test_the_pins_stand_in_the_order_of_their_release(name: str) -> None:
    assert len(pins(name)) > 1
    for older, newer in pairwise(pins(name)):
        assert Version(older.version) < Version(newer.version)
        assert older.date is not None
        assert newer.date is not None
        assert older.date < newer.date


def test_no_two_pins_have_the_same_digest() -> None:
    assert len({pin.sha256 for pin in ALL}) == len(ALL)


@pytest.mark.parametrize("pin", ALL, ids=str)
def test_every_pin_names_its_signer(pin: Release) -> None:
    expected = {
        "chrony": "8F375C7E8D0EE125A3D3BD51537E2B76F7680DAC",
        "nettle": "343C2FF0FBEE5EC2EDBEF399F3599FF828C67298",
    }[pin.name]
    assert pin.signer == ("8B1F4A9ADA73D401E3085A0B5FF06F29BA1E013B" if str(pin) == "chrony 4.0" else expected)


def test_a_release_is_called_by_name_and_version_and_knows_its_files() -> None:
    release = find("chrony", "4.9")
    assert (str(release), release.filename, release.pool_filename) == (
        "chrony 4.9",
        "chrony-4.9.tar.gz",
        "chrony_4.9.orig.tar.gz",
    )


def test_the_defaults_are_pinned_and_fit() -> None:
    find("chrony", DEFAULT_CHRONY)
    find("nettle", DEFAULT_NETTLE)
    check_fit(DEFAULT_CHRONY, DEFAULT_NETTLE)


def test_a_version_without_a_pin_is_found_by_its_digest_and_expected_from_the_present_signer() -> None:
    release = find("chrony", "4.10", DIGEST.upper())
    assert release == Release(name="chrony", version="4.10", sha256=DIGEST, signer=pins("chrony")[-1].signer)


def test_the_digest_of_a_pin_may_be_repeated_in_the_site() -> None:
    pin = find("nettle", "3.10.2")
    assert find("nettle", "3.10.2", pin.sha256) is pin


@pytest.mark.parametrize(
    ("name", "version", "sha256", "message"),
    [
        pytest.param(
            "chrony", "4.10", None, r"release\.chrony: 4\.10 is not pinned; .* release\.sha256\.chrony$", id="no pin"
        ),
        pytest.param("nettle", "3.9", None, r"release\.nettle: 3\.9 is not pinned", id="the version to be avoided"),
        pytest.param(
            "chrony", "4.9", DIGEST, r"release\.sha256\.chrony: chrony 4\.9 is pinned with 4924", id="against the pin"
        ),
        pytest.param(
            "chrony", "4.10", "abc", r"release\.sha256\.chrony: must be 64 hex digits, got 'abc'", id="no digest"
        ),
        pytest.param("chrony", "4.10", DIGEST + "\n", r"must be 64 hex digits", id="a newline behind the digest"),
        pytest.param("chrony", "new", None, r"release\.chrony: 'new' is no version", id="no version"),
        pytest.param("chrony", "../4.9", DIGEST, r"'\.\./4\.9' is no version", id="a way out of the folder"),
    ],
)
def test_an_impossible_release_is_refused(name: str, version: str, sha256: str | None, message: str) -> None:
    with pytest.raises(SiteError, match=message) as caught:
        find(name, version, sha256)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("chrony", "nettle"),
    [("4.0", "3.5.1"), ("4.8", "3.10.2"), ("4.9", "3.5.1"), ("4.9", "4.0"), ("4.10", "4.1"), ("4.0", SYSTEM)],
)
def test_versions_that_fit(chrony: str, nettle: str) -> None:
    check_fit(chrony, nettle)


@pytest.mark.parametrize(
    ("chrony", "nettle", "message"),
    [
        pytest.param(
            "4.8", "4.0", r"release\.nettle: chrony 4\.8 does not compile with Nettle 4\.0", id="before chrony 4.9"
        ),
        pytest.param("4.0", "4.1", r"choose chrony 4\.9 or newer, or Nettle 3\.10\.2", id="any Nettle 4"),
        pytest.param("4.9", "3.4.1", r"release\.nettle: Nettle 3\.4\.1 has no AES-CMAC", id="before Nettle 3.5"),
        pytest.param(
            "3.5.1", "3.10.2", r"release\.chrony: chrony 3\.5\.1 has no AES-CMAC keys", id="before chrony 4.0"
        ),
        pytest.param(
            "3.5.1", SYSTEM, r"release\.chrony: chrony 3\.5\.1 has no AES-CMAC keys", id="whatever the Nettle"
        ),
        pytest.param("4.9", "System", r"release\.nettle: 'System' is no version", id="no version of Nettle"),
        pytest.param("", "3.10.2", r"release\.chrony: '' is no version", id="no version of chrony"),
    ],
)
def test_versions_that_do_not_fit_are_refused_with_the_reason(chrony: str, nettle: str, message: str) -> None:
    with pytest.raises(SiteError, match=message):
        check_fit(chrony, nettle)


@pytest.mark.parametrize(
    "version", ["4", "v4.9", "4.9 ", "4.9\n", "4.9+local", "1!4.9", "4.9.post1", "4.\u0669", "4." + "9" * 5000]
)
def test_what_upstream_would_not_write_is_no_version(version: str) -> None:
    with pytest.raises(SiteError, match="is no version"):
        parse_version("chrony", version)


def test_a_pre_release_comes_before_its_release() -> None:
    assert Version("4.8") < parse_version("chrony", "4.9-pre1") < parse_version("chrony", "4.9")


@given(st.text())
def test_no_text_makes_the_version_parser_raise_anything_else(text: str) -> None:
    try:
        parse_version("nettle", text)
    except SiteError as error:
        assert "\n" not in str(error)


def test_upstreams_addresses() -> None:
    (chrony,) = upstream("chrony")
    assert chrony.tarball_of("4.9") == "https://chrony-project.org/releases/chrony-4.9.tar.gz"
    assert chrony.signature_of("4.9") == "https://chrony-project.org/releases/chrony-4.9-tar-gz-asc.txt"
    assert [address.signature_of("3.10.2") for address in upstream("nettle")] == [
        "https://ftp.gnu.org/gnu/nettle/nettle-3.10.2.tar.gz.sig",
        "https://ftpmirror.gnu.org/gnu/nettle/nettle-3.10.2.tar.gz.sig",
        "https://www.lysator.liu.se/~nisse/archive/nettle-3.10.2.tar.gz.sig",
    ]


def test_the_address_in_a_debian_archive() -> None:
    address = pool("http://mirror.example/debian/", "nettle")
    assert address.tarball_of("3.8.1") == "http://mirror.example/debian/pool/main/n/nettle/nettle_3.8.1.orig.tar.gz"
    assert address.signature_of("3.8.1") == f"{address.tarball_of('3.8.1')}.asc"
    assert address.listing == "http://mirror.example/debian/pool/main/n/nettle/"


@pytest.mark.parametrize(
    ("name", "listing", "version"),
    [
        pytest.param(
            "nettle",
            '<a href="nettle-3.9.1.tar.gz">x</a> <a href="nettle-3.10.2.tar.gz">x</a> href="nettle-3.10.tar.gz.sig"',
            "3.10.2",
            id="a folder of upstream's, compared as numbers",
        ),
        pytest.param(
            "chrony",
            'href="chrony_4.3.orig.tar.gz" href="chrony_4.3-2+deb12u1.debian.tar.xz" href="chrony_4.9.orig.tar.gz.asc"',
            "4.9",
            id="the pool of a Debian archive",
        ),
        pytest.param(
            "chrony",
            "releases/chrony-4.9.tar.gz releases/chrony-5.0-pre1.tar.gz libchrony-6.0.tar.bz2",
            "4.9",
            id="pre-releases and other projects do not count",
        ),
        pytest.param("nettle", "<html>Welcome to our hotel's network</html>", None, id="another page"),
    ],
)
def test_the_newest_version_of_a_listing(name: str, listing: str, version: str | None) -> None:
    assert newest(name, listing) == version


@given(st.text() | st.from_regex(r"chrony[-_][0-9.]{1,40}(\.orig)?\.tar\.gz"))
@example("chrony-4.9.tar.gz")
def test_of_any_listing_the_newest_is_a_version_that_it_names(listing: str) -> None:
    version = newest("chrony", listing)
    named = re.findall(r"chrony[-_]([0-9]+(?:\.[0-9]+)+)(?:\.orig)?\.tar\.gz", listing)
    assert version in {None, *named}


TARBALLS = st.tuples(
    st.sampled_from(["chrony-{}.tar.gz", "chrony_{}.orig.tar.gz"]),
    st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){1,2}", fullmatch=True),
)


@given(st.lists(TARBALLS, min_size=1))
def test_of_several_tarballs_the_newest_is_found(tarballs: list[tuple[str, str]]) -> None:
    version = newest("chrony", "\n".join(name.format(version) for name, version in tarballs))
    assert version is not None
    assert Version(version) == max(Version(version) for _, version in tarballs)
