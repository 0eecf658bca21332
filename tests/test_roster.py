"""The hosts of a site: what they resolve to, whom they follow, and what is refused before any host is touched."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.errors import SiteError
from provision.following import followed, in_order
from provision.keys import Key, Keys
from provision.overview import overview
from provision.roster import Entry, read_roster
from provision.site.advice import warnings
from provision.site.source import Server
from provision.site.values import Address
from provision.target import Kind, Target
from provision.wish import Options, Wish, all_releases, make_wishes, resolve
from tests.booted import ROOT
from tests.sample import write_keys

EXAMPLES = ROOT / "examples"
SITE = """
serve.allow = ["10.0.0.0/8"]

[groups.servers]
time.servers = [{ address = "192.0.2.1" }]

[groups.nobody]

[groups.machines]
serve = { role = "client", allow = [] }
time.follows = "servers"

[hosts]
web1 = { group = "machines" }
ntp1 = { group = "servers", host = "admin@10.0.0.1:2222" }
ntp2 = { group = "servers", host = "10.0.0.2", address = "ntp2.example.com", time.local = {} }
alone = { time.pools = [{ address = "pool.example.com" }], release.chrony = "4.8" }
"""
AES = Key(2, "AES128", bytes(range(16)))
OLD = Key(1, "SHA1", b"correct-horse-battery")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be an operator in an empty folder, without keys."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def booted(target: Target) -> Address:
    assert target.kind is Kind.SANDBOX
    return Address(f"{target.sandbox}.sandbox")


def wishes(text: str, *hosts: str, **options: Any) -> dict[str, Wish]:
    Path("site.toml").write_text(text)
    return {str(target): wish for target, wish in make_wishes(hosts, Options(), address_of=booted, **options)}


def asked(wish: Wish) -> list[tuple[str, int | None]]:
    return [(str(source.address), source.key) for source in wish.site.time.sources or ()]


def test_a_host_has_its_values_from_three_levels() -> None:
    found = wishes(SITE)
    assert {name: wish.site.serve.allowed for name, wish in found.items()} == {
        "ntp1": ("10.0.0.0/8",),
        "ntp2": ("10.0.0.0/8",),
        "alone": ("10.0.0.0/8",),
        "web1": (),
    }
    assert {name: wish.site.time.local is not None for name, wish in found.items()} == {
        "ntp1": False,
        "ntp2": True,
        "alone": False,
        "web1": False,
    }
    assert {name: wish.chrony.version for name, wish in found.items()}["alone"] == "4.8"


def test_those_that_are_followed_come_first_and_are_reached_as_the_site_says() -> None:
    Path("site.toml").write_text(SITE)
    targets = [target for target, _ in make_wishes([], Options(), address_of=booted)]
    assert [(str(target), target.user, target.address, target.port) for target in targets] == [
        ("ntp1", "admin", "10.0.0.1", 2222),
        ("ntp2", None, "10.0.0.2", None),
        ("alone", None, "alone", None),
        ("web1", None, "web1", None),
    ]


def test_a_client_asks_the_servers_that_it_follows_with_the_key_that_will_be_made() -> None:
    found = wishes(SITE)
    assert asked(found["web1"]) == [("10.0.0.1", 1), ("ntp2.example.com", 1)]
    assert asked(found["ntp1"]) == [("192.0.2.1", None)]


def test_a_sandbox_is_asked_where_it_was_booted() -> None:
    found = wishes(SITE.replace('host = "10.0.0.2", address = "ntp2.example.com"', 'host = "sandbox:ntp2"'))
    assert asked(found["web1"]) == [("10.0.0.1", 1), ("ntp2.sandbox", 1)]


KEY_FILES = [
    pytest.param([OLD, AES], [OLD, AES], "", 2, id="an AES key before others"),
    pytest.param([OLD, AES], [OLD, AES], "keys.use = 1", 1, id="the one that is named"),
    pytest.param([OLD, AES], [OLD], "", 1, id="the one that both have"),
]


def with_keys(servers: list[Key], machines: list[Key], more: str = "") -> str:
    write_keys(Path("servers.keys"), Keys(tuple(servers)))
    write_keys(Path("machines.keys"), Keys(tuple(machines)))
    site = SITE.replace("[groups.servers]", '[groups.servers]\nkeys.file = "servers.keys"')
    return site.replace("[groups.machines]", f'[groups.machines]\nkeys.file = "machines.keys"\n{more}')


@pytest.mark.parametrize(("servers", "machines", "more", "used"), KEY_FILES)
def test_a_client_asks_with_a_key_that_both_have_and_gets_no_other(
    servers: list[Key], machines: list[Key], more: str, used: int
) -> None:
    found = wishes(with_keys(servers, machines, more))
    assert asked(found["web1"]) == [("10.0.0.1", used), ("ntp2.example.com", used)]
    keys = found["web1"].read_keys()
    assert keys is not None
    assert keys.ids == (used,)
    theirs = found["ntp1"].read_keys()
    assert theirs is not None
    assert len(theirs) == len(servers)


def test_a_client_with_a_line_of_its_own_that_names_a_key_has_that_one_too() -> None:
    other = Key(3, "AES128", bytes(16))
    site = with_keys([OLD, AES, other], [OLD, AES, other], 'time.extra = ["peer 10.0.0.9 KEY 1"]')
    keys = wishes(site)["web1"].read_keys()
    assert keys is not None
    assert keys.ids == (1, 2)


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
    assert list(wishes(SITE, *hosts, **options)) == names


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
        wishes(SITE, *hosts, **options)


FOLLOWS_ITSELF = 'time.follows = "a"\n[groups.a]\n[hosts]\nx = {group = "a"}\ny = {group = "a"}\n'
REFUSED = [
    pytest.param("hosts = 5", "hosts: expected table", id="hosts that are none"),
    pytest.param("groups.a = 5", "groups.a: expected table", id="a group that is none"),
    pytest.param("[hosts.a]\ngruop = 'b'", "hosts.a.gruop: unknown key", id="unknown key of a host"),
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
        wishes(text)
    assert str(caught.value).startswith(f"site.toml: {words}"), str(caught.value)
    assert "\n" not in str(caught.value)


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
        wishes(site())
    assert str(caught.value) == f"site.toml: {words}"


def test_servers_of_one_group_may_follow_each_other_when_one_has_the_time() -> None:
    text = FOLLOWS_ITSELF.replace('y = {group = "a"}', 'y = {group = "a", time.local = {}}')
    found = wishes(text)
    assert {name: asked(wish) for name, wish in found.items()} == {"y": [("x", 1)], "x": [("y", 1)]}


def test_a_server_that_follows_its_own_group_alone_asks_nobody() -> None:
    found = wishes('[groups.a]\n[hosts]\nx = {group = "a", time = {follows = "a", local = {}}}')
    assert found["x"].site.time.sources == ()


WARNED = [
    pytest.param(["a"], ["it follows one server alone, a: "], id="one server"),
    pytest.param(["a", "b"], [], id="two servers"),
    pytest.param(["a", "time.google.com"], ["time.google.com smears leap seconds and the other"], id="smeared by one"),
    pytest.param(["time1.google.com", "TIME2.google.com"], [], id="smeared by all"),
]


@pytest.mark.parametrize(("addresses", "words"), WARNED)
def test_what_is_rarely_meant_is_noted(addresses: list[str], words: list[str]) -> None:
    servers = ", ".join(f"{{ address = '{address}' }}" for address in addresses)
    (wish,) = wishes(f"time.servers = [{servers}]", "ntp1").values()
    assert len(wish.warnings) == len(words)
    assert all(warning.startswith(start) for warning, start in zip(wish.warnings, words, strict=True))
    assert list(warnings(wish.site)) == list(wish.warnings)


def test_a_site_of_many_hosts_is_resolved_in_a_second() -> None:
    """Half a second for 1,000; where each host asks about all pairs of the others, minutes."""
    many = "".join(f'many{number} = {{ group = "machines" }}\n' for number in range(1000))
    begun_at = time.process_time()
    found = wishes(f"{SITE}{many}")
    assert time.process_time() - begun_at < 20
    assert list(found)[:4] == ["ntp1", "ntp2", "alone", "web1"]
    assert {wish.follows for name, wish in found.items() if name.startswith("many")} == {("ntp1", "ntp2")}
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
    roster = read_roster(copy)
    resolved = {member.name: site for member, site in resolve(roster, in_order(roster, roster.members), booted)}
    assert list(resolved) == EXAMPLE_HOSTS[path.name]
    for member in roster.members:
        theirs = followed(roster, member)
        sources = resolved[member.name].time.sources or ()
        ours = [source for source in sources if isinstance(source, Server) and source.key == 1]
        assert len(ours) == len(theirs)
        assert bool(theirs) == (member.site.time.follows is not None)


def test_the_overview_says_what_holds_and_who_has_said_so() -> None:
    Path("site.toml").write_text(SITE)
    roster = read_roster(Path("site.toml"))
    text = "\n".join(overview(resolve(roster, roster.members, booted)))
    assert "ntp1: server of group servers, reached at admin@10.0.0.1:2222\n" in text
    assert '\n  serve.allow = ["10.0.0.0/8"]  (defaults)\n' in text
    assert '\n  time.servers = [{ address = "192.0.2.1" }]  (group servers)\n' in text
    assert '\n  release.chrony = "4.8"  (host alone)\n' in text
    assert "\n  asks: 10.0.0.1 with key 1, ntp2.example.com with key 1" in text
    assert "\n  note: it follows one server alone, 192.0.2.1: " in text


def test_what_a_host_has_of_its_own_is_documented() -> None:
    text = (ROOT / "docs/site.md").read_text()
    section = text[text.index("## Many hosts") : text.index("## `[release]`")]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(Entry.__struct_fields__)


def test_in_a_circle_those_that_are_followed_come_first() -> None:
    text = FOLLOWS_ITSELF.replace('time.follows = "a"', 'time = { follows = "a", pools = [{ address = "p" }] }')
    assert list(wishes(text.replace("[hosts]", "[hosts]\nlast = {}"))) == ["x", "y", "last"]


def test_a_host_may_follow_nobody_where_the_others_do() -> None:
    text = 'time.follows = "a"\n[groups.a]\ntime.follows = ""\n[hosts]\nx = { group = "a" }\ny = {}'
    found = wishes(text)
    assert {name: wish.site.time.sources is None for name, wish in found.items()} == {"x": True, "y": False}


def test_two_clients_may_be_reached_through_one_address() -> None:
    text = 'serve.role = "client"\n[hosts]\na = { host = "gw:2201" }\nb = { host = "gw:2202" }'
    assert list(wishes(text)) == ["a", "b"]


def test_no_sandbox_is_booted_for_a_command_line_that_is_wrong_nor_for_hosts_that_ask_it_nothing() -> None:
    def nobody(target: Target) -> Address:
        raise AssertionError(target)

    text = SITE.replace('"10.0.0.2"', '"sandbox:ntp2"').replace(', address = "ntp2.example.com"', "")
    Path("site.toml").write_text(text)
    with pytest.raises(SiteError, match="--patience x"):
        make_wishes([], Options(patience="x"), address_of=nobody)
    assert len(make_wishes(["servers"], Options(), address_of=nobody)) == 2
    assert len(make_wishes([], Options(), address_of=None)) == 4


def test_limits_are_for_sites_with_hosts() -> None:
    with pytest.raises(SiteError, match=r"--limit and --exclude are for the hosts of a site, and site\.toml has none"):
        wishes("", "ntp1", exclude=["ntp1"])


def test_the_tarballs_of_all_hosts_are_known() -> None:
    Path("site.toml").write_text(SITE)
    assert [str(release) for release in all_releases(Options())] == ["nettle 3.10.2", "chrony 4.9", "chrony 4.8"]


def test_keys_that_appear_during_a_run_are_checked_too() -> None:
    site = 'serve.role = "client"\ntime.servers = [{ address = "a", key = 7 }]\nkeys.file = "late.keys"\n'
    wish = wishes(site, "ntp1")["ntp1"]
    write_keys(Path("late.keys"), Keys((AES,)))
    with pytest.raises(SiteError, match=r"time source a: key 7 is not in late\.keys"):
        wish.read_keys()
