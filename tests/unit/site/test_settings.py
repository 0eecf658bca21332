"""The wish: what a command line and a site ask for, and that everything impossible is refused before any host."""

import re
from pathlib import Path
from typing import Any

import pytest

from provision.cli.options import Options
from provision.common.errors import SiteError
from provision.host.target import Target
from provision.keys import Key, Keys
from provision.keys.reader import KeyReader
from provision.site.settings import NO_KEYS, Settings, all_releases, settings_of_hosts
from tests.helpers.host_settings import make_settings
from tests.helpers.samples import KEYS, write_keys


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be an operator in an empty folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def versions(settings: Settings) -> tuple[str, str | None]:
    return settings.chrony.version, settings.nettle.version if settings.nettle else None


def nobody(_: Target) -> Any:
    raise AssertionError("no sandbox is asked for")


def host_settings(*hosts: str, **options: Any) -> tuple[tuple[Target, Settings], ...]:
    return settings_of_hosts(hosts, Options(**options).run_options, KeyReader(), address_of=nobody)


def test_without_a_word_the_defaults_are_wished(folder: Path) -> None:
    first, second = host_settings("ntp1", "local", "ntp1")
    assert [str(target) for target, _ in (first, second)] == ["ntp1", "local"]
    settings = first[1]
    assert versions(settings) == ("4.9", "3.10.2")
    assert [str(release) for release in settings.releases] == ["nettle 3.10.2", "chrony 4.9"]
    assert settings.key_source.name == f"{folder}/config/chrony-provision/chrony.keys"
    assert settings.read_keys(KeyReader()) is None
    assert settings.options == Options().run_options
    assert not (folder / "config").exists()


SITE = '[release]\nchrony = "4.6.1"\nnettle = "3.8.1"\n'
CHOSEN = [
    pytest.param({}, ("4.6.1", "3.8.1"), id="the site's"),
    pytest.param({"chrony": "4.3"}, ("4.3", "3.8.1"), id="the command line's chrony"),
    pytest.param({"nettle": "system"}, ("4.6.1", None), id="the distribution's nettle"),
    pytest.param({"chrony": "4.9", "nettle": "4.0"}, ("4.9", "4.0"), id="the newest"),
]


@pytest.mark.parametrize(("options", "expected"), CHOSEN)
def test_the_command_line_goes_before_the_site(
    options: dict[str, Any], expected: tuple[str, str | None], folder: Path
) -> None:
    (folder / "other.toml").write_text(SITE)
    assert versions(make_settings(Options(site=Path("other.toml"), **options))) == expected


def test_site_toml_counts_if_it_is_there(folder: Path) -> None:
    (folder / "site.toml").write_text(SITE)
    assert versions(make_settings()) == ("4.6.1", "3.8.1")


def test_a_key_file_is_found_from_the_site_file(folder: Path) -> None:
    (folder / "sites").mkdir()
    (folder / "sites/one.toml").write_text('keys.file = "ours.keys"\n')
    write_keys(folder / "sites/ours.keys", KEYS)
    assert make_settings(Options(site=Path("sites/one.toml"))).read_keys(KeyReader()) == KEYS


def test_a_folder_of_tarballs_is_taken(folder: Path) -> None:
    assert make_settings(Options(sources=folder)).options.sources == folder


PIN = f'[release]\nchrony = "4.9.1"\nsha256.chrony = "{"0" * 64}"\n'


def test_a_version_without_a_pin_is_taken_with_its_digest(folder: Path) -> None:
    (folder / "site.toml").write_text(PIN)
    assert make_settings().chrony.sha256 == "0" * 64


