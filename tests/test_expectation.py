"""What a chrony.conf makes us expect: read back from what we render, and from lines by hand."""

from dataclasses import replace

import pytest

from provision.expectation import expect
from provision.render import chrony_conf
from provision.site import Serve, Site, choose_sources
from provision.site.values import Network
from tests.sample import FACTS

KEYFILE = "/opt/chrony/current/chrony.keys"


def conf(site: Site) -> str:
    return chrony_conf(site, sources=choose_sources(site, time_source=None, ec2=False), keyfile=KEYFILE)


def test_the_default_serves_and_follows() -> None:
    expected = expect(conf(Site()), version="4.9", seccomp=True, facts=FACTS)
    assert (expected.serves, expected.follows, expected.asked_at) == (True, True, "127.0.0.1")
    assert expected.access.in_words() == "private networks and loopback"
    assert not expected.access.is_public


def test_a_client_serves_nobody() -> None:
    expected = expect(conf(Site(serve=Serve(role="client"))), version="4.9", seccomp=True, facts=FACTS)
    assert (expected.serves, expected.asked_at, expected.access.allow) == (False, None, ())


NETWORKS = [
    pytest.param(("127.0.0.0/8",), None, "127.0.0.1", id="loopback"),
    pytest.param(("::1/128",), None, "::1", id="loopback of IPv6"),
    pytest.param(("198.51.100.0/24",), "198.51.100.7", "198.51.100.7", id="its own address"),
    pytest.param(("10.0.0.0/8",), "198.51.100.7", None, id="none of its own"),
]


@pytest.mark.parametrize(("allow", "address", "asked_at"), NETWORKS)
def test_a_host_asks_itself_where_it_may(allow: tuple[str, ...], address: str | None, asked_at: str | None) -> None:
    site = Site(serve=Serve(allow=tuple(map(Network, allow))))
    expected = expect(conf(site), version="4.9", seccomp=False, facts=replace(FACTS, address=address))
    assert expected.asked_at == asked_at


LINES = [
    pytest.param("local stratum 10\nallow 127.0.0.0/8\n", True, False, "127.0.0.1", id="it follows nobody"),
    pytest.param("# server a\n! server b\nport 0\nserver c\n", False, True, None, id="comments are none"),
    pytest.param("POOL a\nAllow 127.0.0.0/8\nbindaddress 127.0.0.7\n", True, True, "127.0.0.7", id="bound, any case"),
    pytest.param("allow 127.0.0.0/8\ndeny 127.0.0.1\nallow ::1\n", True, False, "::1", id="denied"),
]


@pytest.mark.parametrize(("text", "serves", "follows", "asked_at"), LINES)
def test_lines(text: str, serves: bool, follows: bool, asked_at: str | None) -> None:  # noqa: FBT001 -- of a case
    expected = expect(text, version="4.9", seccomp=False, facts=FACTS)
    assert (expected.serves, expected.follows, expected.asked_at) == (serves, follows, asked_at)


BOUND = [
    pytest.param("", False, id="to nothing"),
    pytest.param("bindaddress 198.51.100.7\n", False, id="to where we reach it"),
    pytest.param("bindaddress 0.0.0.0\n", False, id="to all"),
    pytest.param("bindaddress ::1\n", False, id="in the other family"),
    pytest.param("bindaddress 198.51.100.8\n", True, id="to another address"),
    pytest.param("bindaddress eth0\n", False, id="to what is no address"),
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
