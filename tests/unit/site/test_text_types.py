"""Addresses and networks: what is one, and how it is written."""

from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.site.text_types import Address, HostPath, Network
from tests.helpers.site_files import assert_refused, read

REFUSED = [
    pytest.param(
        "[serve]\nallow = ['10.0.0.0/33']",
        "serve.allow[0]: '10.0.0.0/33' is no network; write it like 192.168.0.0/16 or fd00::/8",
        id="a network with too long a prefix",
    ),
    pytest.param(
        "[serve]\nallow = ['10.0.0.7/8']",
        "serve.allow[0]: '10.0.0.7/8' has bits set behind the prefix; did you mean '10.0.0.0/8'?",
        id="a network with host bits",
    ),
    pytest.param(
        "[serve]\ndeny = ['fe80::%eth0/64']",
        "serve.deny[0]: 'fe80::%eth0/64' names a network interface, which chrony does not take",
        id="a network with a zone",
    ),
    pytest.param(
        "[serve]\nallow = ['all']",
        "serve.allow[0]: 'all' is no network; for everyone, write 0.0.0.0/0 and ::/0",
        id="chrony's word for the world",
    ),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_site_is_refused_with_the_place_and_the_reason(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert_refused(tmp_path, text, message)


@pytest.mark.parametrize(
    "address",
    [
        "",
        " ",
        "a b",
        "a;b",
        "$(reboot)",
        "-a",
        "a-",
        "a..b",
        ".a",
        "10.0.0",
        "10.0.0.256",
        "fe80::1%eth0",
        "a/b",
        "é.net",
        "x" * 64,
    ],
)
def test_an_address_is_a_host_name_or_an_ip_address(tmp_path: Path, address: str) -> None:
    with pytest.raises(SiteError, match=r"time\.servers\[0\]\.address: '.*' (is neither|names a network interface)"):
        read(tmp_path, f"[time]\nservers = [{{ address = '{address}' }}]")


@pytest.mark.parametrize("address", ["ntp1", "_ntp.example.net", "0.pool.ntp.org", "a.b.", "192.0.2.1", "2001:db8::1"])
def test_an_address_is_kept_as_it_is_written(address: str) -> None:
    assert Address(address) == address


def test_an_ipv6_address_may_stand_in_brackets() -> None:
    assert Address("[2001:DB8:0::1]") == "2001:db8::1"


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("0/0", "0.0.0.0/0"),
        ("10/8", "10.0.0.0/8"),
        ("192.168/16", "192.168.0.0/16"),
        ("192.0.2.1", "192.0.2.1/32"),
        ("FD00:0::/8", "fd00::/8"),
        ("::1", "::1/128"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_is_written_in_full(written: str, full: str) -> None:
    assert Network(written) == full


@pytest.mark.parametrize("path", ["var/lib", "/var/lib x", "/var/../etc", "/..", ""])
def test_a_text_that_is_no_path_on_a_host_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is no absolute path without blanks and without"):
        HostPath.checked(path)


@pytest.mark.parametrize(("text", "path"), [("/var/lib/", "/var/lib"), ("/", "/"), ("/a..b", "/a..b")])
def test_a_path_on_a_host_ends_in_no_slash(text: str, path: str) -> None:
    assert HostPath.checked(text) == path
