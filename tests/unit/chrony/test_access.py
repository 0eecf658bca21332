"""Who may ask, by the rules of chrony's addrfilt.c."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.chrony.access import PRIVATE, Access, Network
from provision.chrony.chronyc.accheck import parse_accheck
from provision.common.errors import ParseError, SiteError
from provision.site.schema import NEAR
from tests.helpers.packaged_chronyd import fetch


def access(allow: str, deny: str = "") -> Access:
    return Access(tuple(map(ip_network, allow.split())), tuple(map(ip_network, deny.split())))


DEFAULT = " ".join(map(str, PRIVATE))

SAID = [
    pytest.param(access(""), "nobody", id="client"),
    pytest.param(access("", "10.0.0.0/8"), "nobody", id="denied, and never allowed"),
    pytest.param(access(DEFAULT), "private networks and loopback", id="default"),
    pytest.param(
        access(f"{DEFAULT} 192.0.2.0/24"), "private networks and loopback and 192.0.2.0/24", id="and one more"
    ),
    pytest.param(access(DEFAULT, "10.9.0.0/16"), "private networks and loopback but not 10.9.0.0/16", id="but one"),
    pytest.param(access("0.0.0.0/0"), "everyone (IPv4)", id="IPv4"),
    pytest.param(access("::/0"), "everyone (IPv6)", id="IPv6"),
    pytest.param(access("0.0.0.0/0 ::/0"), "everyone", id="the world"),
    pytest.param(access("0.0.0.0/0 10.0.0.0/8"), "everyone (IPv4)", id="allowed twice"),
    pytest.param(access("0.0.0.0/1 128.0.0.0/1"), "everyone (IPv4)", id="IPv4 in two halves"),
    pytest.param(access("0.0.0.0/1 128.0.0.0/2"), "0.0.0.0/1 and 128.0.0.0/2", id="not the last quarter"),
    pytest.param(access("10.1.0.0/16", "10.1.5.0/24"), "10.1.0.0/16 but not 10.1.5.0/24", id="but not"),
    pytest.param(access("10.1.0.0/16", "10.0.0.0/8"), "10.1.0.0/16", id="the narrower is allowed"),
    pytest.param(access("10.0.0.0/8", "192.168.0.0/16 ::/0"), "10.0.0.0/8", id="denied where nothing is allowed"),
    pytest.param(
        access("10.0.0.0/8 10.1.5.0/24 fd00::/8", "10.1.0.0/16"),
        "10.0.0.0/8, 10.1.5.0/24 and fd00::/8 but not 10.1.0.0/16 (the narrowest decides)",
        id="an exception of an exception",
    ),
]


@pytest.mark.parametrize(("rules", "words"), SAID)
def test_allowed_clients_are_described_in_words(rules: Access, words: str) -> None:
    assert rules.in_words() == words


ASKED = [
    ("10.1.5.9", True),
    ("10.1.4.9", False),
    ("10.2.0.1", True),
    ("127.0.0.1", False),
    ("fd00::1", False),
    ("::ffff:10.2.0.1", False),
]


@pytest.mark.parametrize(("address", "admitted"), ASKED)
def test_the_narrowest_network_decides(address: str, admitted: bool) -> None:  # noqa: FBT001 -- a table
    assert access("10.0.0.0/8 10.1.5.0/24", "10.1.0.0/16").admits(address) is admitted


def test_a_text_that_is_no_address_is_reported() -> None:
    with pytest.raises(ParseError, match=r"^'ntp1' is not an IP address$"):
        access("10.0.0.0/8").admits("ntp1")


def test_one_network_cannot_be_both() -> None:
    with pytest.raises(SiteError, match=r"^10\.0\.0\.0/8 is both allowed and denied"):
        access("10.0.0.0/8", "10.0.0.0/8")


def test_private_networks_are_the_default_of_the_site() -> None:
    assert {network.ip for network in NEAR} == set(PRIVATE)


@pytest.mark.parametrize(
    ("allow", "public"),
    [
        (DEFAULT, False),
        ("", False),
        ("10.0.0.0/7", True),
        ("203.0.113.0/24", True),
        ("100.64.0.0/10", True),
        ("0.0.0.0/0", True),
        ("::/0", True),
        ("fd00::/8", False),
    ],
)
def test_an_address_outside_of_the_private_networks_is_public(allow: str, public: bool) -> None:  # noqa: FBT001 -- a table
    assert access(allow).is_public is public


@pytest.mark.parametrize(
    ("deny", "public"),
    [
        ("203.0.113.0/25", True),
        ("203.0.113.0/25 203.0.113.128/25", False),
    ],
)
def test_a_public_network_whose_parts_are_all_denied_is_not_public(deny: str, public: bool) -> None:  # noqa: FBT001 -- a table
    assert access("10.0.0.0/8 203.0.113.0/24", deny).is_public is public


@pytest.mark.parametrize(
    ("allow", "everyone"),
    [
        ("0.0.0.0/0", True),
        ("::/0", True),
        ("0.0.0.0/1 128.0.0.0/1", True),
        ("203.0.113.0/24", False),
        ("100.64.0.0/10", False),
        ("0.0.0.0/1", False),
        ("", False),
    ],
)
def test_everyone_is_each_address_of_a_version(allow: str, everyone: bool) -> None:  # noqa: FBT001 -- a table
    assert access(allow).is_everyone is everyone


def test_everyone_but_some_is_not_everyone() -> None:
    assert not access("0.0.0.0/0", "10.0.0.0/8").is_everyone


# Few bits vary, so that networks lie in one another often.
FOUR = st.builds(
    lambda bits, length: IPv4Network((bits << 28, length), strict=False), st.integers(0, 15), st.integers(0, 6)
)
SIX = st.builds(
    lambda bits, length: IPv6Network((bits << 124, length), strict=False), st.integers(0, 15), st.integers(0, 6)
)
NETWORKS = st.lists(FOUR | SIX, max_size=6, unique=True)
ADDRESSES = st.builds(lambda bits: str(IPv4Address(bits << 28)), st.integers(0, 15)) | st.builds(
    lambda bits: str(IPv6Address(bits << 124)), st.integers(0, 15)
)


def oracle(allow: list[Network], deny: list[Network], address: str) -> bool:
    """Look at the rules from the longest prefix to the shortest, and take the first that fits."""
    asking = ip_address(address)
    for length in range(128, -1, -1):
        for networks, admitted in ((allow, True), (deny, False)):
            if any(network.prefixlen == length and asking in network for network in networks):
                return admitted
    return False


@given(NETWORKS, NETWORKS, ADDRESSES)
def test_access_agrees_with_the_longest_prefix(allow: list[Network], deny: list[Network], address: str) -> None:
    deny = [network for network in deny if network not in allow]
    rules = Access(tuple(allow), tuple(deny))
    assert rules.admits(address) is oracle(allow, deny, address)
    assert "\n" not in rules.in_words()


@given(NETWORKS, NETWORKS)
def test_nobody_stands_only_for_an_empty_set_of_clients(allow: list[Network], deny: list[Network]) -> None:
    deny = [network for network in deny if network not in allow]
    assert (Access(tuple(allow), tuple(deny)).in_words() == "nobody") == (not allow)


RULES = [case.values[0] for case in SAID if isinstance(case.values[0], Access)]
STRANGERS = [
    "127.0.0.1",
    "10.0.0.1",
    "10.1.0.1",
    "10.1.5.1",
    "10.9.0.1",
    "192.168.1.1",
    "192.0.2.1",
    "fd00::1",
    "2001:db8::1",
]


@pytest.mark.integration
def test_access_agrees_with_chronyd(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    package = fetch(tmp_path / "package")
    for number, rules in enumerate(RULES):
        allow = [f"allow {network}" for network in rules.allow]
        deny = [f"deny {network}" for network in rules.deny]
        with package.chronyd(tmp_path / str(number), "port 0", *allow, *deny) as socket:
            said = {address: package.chronyc("-h", str(socket), "accheck", address) for address in STRANGERS}
        assert {address: parse_accheck(text) for address, text in said.items()} == {
            address: rules.admits(address) for address in STRANGERS
        }
