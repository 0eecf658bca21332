"""The hosts of a site: what they resolve to, whom they follow, and what is refused before any host is touched."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from provision.cli.options import Options
from provision.common.errors import SiteError
from provision.keys import Key, Keys
from provision.keys.reader import KeyReader
from provision.site.inventory import Entry, read_inventory
from provision.site.settings import all_releases, resolve
from provision.site.source import Server
from provision.site.upstreams import followed, in_order
from tests.helpers.booted_hosts import ROOT
from tests.helpers.inventories import FOLLOWS_ITSELF, SITE, booted, host_settings
from tests.helpers.samples import write_keys

pytestmark = pytest.mark.usefixtures("folder")

EXAMPLES = ROOT / "examples"


def test_a_host_has_its_values_from_three_levels() -> None:
    found = host_settings(SITE)
    assert {name: settings.site.serve.allowed for name, settings in found.items()} == {
        "ntp1": ("10.0.0.0/8",),
        "ntp2": ("10.0.0.0/8",),
        "alone": ("10.0.0.0/8",),
        "web1": (),
    }
    assert {name: settings.site.time.local is not None for name, settings in found.items()} == {
        "ntp1": False,
        "ntp2": True,
        "alone": False,
        "web1": False,
    }
    assert {name: settings.chrony.version for name, settings in found.items()}["alone"] == "4.8"


CHOSEN: list[Any] = [
    pytest.param([], {}, ["ntp1", "ntp2", "alone", "web1"], id="all"),
    pytest.param(["servers"], {}, ["ntp1", "ntp2"], id="a group"),
    pytest.param(["web1", "ntp2"], {}, ["ntp2", "web1"], id="hosts, in the order of the site"),
    pytest.param([], {"limit": ["servers", "web1"]}, ["ntp1", "ntp2", "web1"], id="limited"),
    pytest.param(["servers"], {"exclude": ["ntp1"]}, ["ntp2"], id="but one"),
    pytest.param(["servers"], {"limit": ["ntp1", "nobody"]}, ["ntp1"], id="limited to a group that nobody is in, too"),
]


@pytest.mark.parametrize(("hosts", "options", "names"), CHOSEN)
def test_hosts_are_chosen_by_name_and_by_group(hosts: list[str], options: dict[str, Any], names: list[str]) -> None:
    assert list(host_settings(SITE, *hosts, **options)) == names


NOT_CHOSEN: list[Any] = [
    pytest.param(["ntp3"], {}, "--host ntp3: no host or group of site.toml; did you mean 'ntp", id="no such host"),
    pytest.param(
        [], {"limit": ["web"]}, "--limit web: no host or group of site.toml; did you mean 'web1'?", id="limit"
    ),
    pytest.param([], {"exclude": ["x"]}, "--exclude x: no host or group of site.toml", id="exclude"),
    pytest.param([], {"limit": ["nobody"]}, "site.toml: no host is left to do it on", id="an empty group"),
    pytest.param(["web1"], {"exclude": ["machines"]}, "site.toml: no host is left to do it on", id="none"),
]


@pytest.mark.parametrize(("hosts", "options", "words"), NOT_CHOSEN)
def test_a_host_that_the_site_does_not_have_is_refused(hosts: list[str], options: dict[str, Any], words: str) -> None:
    with pytest.raises(SiteError, match=re.escape(words)):
        host_settings(SITE, *hosts, **options)


REFUSED = [
    pytest.param("hosts = 5", "hosts: expected table", id="hosts that are none"),
    pytest.param("groups.a = 5", "groups.a: expected table", id="a group that is none"),
    pytest.param("[hosts.a]\ngruop = 'b'", "hosts.a.gruop: unknown key", id="unknown key of a host"),
    pytest.param(
        "[hosts.a]\n[hosts.b]\nrollout.builder = 'c'", "hosts.b.rollout.builder: no host 'c'", id="no such builder"
    ),
    pytest.param("rollout.builder = 'aa'\n[hosts.ab]", "rollout.builder: no host 'aa'", id="nor for all"),
    pytest.param("[hosts.a]\ngroup = 5", "hosts.a.group: expected str, got int", id="wrong type"),
    pytest.param("[hosts.a]\ngroup = 'b'\n[groups.c]", "hosts.a.group: no group 'b'", id="no such group"),
    pytest.param("[hosts.a]\nhost = 'a b'", "hosts.a.host: 'a b': not a host", id="no host"),
    pytest.param("[hosts.a]\nhost = 'a:0'", "hosts.a.host: 'a:0': port 0 is not", id="no port"),
    pytest.param("[hosts.a]\naddress = 'a b'", "hosts.a.address: 'a b' is neither", id="no address"),
    pytest.param("[hosts.a]\nadress = 'x'", "hosts.a.adress: unknown key; did you mean 'address'?", id="misspelt"),
    pytest.param(
        "[hosts.'ntp1.example.com']", "hosts.'ntp1.example.com': a name has letters, digits, - and _ alone", id="name"
    ),
    pytest.param("[groups.a]\ncolour = 3\n[hosts.b]", "groups.a.colour: unknown key", id="a group that nobody is in"),
    pytest.param("time.follows = 'a'\n[groups.a]", "time.follows: no host stands in this file", id="no hosts"),
    pytest.param(
        "[groups.g]\ntime.servers=[{address='x'}]\n[hosts.a]\ngroup='g'\ntime.servers=[{minpoll=3}]",
        "hosts.a.time.servers[0].address: is missing",
        id="an array takes the place of another",
    ),
    pytest.param(
        f"[groups.g]\n{'a.' * 300}a = 1\n[hosts.h]\ngroup = 'g'\n{'a.' * 300}a = 1",
        "tables are nested too deeply",
        id="too deep",
    ),
    pytest.param(
        "[groups.a]\n[hosts]\nx = {group='a', host='rack.1'}\ny = {time.follows='a'}",
        "hosts.x.address: is missing; say at which address it serves time",
        id="an address that nobody else can ask",
    ),
    pytest.param("[groups.a]\n[hosts.a]", "hosts.a: there is a group of this name", id="two of one name"),
    pytest.param(
        "[groups.g]\ntime.servers = [{address = 'x', minpoll = 9, maxpoll = 7}]\n[hosts.a]\ngroup = 'g'",
        "groups.g.time.servers[0].minpoll (as hosts.a has it): 9 is above maxpoll 7",
        id="an impossible value of a group",
    ),
    pytest.param("[hosts.a]\ntime.rtcsync = 'no'", "hosts.a.time.rtcsync: expected bool, got str", id="of a host"),
    pytest.param(
        "serve.allow = ['10/8']\n[hosts.a]\nserve.role = 'client'",
        "serve.allow (as hosts.a has it): a client serves nobody",
        id="levels that contradict each other",
    ),
    pytest.param("[hosts]\na = {host='b'}\nB = {host='b'}", "hosts.B.host: is that of hosts.a, too", id="host twice"),
    pytest.param(
        "[hosts]\na = {address='ntp.x'}\nb = {address='NTP.x.'}",
        "hosts.b.address: is that of hosts.a, too",
        id="address twice",
    ),
    pytest.param("[hosts.a]\ntime.follows = 'b'", "hosts.a.time.follows: no group 'b'", id="follows nobody"),
    pytest.param("time.follows = 'b'\n[hosts.a]", "time.follows: no group 'b'", id="all follow nobody"),
    pytest.param(
        "[groups.b]\nserve.role = 'client'\n[hosts]\na = {time.follows = 'b'}\nc = {group = 'b'}",
        "hosts.a.time.follows: group 'b' has no server that hosts.a could follow",
        id="follows clients",
    ),
    pytest.param(
        "time.follows_with = 'nts'", "time.follows_with: no host has time.follows there", id="a way to follow nobody"
    ),
    pytest.param(
        "[groups.b]\ntime.follows_with = 'key'\n[groups.a]\n[hosts]\na1 = {group = 'a', time.follows = 'b'}\n"
        "b1 = {group = 'b', host = '10.0.0.1'}",
        "groups.b.time.follows_with: no host has time.follows there",
        id="a way to follow of those that are followed",
    ),
    pytest.param(FOLLOWS_ITSELF, "x, y: they follow each other, and none of them has a source", id="a circle"),
    pytest.param(
        "[groups.a]\n[hosts]\nx = {group = 'a', host = 'local'}\ny = {time.follows = 'a', serve.role = 'client'}",
        "hosts.x.address: is missing; say at which address it serves time",
        id="a server without an address",
    ),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_what_cannot_go_together_is_refused(text: str, words: str) -> None:
    with pytest.raises(SiteError) as caught:
        host_settings(text)
    assert str(caught.value).startswith(f"site.toml: {words}"), str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_way_to_follow_may_be_that_of_all_hosts_some_of_which_follow() -> None:
    text = (
        "time.follows_with = 'key'\nserve.role = 'client'\n[groups.a]\nserve.role = 'server'\n"
        "[hosts]\nx = {group = 'a', host = '10.0.0.1'}\ny = {time.follows = 'a'}"
    )
    assert set(host_settings(text)) == {"x", "y"}


@pytest.mark.slow
def test_a_site_of_many_hosts_is_resolved_in_a_second() -> None:
    """Half a second for 1,000; where each host asks about all pairs of the others, minutes."""
    many = "".join(f'many{number} = {{ group = "machines" }}\n' for number in range(1000))
    begun_at = time.process_time()
    found = host_settings(f"{SITE}{many}")
    assert time.process_time() - begun_at < 20
    assert list(found)[:4] == ["ntp1", "ntp2", "alone", "web1"]
    followed = {settings.follows for name, settings in found.items() if name.startswith("many")}
    assert [list(map(str, targets)) for targets in followed] == [["ntp1", "ntp2"]]
    assert len(found) == 1004


EXAMPLE_HOSTS = {
    "guide.toml": [],
    "small.toml": ["ntp1", "ntp2", "web1", "web2"],
    "sandbox.toml": ["ntp1", "ntp2", "web1", "web2", "web3"],
    "devices.toml": ["gw1", "gw2"],
}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_every_example_resolves(path: Path, folder: Path) -> None:
    keys = Keys((Key(1, "AES128", bytes(16)), Key(7, "AES128", bytes(16))))
    copy = folder / path.name
    copy.write_text(path.read_text())
    for name in ("chrony.keys", "devices.keys"):
        write_keys(folder / name, keys)
    inventory = read_inventory(copy)
    resolved = {
        member.name: site
        for member, site in resolve(inventory, in_order(inventory, inventory.members), KeyReader(), booted)
    }
    assert list(resolved) == EXAMPLE_HOSTS[path.name]
    for member in inventory.members:
        theirs = followed(inventory, member)
        sources = resolved[member.name].time.sources or ()
        ours = [source for source in sources if isinstance(source, Server) and source.key == 1]
        assert len(ours) == len(theirs)
        assert bool(theirs) == (member.site.time.follows is not None)


def test_what_a_host_has_of_its_own_is_documented() -> None:
    text = (ROOT / "docs/site.md").read_text()
    section = text[text.index("## Many hosts") : text.index("## `[release]`")]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(Entry.__struct_fields__)


def test_two_clients_may_be_reached_through_one_address() -> None:
    text = 'serve.role = "client"\n[hosts]\na = { host = "gw:2201" }\nb = { host = "gw:2202" }'
    assert list(host_settings(text)) == ["a", "b"]


def test_limits_are_for_sites_with_hosts() -> None:
    with pytest.raises(SiteError, match=r"--limit and --exclude are for the hosts of a site, and site\.toml has none"):
        host_settings("", "ntp1", exclude=["ntp1"])


def test_the_tarballs_of_all_hosts_are_known() -> None:
    Path("site.toml").write_text(SITE)
    assert [str(release) for release in all_releases(Options().run_options)] == [
        "nettle 3.10.2",
        "chrony 4.9",
        "chrony 4.8",
    ]


def test_of_two_that_follow_each_other_the_first_has_a_later_source() -> None:
    text = FOLLOWS_ITSELF.replace('x = {group = "a"}', 'x = {group = "a", time.servers = [{ address = "192.0.2.1" }]}')
    found = host_settings(text)
    assert {name: settings.has_later_sources for name, settings in found.items()} == {"x": True, "y": False}


def test_a_server_that_is_followed_and_named_is_refused_with_the_host() -> None:
    text = """
[keys]
file = "all.keys"
[groups.servers]
[hosts]
ntp1 = { group = "servers", host = "192.0.2.1" }
web1 = { serve.role = "client", time = { follows = "servers", servers = [{ address = "192.0.2.1" }] } }
"""
    write_keys(Path("all.keys"), Keys((Key(1, "AES128", bytes(range(16))),)))
    with pytest.raises(SiteError, match=r"hosts\.web1: what it follows and its own time\.servers: .*192\.0\.2\.1"):
        host_settings(text, "web1")
