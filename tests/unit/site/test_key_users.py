"""Whose keys they are, and who uses which."""

from datetime import date
from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.keys import Key, Keys
from provision.keys.listing import listing
from provision.keys.note import Note
from provision.keys.reader import KeyReader
from provision.keys.source import KeyFile
from provision.site.inventory import Inventory, read_inventory
from provision.site.key_source import source_of
from provision.site.key_users import choose_source, sources, user_names, users
from tests.helpers.samples import write_keys

FOLLOWED = Key(1, "AES128", bytes(range(16)))
NAMED = Key(7, "SHA1", b"correct-horse")
DEVICE = Key(9, "AES256", bytes(range(32)))
SITE = """
keys.file = "all.keys"
[groups.servers]
[groups.machines]
serve.role = "client"
time.follows = "servers"
[groups.elsewhere]
keys.file = "other.keys"
time = { follows = "servers", servers = [{ address = "192.0.2.1", key = 1 }] }
[hosts]
ntp1 = { group = "servers", time.extra = ["peer 192.0.2.9 KEY 7"] }
web1 = { group = "machines" }
web2 = { group = "machines" }
far1 = { group = "elsewhere" }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    write_keys(Path("all.keys"), Keys((FOLLOWED, NAMED, DEVICE)))
    write_keys(Path("other.keys"), Keys((FOLLOWED,)))
    write_keys(Path("lone.keys"), Keys((Key(5, "SHA1", b"another-horse"),)))
    return tmp_path


def inventory(text: str) -> Inventory:
    Path("site.toml").write_text(text)
    return read_inventory(Path("site.toml"))


CHOSEN = [
    pytest.param([], "keys.file = 'all.keys'", "all.keys", id="the site's"),
    pytest.param([], "keys.file = 'all.keys'\n[hosts]\na = {}\nb = {}", "all.keys", id="that of all its hosts"),
    pytest.param(["far1"], SITE, "other.keys", id="that of a host"),
    pytest.param(["machines"], SITE, "all.keys", id="that of a group"),
    pytest.param(["servers", "web1"], SITE, "all.keys", id="that of several"),
]


@pytest.mark.parametrize(("hosts", "site", "name"), CHOSEN)
def test_the_keys_of_a_site_are_found(hosts: list[str], site: str, name: str) -> None:
    assert choose_source(inventory(site), hosts) == KeyFile(Path(name))


REFUSED = [
    pytest.param(
        [],
        SITE,
        "site.toml: not all hosts have the same keys: say --host NAME or GROUP "
        "(all.keys: ntp1, web1, web2; other.keys: far1)",
        id="several",
    ),
    pytest.param(["web"], SITE, "--host web: no host or group of site.toml; did you mean 'web2'?", id="nobody"),
    pytest.param(["web1"], "", "--host is for the hosts of a site, and site.toml has none", id="no hosts"),
]


@pytest.mark.parametrize(("hosts", "site", "words"), REFUSED)
def test_keys_that_are_ambiguous_are_refused(hosts: list[str], site: str, words: str) -> None:
    with pytest.raises(SiteError) as caught:
        choose_source(inventory(site), hosts)
    assert str(caught.value) == words


USERS = [
    pytest.param(SITE, "all.keys", {1: ("web1", "web2", "far1"), 7: ("ntp1",)}, id="of the servers"),
    pytest.param(SITE, "other.keys", {1: ("far1",)}, id="of those elsewhere"),
    pytest.param(
        "keys.file = 'all.keys'\ntime.servers = [{ address = 'a', key = 7 }]",
        "all.keys",
        {7: ("every host",)},
        id="of a site without hosts",
    ),
    pytest.param("", "config/chrony-provision/chrony.keys", {}, id="of nobody"),
    pytest.param(
        SITE.replace("[groups.machines]", '[groups.machines]\ntime.follows_with = "nts"'),
        "all.keys",
        {1: ("far1",), 7: ("ntp1",)},
        id="none, with NTS",
    ),
    pytest.param(
        SITE.replace("[groups.machines]", '[groups.machines]\nkeys.file = "lone.keys"\ntime.follows_with = "nts"'),
        "all.keys",
        {1: ("far1",), 7: ("ntp1",)},
        id="none, with NTS and no key in common",
    ),
]


@pytest.mark.parametrize(("site", "file", "found"), USERS)
def test_who_asks_with_a_key_uses_it(site: str, file: str, found: dict[int, tuple[str, ...]], folder: Path) -> None:
    source = KeyFile(folder / file if file.startswith("config") else Path(file))
    assert dict(user_names(inventory(site), source, KeyReader())) == found


def test_the_list_shows_known_users_and_no_secret() -> None:
    there = inventory(SITE)
    source = source_of(there.defaults)
    notes = {9: Note(date(2026, 11, 1), "door 3")}
    keys = Keys((FOLLOWED, NAMED, DEVICE))
    lines = list(listing(keys, notes, user_names(there, source, KeyReader()), date(2026, 11, 23)))
    assert lines == [
        "id  type    fingerprint   age      role     used by           label",
        "1   AES128  aac6f3aa7b0e  -        machine  web1, web2, far1",
        "7   SHA1    -             -        machine  ntp1",
        f"9   AES256  {DEVICE.fingerprint}  22 days  device   -                 door 3",
    ]
    assert not any(secret.lower() in "\n".join(lines).lower() for secret in keys.secrets)


SAME_FILE = [
    pytest.param("./all.keys", id="another spelling"),
    pytest.param("elsewhere/../all.keys", id="through another folder"),
    pytest.param("link.keys", id="a symbolic link"),
]


@pytest.mark.parametrize("path", SAME_FILE)
def test_hosts_that_name_the_same_file_by_another_path_use_its_keys(path: str) -> None:
    Path("elsewhere").mkdir()
    Path("link.keys").symlink_to("all.keys")
    there = inventory(SITE.replace('"other.keys"', f'"{path}"'))
    assert sources(there) == (KeyFile(Path("all.keys")),)
    assert user_names(there, KeyFile(Path("all.keys")), KeyReader())[1] == ("web1", "web2", "far1")
    assert choose_source(there, []) == KeyFile(Path(path))


@pytest.mark.slow
def test_a_site_with_many_hosts_and_a_fleets_keys_is_looked_through_in_seconds() -> None:
    fleet = Keys(tuple(Key(n, "AES128", n.to_bytes(16, "big")) for n in range(1, 20_001)))
    Path("fleet.keys").write_text(fleet.text)
    Path("fleet.keys").chmod(0o600)
    hosts = "".join(f'web{n} = {{ group = "machines" }}\n' for n in range(60))
    text = SITE.replace("all.keys", "fleet.keys").partition("[groups.elsewhere]")[0]
    there = inventory(f'{text}[hosts]\nntp1 = {{ group = "servers" }}\n{hosts}')
    assert len(users(there, KeyFile(Path("fleet.keys")), KeyReader())[1]) == 60