REFUSED = [
    pytest.param("", {"hosts": ["a b"]}, "--host 'a b': not a host; say name,", id="no host"),
    pytest.param("", {"hosts": ["ntp1", "ntp2:0"]}, "--host 'ntp2:0': port 0 is not between 1 and 65535", id="no port"),
    pytest.param(None, {"site": Path("no.toml")}, "no.toml: cannot be read: No such file or directory", id="no site"),
    pytest.param(None, {"site": Path()}, ".: cannot be read: Is a directory", id="a folder for a site"),
    pytest.param("=", {}, "site.toml: is not TOML: ", id="no TOML"),
    pytest.param("tiem.rtcsync = true", {}, "site.toml: tiem: unknown key; did you mean 'time'?", id="unknown key"),
    pytest.param('time.rtcsync = "yes"', {}, "site.toml: time.rtcsync: expected bool, got str", id="wrong type"),
    pytest.param(
        "[[time.servers]]\naddress='a'\nminpoll=8\nmaxpoll=6",
        {},
        "site.toml: time.servers[0].minpoll: 8 is above maxpoll 6",
        id="impossible value",
    ),
    pytest.param('time.extra = ["a\\nallow"]', {}, "site.toml: time.extra[0]: ", id="newline in a value"),
    pytest.param("", {"chrony": "5.0"}, "release.chrony: 5.0 is not pinned; choose one of 4.0, ", id="no such chrony"),
    pytest.param("", {"chrony": "four"}, "release: 'four' is not a version such as '4.9'", id="no version"),
    pytest.param("", {"nettle": "3.4.1"}, "release.nettle: Nettle 3.4.1 has no AES-CMAC; choose 3.5.1", id="no CMAC"),
    pytest.param(
        "",
        {"chrony": "4.8", "nettle": "4.0"},
        "release.nettle: chrony 4.8 does not compile with Nettle 4.0",
        id="versions that do not fit",
    ),
    pytest.param("", {"chrony": "3.5.1"}, "release.chrony: chrony 3.5.1 has no AES-CMAC keys", id="a chrony too old"),
    pytest.param(
        PIN.replace("4.9.1", "4.9"),
        {},
        "release.sha256.chrony: chrony 4.9 is pinned with 4924c6f5",
        id="another digest",
    ),
    pytest.param(PIN, {"chrony": "4.9.2"}, "release.chrony: 4.9.2 is not pinned", id="a digest of another version"),
    pytest.param('keys.file = "."', {}, ".: cannot be read: Is a directory", id="a folder of keys"),
    pytest.param(
        'keys.file = "site.toml"', {}, "site.toml: others than its owner may use it (mode 0644)", id="readable"
    ),
    pytest.param(
        '[keys]\nfile = "our.keys"\n[[time.servers]]\naddress = "ntp0"\nkey = 7\n',
        {},
        "time source ntp0: key 7 is not in our.keys",
        id="a source's key that nobody has",
    ),
    pytest.param(
        '[keys]\nfile = "our.keys"\n[time]\nservers = []\nextra = ["peer ntp0 key 77"]\n',
        {},
        "time.extra[0]: key 77 is not in our.keys",
        id="a peer's key that nobody has",
    ),
    pytest.param(
        '[keys]\nfile = "typo.keys"\n[[time.servers]]\naddress = "ntp0"\nkey = 7\n',
        {},
        "time source ntp0: key 7 is not in typo.keys, which does not exist; correct keys.file, or make the key first: "
        "inv keys.add --id 7",
        id="a key file that does not exist, and another key than the first",
    ),
    pytest.param(
        'time.authselectmode = "require"\n',
        {},
        'time.authselectmode: "require", with which chronyd never selects a source that has neither a key nor NTS, and '
        "the default sources have none; name time.servers with key or nts",
        id="authentication required of the default sources",
    ),
    pytest.param('keys.file = "bad.keys"', {}, "bad.keys: line 1: an AES128 key has 16 bytes", id="bad key"),
]


