"""What a key file says of a rotation, and what is refused before it begins."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from provision.chronyc import Association
from provision.errors import SiteError
from provision.key_source import KeyFile, read_keys
from provision.key_use import retire, users
from provision.keys import parse_keys
from provision.keys.ledger import notes
from provision.keys.note import Note
from provision.report import Report
from provision.roster import Roster, read_roster
from provision.rotation import (
    Rotating,
    Rotation,
    begin,
    check_hosts,
    choose_old,
    finish,
    retire_old,
    still_asking,
    under_way,
)
from provision.site import Site

TODAY = date(2026, 11, 23)
OLD = "1 AES256 HEX:00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"
OLD_HALF = "00112233445566778899AABBCCDDEEFF"
DEVICE = "# a device\n7 AES128 HEX:0123456789ABCDEF0123456789ABCDEF\n"


@pytest.fixture
def source(tmp_path: Path) -> KeyFile:
    path = tmp_path / "chrony.keys"
    path.write_text(f"# added 2025-01-01: machines\n{OLD}{DEVICE}")
    path.chmod(0o600)
    return KeyFile(path)


def text(source: KeyFile) -> str:
    return source.path.read_text()


def test_the_file_says_how_far_it_is(source: KeyFile) -> None:
    assert under_way(text(source), "k") is None
    begun = begin(source, 1, type_=None, today=TODAY)
    assert str(begun) == "key 8 takes the place of key 1"
    assert under_way(text(source), "k") == begun
    assert "\n# added 2026-11-23, for hosts instead of key 1: machines\n8 AES256 HEX:" in text(source)
    retire_old(source, begun)
    assert under_way(text(source), "k") == replace(begun, has_old=False)
    assert text(source).startswith(DEVICE)
    finish(source, begun)
    assert under_way(text(source), "k") is None
    assert notes(text(source))[8] == Note(TODAY, "machines", for_hosts=True)
    assert source.path.stat().st_mode & 0o777 == 0o600


def test_meanwhile_hosts_ask_with_the_new_key(source: KeyFile) -> None:
    begin(source, 1, type_="AES128", today=TODAY)
    keys = read_keys(source)
    assert keys is not None
    assert (keys.ids, keys.leaving, keys.for_hosts) == ((1, 7, 8), frozenset({1}), frozenset({8}))


def test_a_note_about_a_key_that_is_not_there_makes_nobody_leave() -> None:
    keys = parse_keys(f"# added 2026-11-23, for hosts instead of key 9\n{OLD}", "k")
    assert keys.leaving == frozenset()


def test_two_at_once_are_refused() -> None:
    note = "# added 2026-11-23, for hosts instead of key"
    with pytest.raises(SiteError, match=r"keys 1, 7: each takes another's place: finish one by hand first"):
        under_way(f"{note} 3\n{OLD}{note} 4\n{DEVICE.split(chr(10), 1)[1]}", "k")


REFUSED = [
    pytest.param({}, {}, None, "no host asks with a key; a rotation is about", id="nobody asks"),
    pytest.param({1: ["a"], 2: ["b"]}, {}, None, "hosts ask with keys 1-2: say which with --id", id="two keys"),
    pytest.param({1: ["a"]}, {}, 7, "--id 7: no host of the site asks with this key", id="a device's key"),
    pytest.param({1: ["a"]}, {"a": {1}}, None, "a: the site names key 1 there", id="a host that names it"),
]


@pytest.mark.parametrize(("users", "named", "wanted", "words"), REFUSED)
def test_what_cannot_be_rotated_is_refused(
    users: dict[int, list[str]], named: dict[str, set[int]], wanted: int | None, words: str
) -> None:
    with pytest.raises(SiteError, match=words):
        choose_old(users, named, wanted)


def test_the_key_that_goes_is_chosen() -> None:
    assert choose_old({1: ["a"]}, {"a": {7}}, None) == 1
    assert choose_old({1: ["a"], 2: ["b"]}, {}, 2) == 2


def test_a_key_that_is_not_in_the_file_is_not_replaced(source: KeyFile) -> None:
    before = text(source)
    with pytest.raises(SiteError, match="there is no key 2"):
        begin(source, 2, type_=None, today=TODAY)
    assert text(source) == before


GOOD = Association(address="198.18.0.1", key=8, received=3, authenticated=True)
ROTATION = Rotation(8, 1, Note(TODAY, for_hosts=True, instead_of=1), has_old=True)


@pytest.mark.parametrize(
    ("sources", "waiting"),
    [
        ((GOOD,), []),
        ((GOOD, replace(GOOD, key=None, authenticated=False)), []),
        ((GOOD, replace(GOOD, key=99, authenticated=False)), []),
        ((), ["web1"]),
        ((replace(GOOD, key=7),), ["web1"]),
        ((replace(GOOD, key=1),), ["web1"]),
        ((GOOD, replace(GOOD, key=1)), ["web1"]),
        ((GOOD, replace(GOOD, authenticated=False)), ["web1"]),
    ],
    ids=[
        "new key",
        "another source without a key",
        "another source with a key of its own",
        "nothing was seen",
        "a device's key",
        "old key",
        "old key at one of two",
        "not answered by one of two",
    ],
)
def test_who_is_not_there_yet_is_told(sources: tuple[Association, ...], waiting: list[str]) -> None:
    reports = [Report(host="web1", sources=sources), Report(host="elsewhere", sources=(replace(GOOD, key=1),))]
    assert still_asking(reports, ["web1"], ROTATION) == waiting


def test_the_old_key_stays_for_so_many_days() -> None:
    assert ROTATION.stays_until(0) == TODAY
    assert ROTATION.stays_until(7) == date(2026, 11, 30)


@pytest.mark.parametrize("overlap", ["-1", "soon", "3651", "1" * 5000])
def test_an_overlap_that_is_none_is_refused(overlap: str, source: KeyFile) -> None:
    with pytest.raises(SiteError, match="say how many days, from 0 to 3650"):
        Rotating(Roster(file="s", defaults=Site()), source, {}).run(id="", type_="", overlap=overlap, today=TODAY)


def test_a_site_without_hosts_has_nothing_to_rotate(source: KeyFile) -> None:
    with pytest.raises(SiteError, match="s has no hosts, and a rotation is about those of a site"):
        Rotating(Roster(file="s", defaults=Site()), source, {}).run(id="", type_="", overlap="0", today=TODAY)
    assert under_way(text(source), "k") is None


SITE = """
keys.file = "chrony.keys"
[groups.servers]
[groups.clients]
serve.role = "client"
time.follows = "servers"
[hosts]
ntp1 = { group = "servers" }
ntp2 = { group = "servers" }
web1 = { group = "clients" }
"""


def roster_of(source: KeyFile, text: str = SITE) -> Roster:
    site = source.path.with_name("site.toml")
    site.write_text(text)
    return read_roster(site)


def test_hosts_turn_to_the_new_key_and_to_no_devices_key(source: KeyFile) -> None:
    roster = roster_of(source)
    source.path.write_text(f"{OLD}{DEVICE}".replace("AES256", "AES128").replace(OLD_HALF * 2, OLD_HALF))
    assert users(roster, source) == {1: ("web1",)}
    begun = begin(source, 1, type_=None, today=TODAY)
    assert users(roster, source) == {begun.new: ("web1",)}
    retire_old(source, begun)
    finish(source, begun)
    assert users(roster, source) == {begun.new: ("web1",)}


def test_keys_of_a_rotation_are_not_retired(source: KeyFile) -> None:
    begun = begin(source, 1, type_=None, today=TODAY)
    for id_ in (begun.old, begun.new):
        with pytest.raises(SiteError, match=f"key {id_}: a rotation is under way; inv keys.rotate finishes it"):
            retire(source, [id_], {})
    retire(source, [7], {})


def test_of_two_at_once_the_second_finds_the_first(source: KeyFile) -> None:
    begin(source, 1, type_=None, today=TODAY)
    with pytest.raises(SiteError, match="key 8 takes the place of key 1, by now"):
        begin(source, 7, type_=None, today=TODAY)


def test_hosts_with_other_keys_cannot_come_to_the_end(source: KeyFile) -> None:
    other = source.path.with_name("other.keys")
    other.write_text(OLD)
    other.chmod(0o600)
    roster = roster_of(source, SITE.replace("[groups.clients]", '[groups.clients]\nkeys.file = "other.keys"'))
    with pytest.raises(
        SiteError, match=r"web1 asks with a key of .*chrony\.keys, and web1 has its keys from .*other\.keys"
    ):
        check_hosts(roster, source, ["web1"])


def test_hosts_in_a_circle_cannot_come_to_the_end(source: KeyFile) -> None:
    circle = SITE.replace("[groups.servers]", '[groups.servers]\ntime.follows = "servers"\ntime.local = {}')
    with pytest.raises(SiteError, match="ntp1 and ntp2 follow each other, so neither can have a new key first"):
        check_hosts(roster_of(source, circle), source, ["ntp1", "ntp2", "web1"])
    check_hosts(roster_of(source), source, ["web1"])
