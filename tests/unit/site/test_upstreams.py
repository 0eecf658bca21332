"""Whom the hosts of a site follow, at which address, and with which key."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.cli.options import Options
from provision.common.errors import SiteError
from provision.host.target import Target
from provision.keys import Key, Keys
from provision.keys.reader import KeyReader
from provision.site.settings import settings_of_hosts
from provision.site.text_types import Address
from tests.helpers.inventories import AES, FOLLOWS_ITSELF, OLD, SITE, asked, booted, host_settings, with_keys
from tests.helpers.samples import write_keys

pytestmark = pytest.mark.usefixtures("folder")


def test_those_that_are_followed_come_first_and_are_reached_as_the_site_says() -> None:
    Path("site.toml").write_text(SITE)
    targets = [target for target, _ in settings_of_hosts([], Options().run_options, KeyReader(), address_of=booted)]
    assert [(str(target), target.user, target.address, target.port) for target in targets] == [
        ("ntp1", "admin", "10.0.0.1", 2222),
        ("ntp2", None, "10.0.0.2", None),
        ("alone", None, "alone", None),
        ("web1", None, "web1", None),
    ]


def test_a_client_asks_the_servers_that_it_follows_with_the_key_that_will_be_made() -> None:
    found = host_settings(SITE)
    assert asked(found["web1"]) == [("10.0.0.1", 1), ("ntp2.example.com", 1)]
    assert asked(found["ntp1"]) == [("192.0.2.1", None)]


def test_a_sandbox_is_asked_where_it_was_booted() -> None:
    found = host_settings(SITE.replace('host = "10.0.0.2", address = "ntp2.example.com"', 'host = "sandbox:ntp2"'))
    assert asked(found["web1"]) == [("10.0.0.1", 1), ("ntp2.sandbox", 1)]


KEY_FILES = [
    pytest.param([OLD, AES], [OLD, AES], "", 2, id="an AES key before others"),
    pytest.param([OLD, AES], [OLD, AES], "keys.use = 1", 1, id="the one that is named"),
    pytest.param([OLD, AES], [OLD], "", 1, id="the one that both have"),
]


@pytest.mark.parametrize(("servers", "machines", "more", "used"), KEY_FILES)
def test_a_client_asks_with_a_key_that_both_have_and_gets_no_other(
    servers: list[Key], machines: list[Key], more: str, used: int
) -> None:
    found = host_settings(with_keys(servers, machines, more))
    assert asked(found["web1"]) == [("10.0.0.1", used), ("ntp2.example.com", used)]
    keys = found["web1"].read_keys(KeyReader())
    assert keys is not None
    assert keys.ids == (used,)
    theirs = found["ntp1"].read_keys(KeyReader())
    assert theirs is not None
    assert len(theirs) == len(servers)


def test_a_client_with_a_source_of_its_own_that_names_a_key_has_that_one_too() -> None:
    other = Key(3, "AES128", bytes(16))
    site = with_keys([OLD, AES, other], [OLD, AES, other], 'time.servers = [{ address = "10.0.0.9", key = 1 }]')
    keys = host_settings(site)["web1"].read_keys(KeyReader())
    assert keys is not None
    assert keys.ids == (1, 2)


def other_value() -> str:
    return with_keys([OLD, AES], [Key(2, "AES128", bytes(16))])


KEYS_REFUSED: list[Any] = [
    pytest.param(
        other_value, "key 2 is one key in machines.keys, and another one in servers.keys", id="two values of one id"
    ),
    pytest.param(
        lambda: with_keys([OLD], [AES]),
        "hosts.web1: no key in common with ntp1, which it follows (machines.keys, servers.keys)",
        id="no common key",
    ),
    pytest.param(
        lambda: with_keys([OLD, AES], [OLD, AES], "keys.use = 3"),
        "hosts.web1: key 3 (keys.use) is not in both machines.keys and servers.keys",
        id="a key that nobody has",
    ),
]


@pytest.mark.parametrize(("site", "words"), KEYS_REFUSED)
def test_keys_that_do_not_fit_are_refused(site: Callable[[], str], words: str) -> None:
    with pytest.raises(SiteError) as caught:
        host_settings(site())
    assert str(caught.value) == f"site.toml: {words}"


def test_servers_of_one_group_may_follow_each_other_when_one_has_the_time() -> None:
    text = FOLLOWS_ITSELF.replace('y = {group = "a"}', 'y = {group = "a", time.local = {}}')
    found = host_settings(text)
    assert {name: asked(settings) for name, settings in found.items()} == {"y": [("x", 1)], "x": [("y", 1)]}


def test_a_server_that_follows_its_own_group_alone_has_no_source() -> None:
    found = host_settings('[groups.a]\n[hosts]\nx = {group = "a", time = {follows = "a", local = {}}}')
    assert found["x"].site.time.sources == ()


def test_in_a_circle_those_that_are_followed_come_first() -> None:
    text = FOLLOWS_ITSELF.replace('time.follows = "a"', 'time = { follows = "a", pools = [{ address = "p" }] }')
    assert list(host_settings(text.replace("[hosts]", "[hosts]\nlast = {}"))) == ["x", "y", "last"]


def test_one_host_of_a_group_may_have_no_source() -> None:
    text = 'time.follows = "a"\n[groups.a]\ntime.follows = ""\n[hosts]\nx = { group = "a" }\ny = {}'
    found = host_settings(text)
    assert {name: settings.site.time.sources is None for name, settings in found.items()} == {"x": True, "y": False}


def test_no_sandbox_is_booted_for_hosts_that_ask_it_nothing() -> None:
    def nobody(target: Target) -> Address:
        raise AssertionError(target)

    text = SITE.replace('"10.0.0.2"', '"sandbox:ntp2"').replace(', address = "ntp2.example.com"', "")
    Path("site.toml").write_text(text)
    assert len(settings_of_hosts(["servers"], Options().run_options, KeyReader(), address_of=nobody)) == 2
    assert len(settings_of_hosts([], Options().run_options, KeyReader(), address_of=None)) == 4


def test_keys_that_appear_during_a_run_are_checked_too() -> None:
    site = 'serve.role = "client"\ntime.servers = [{ address = "a", key = 1 }]\nkeys.file = "late.keys"\n'
    settings = host_settings(site, "ntp1")["ntp1"]
    write_keys(Path("late.keys"), Keys((AES,)))
    with pytest.raises(SiteError, match=r"time source a: key 1 is not in late\.keys"):
        settings.read_keys(KeyReader())