@pytest.mark.parametrize(("site", "options", "words"), REFUSED)
def test_what_cannot_be_is_refused_in_one_line(
    site: str | None, options: dict[str, Any], words: str, folder: Path
) -> None:
    write_keys(folder / "our.keys", KEYS)
    (folder / "bad.keys").write_text("1 AES128 HEX:00112233445566778899\n")
    (folder / "bad.keys").chmod(0o600)
    if site is not None:
        (folder / "site.toml").write_text(site)
        (folder / "site.toml").chmod(0o644)
    with pytest.raises(SiteError) as caught:
        host_settings(*options.pop("hosts", ["ntp1"]), **options)
    assert re.match(re.escape(words), str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_client_gets_the_keys_that_its_sources_name_and_no_others(folder: Path) -> None:
    keys = Keys(tuple(Key(id_, "AES128", bytes(range(id_, id_ + 16))) for id_ in (1, 2, 3)))
    write_keys(folder / "our.keys", keys)
    client = '[keys]\nfile = "our.keys"\n[serve]\nrole = "client"\n[time]\n'
    sources = {
        "servers = [{ address = 'a', key = 3 }, { address = 'b', key = 1 }]": (1, 3),
        "servers = [{ address = 'b' }]": (),
        "": (),
    }
    for text, ids in sources.items():
        (folder / "site.toml").write_text(client + text)
        (_, settings), *_ = host_settings("ntp1")
        found = settings.read_keys(KeyReader())
        assert found is not None
        assert found.ids == ids


def test_a_client_without_keys_needs_no_key_file(folder: Path) -> None:
    (folder / "site.toml").write_text('keys.file = "none.keys"\nserve.role = "client"\n')
    (_, settings), *_ = host_settings("ntp1")
    assert settings.has_keys
    assert settings.read_keys(KeyReader()) == Keys(())


def test_a_task_that_needs_no_keys_does_not_ask_for_them(folder: Path) -> None:
    (folder / "site.toml").write_text("keys.command = \"sh -c 'touch ran; echo 1 AES128 HEX:0'\"\n")
    ((_, settings),) = settings_of_hosts(["ntp1"], Options().run_options, KeyReader(), address_of=None)
    assert settings.read_keys(KeyReader()) is None
    assert all_releases(Options().run_options)
    assert make_settings(uses_keys=False).options.sources is None
    assert not (folder / "ran").exists()


SOURCES = """
keys.command = "sh -c 'echo one >>ran; echo 1 AES128 HEX:00112233445566778899AABBCCDDEEFF'"
[groups.servers]
[groups.clients]
serve.role = "client"
time.follows = "servers"
keys.command = "sh -c 'echo two >>ran; echo 1 AES128 HEX:00112233445566778899AABBCCDDEEFF'"
[groups.others]
keys.file = "our.keys"
[hosts]
a = { group = "servers" }
b = { group = "servers" }
c = { group = "clients" }
d = { group = "clients" }
e = { group = "others" }
f = {}
"""


def test_each_key_command_of_a_site_runs_once_for_all_hosts(folder: Path) -> None:
    (folder / "site.toml").write_text(SOURCES)
    write_keys(folder / "our.keys", KEYS)
    reader = KeyReader()
    found = settings_of_hosts([], Options().run_options, reader, address_of=nobody)
    ids = {str(target): (settings.read_keys(reader) or NO_KEYS).ids for target, settings in found}
    assert ids == dict.fromkeys("abcdef", (1,))
    assert sorted((folder / "ran").read_text().split()) == ["one", "two"]


def test_the_key_of_a_source_may_be_in_the_file(folder: Path) -> None:
    write_keys(folder / "our.keys", Keys((Key(7, "SHA1", b"correct-horse"),)))
    (folder / "site.toml").write_text('[keys]\nfile = "our.keys"\n[[time.servers]]\naddress = "ntp0"\nkey = 7\n')
    assert make_settings().site.time.sources is not None


def test_a_server_has_keys_once_its_key_file_exists(folder: Path) -> None:
    (folder / "site.toml").write_text('keys.file = "our.keys"\n')
    (_, settings), *_ = host_settings("ntp1")
    assert not settings.has_keys
    write_keys(folder / "our.keys", Keys((Key(1, "AES128", bytes(range(16))),)))
    (_, settings), *_ = host_settings("ntp1")
    assert settings.has_keys
