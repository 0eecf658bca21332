"""What a chrony.conf makes us expect: read back from what we render, and from lines by hand."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from provision.chrony.access import Access
from provision.deploy.render import chrony_conf
from provision.site.schema import Serve, Site, choose_sources
from provision.site.text_types import Network
from provision.verify.expectation import expect, further_addresses
from tests.helpers.samples import FACTS

KEYFILE = "/opt/chrony/current/chrony.keys"


def conf(site: Site) -> str:
    return chrony_conf(site, sources=choose_sources(site, time_source=None, ec2=False), keyfile=KEYFILE)


def test_the_default_serves_and_follows() -> None:
    expected = expect(conf(Site()), version="4.9", seccomp=True, facts=FACTS)
    assert (expected.serves, expected.follows, expected.query_addresses) == (True, True, ("127.0.0.1", "::1"))
    assert expected.access.in_words() == "private networks and loopback"
    assert not expected.access.is_public


def test_a_client_serves_no_time() -> None:
    expected = expect(conf(Site(serve=Serve(role="client"))), version="4.9", seccomp=True, facts=FACTS)
    assert (expected.serves, expected.query_addresses, expected.access.allow) == (False, (), ())


NETWORKS = [
    pytest.param(("127.0.0.0/8",), None, ("127.0.0.1",), id="loopback"),
    pytest.param(("::1/128",), None, ("::1",), id="loopback of IPv6"),
    pytest.param(("198.51.100.0/24",), "198.51.100.7", ("198.51.100.7",), id="its own address"),
    pytest.param(("10.0.0.0/8",), "198.51.100.7", (), id="none of its own"),
]


@pytest.mark.parametrize(("allow", "address", "query_addresses"), NETWORKS)
def test_a_host_asks_itself_where_it_may(
    allow: tuple[str, ...], address: str | None, query_addresses: tuple[str, ...]
) -> None:
    site = Site(serve=Serve(allow=tuple(map(Network, allow))))
    expected = expect(conf(site), version="4.9", seccomp=False, facts=replace(FACTS, address=address))
    assert expected.query_addresses == query_addresses


LINES = [
    pytest.param("local stratum 10\nallow 127.0.0.0/8\n", True, False, ("127.0.0.1",), id="it follows nobody"),
    pytest.param("# server a\n! server b\nport 0\nserver c\n", False, True, (), id="comments are none"),
    pytest.param(
        "POOL a\nAllow 127.0.0.0/8\nbindaddress 127.0.0.7\n", True, True, ("127.0.0.7",), id="bound, any case"
    ),
    pytest.param("allow 127.0.0.0/8\ndeny 127.0.0.1\nallow ::1\n", True, False, ("::1",), id="denied"),
]


@pytest.mark.parametrize(("text", "serves", "follows", "query_addresses"), LINES)
def test_lines(text: str, serves: bool, follows: bool, query_addresses: tuple[str, ...]) -> None:  # noqa: FBT001 -- of a case
    expected = expect(text, version="4.9", seccomp=False, facts=FACTS)
    assert (expected.serves, expected.follows, expected.query_addresses) == (serves, follows, query_addresses)


OWN = [
    pytest.param("allow 0.0.0.0/0\nbindaddress 0.0.0.0\n", ("127.0.0.1",), id="bound to all of IPv4"),
    pytest.param("allow ::/0\nbindaddress ::\n", ("::1",), id="bound to all of IPv6"),
    pytest.param("allow 0.0.0.0/0\nallow ::/0\nbindaddress ::1\n", ("127.0.0.1", "::1"), id="bound in one family"),
    pytest.param("allow 198.51.100.0/24\nallow ::1\n", ("198.51.100.7", "::1"), id="at its own address"),
    pytest.param("allow 127.0.0.1\nallow 2001:db8::/32\n", ("127.0.0.1", "2001:db8::7"), id="at a further address"),
    pytest.param("allow fe80::/10\n", (), id="no address without a zone"),
    pytest.param("allow 127.0.0.1\nbinddevice lo\n", ("127.0.0.1",), id="bound to the loopback device"),
]


@pytest.mark.parametrize(("text", "query_addresses"), OWN)
def test_each_family_that_is_served_is_asked(text: str, query_addresses: tuple[str, ...]) -> None:
    facts = replace(FACTS, address="198.51.100.7", addresses=("fe80::7", "2001:db8::7"))
    assert expect(text, version="4.9", seccomp=False, facts=facts).query_addresses == query_addresses


NOT_ASKED = [
    pytest.param(
        "allow 127.0.0.1\nbinddevice eth0\n",
        "chronyd is bound to the device eth0, and requests of the host itself arrive at lo",
        id="bound to a device",
    ),
    pytest.param("allow 10.0.0.0/8\n", "the access rules admit none of the host's own IPv4 addresses", id="rules"),
    pytest.param("local\n", "the access rules admit nobody", id="no rules"),
]


@pytest.mark.parametrize(("text", "why"), NOT_ASKED)
def test_the_reason_why_a_host_cannot_ask_itself_is_reported(text: str, why: str) -> None:
    expected = expect(text, version="4.9", seccomp=False, facts=replace(FACTS, address=None))
    assert (expected.query_addresses, expected.unqueried_reasons) == ((), (why,))


FURTHER = [
    pytest.param("198.51.100.7", ("2001:db8::7",), ("::/0",), ("2001:db8::7",), id="IPv6 of a host reached by IPv4"),
    pytest.param("fe80::7%eth0", ("198.51.100.7",), ("0.0.0.0/0",), ("198.51.100.7",), id="IPv4, over a link"),
    pytest.param("198.51.100.7", ("2001:db8::7",), ("0.0.0.0/0",), (), id="a family that is not served"),
    pytest.param("198.51.100.7", ("198.51.100.8",), ("0.0.0.0/0",), (), id="the same family"),
    pytest.param(None, ("2001:db8::7",), ("::/0",), (), id="not connected by an address"),
]


@pytest.mark.parametrize(("address", "others", "allow", "further"), FURTHER)
def test_the_other_family_is_asked_from_here(
    address: str | None, others: tuple[str, ...], allow: tuple[str, ...], further: tuple[str, ...]
) -> None:
    facts = replace(FACTS, address=address, client=address, addresses=others)
    assert further_addresses(facts, Access(tuple(map(ip_network, allow)))) == further


GIVES_TIME = [
    ("server a", True),
    ("peer a", True),
    ("refclock SHM 0", True),
    ("sourcedir /etc/chrony/sources.d", True),
    ("PEER a key 1", True),
    ("server a noselect", False),
    ("server a noselect\nserver b", True),
    ("local stratum 10", False),
    ("manual", False),
    ("initstepslew 30 a", False),
]


@pytest.mark.parametrize(("line", "follows"), GIVES_TIME)
def test_every_source_of_time_is_followed(line: str, follows: bool) -> None:  # noqa: FBT001 -- of a case
    assert expect(line, version="4.9", seccomp=False, facts=FACTS).follows == follows


@pytest.mark.parametrize(
    ("text", "only"),
    [("local", True), ("local\nserver a", False), ("local\nserver a noselect", True), ("server a", False)],
)
def test_its_own_clock_counts_where_no_source_can_be_selected(text: str, only: bool) -> None:  # noqa: FBT001 -- of a case
    assert expect(text, version="4.9", seccomp=False, facts=FACTS).has_only_its_own_clock == only


LIMITS = [
    ("", 50),
    ("ratelimit", 1),
    ("ratelimit interval 1 burst 16", 3),
    ("RateLimit Burst 255 leak 2", 50),
    ("ratelimit burst 1", 1),
    ("ratelimit burst 64\nratelimit interval 3 burst 32", 7),
    ("ratelimit kod 4", 1),
    ("ntsratelimit burst 2\ncmdratelimit burst 2", 50),
]


@pytest.mark.parametrize(("text", "most"), LIMITS)
def test_within_a_rate_limit_fewer_keys_are_tried(text: str, most: int) -> None:
    assert expect(text, version="4.9", seccomp=False, facts=FACTS).most_keys == most


BOUND = [
    pytest.param("", False, id="to nothing"),
    pytest.param("bindaddress 198.51.100.7\n", False, id="to where we reach it"),
    pytest.param("bindaddress 0.0.0.0\n", False, id="to all"),
    pytest.param("bindaddress ::1\n", False, id="in the other family"),
    pytest.param("bindaddress 198.51.100.8\n", True, id="to another address"),
    pytest.param("bindaddress eth0\n", False, id="to what is no address"),
    pytest.param("bindaddress fe80::7\n", False, id="to a link-local address"),
    pytest.param("bindaddress\n", False, id="to what is missing"),
]


@pytest.mark.parametrize(("text", "elsewhere"), BOUND)
def test_a_server_may_be_bound_to_an_address_at_which_we_do_not_reach_it(
    text: str,
    elsewhere: bool,  # noqa: FBT001 -- of a case
) -> None:
    expected = expect(text, version="4.9", seccomp=False, facts=replace(FACTS, address="198.51.100.7"))
    assert expected.bound_elsewhere == elsewhere
    assert not expect(text, version="4.9", seccomp=False, facts=replace(FACTS, address=None)).bound_elsewhere


KEYED = [
    pytest.param("server a key 1\nserver b key 2\nserver c\n", 2, id="servers"),
    pytest.param("Server a key 1\nPEER b key 2\n", 2, id="in any case"),
    pytest.param("pool a key 1\n", 1, id="a pool, of which one address may do"),
    pytest.param("server a key 1\npool b key 2\n", 1, id="a server beside a pool"),
    pytest.param("server a nts\nPool b iburst NTS\nserver c key 1\n", 2, id="NTS"),
    pytest.param("server nts\nntsdumpdir /var/lib/chrony\npeer a nts\n", 0, id="nothing with NTS"),
    pytest.param("server a\n", 0, id="none"),
]


@pytest.mark.parametrize(("text", "keyed"), KEYED)
def test_sources_with_a_key_or_nts_are_counted(text: str, keyed: int) -> None:
    assert expect(text, version="4.9", seccomp=False, facts=FACTS).authenticated_sources == keyed


@pytest.mark.parametrize("changes", [{"address": None}, {"client": None}])
def test_a_host_that_is_not_connected_by_an_address_is_asked_at_no_other(changes: dict[str, Any]) -> None:
    facts = replace(FACTS, **{"address": "198.51.100.7", "client": "198.51.100.1", **changes})
    everyone = Access((ip_network("0.0.0.0/0"), ip_network("::/0")))
    assert further_addresses(facts, everyone) == ()
