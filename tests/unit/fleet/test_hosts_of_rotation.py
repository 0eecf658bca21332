"""The hosts of a rotation: which key they ask with, and which of them wait for the new one."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from provision.chrony.chronyc.associations import Association
from provision.common.errors import SiteError
from provision.fleet.rotation import (
    Rotation,
    begin,
    check_hosts,
    choose_old,
    finish,
    not_yet_rotated,
    retire_old,
)
from provision.host.target import Target, parse_target
from provision.keys import Keys, parse_keys
from provision.keys.reader import KeyReader
from provision.keys.source import KeyFile
from provision.keys.state import Named
from provision.output.report import Report
from provision.site.inventory import Inventory
from provision.site.key_users import users
from tests.helpers.rotations import DEVICE, OLD, OLD_HALF, SITE, TODAY, inventory_of, key_file


@pytest.fixture
def source(tmp_path: Path) -> KeyFile:
    return key_file(tmp_path)


A, B = parse_target("a"), parse_target("b")
REFUSED = [
    pytest.param({}, {}, None, "no host asks with a key; a rotation is about", id="nobody asks"),
    pytest.param({1: [A], 2: [B]}, {}, None, "hosts use keys 1-2: say which with --id", id="two keys"),
    pytest.param({1: [A]}, {}, 7, "--id 7: no host of the site uses this key", id="a device's key"),
    pytest.param({1: [A]}, {A: {1}}, None, "a: the site names key 1 there", id="a host that names it"),
]


@pytest.mark.parametrize(("users", "named", "wanted", "words"), REFUSED)
def test_what_cannot_be_rotated_is_refused(
    users: dict[int, list[Target]], named: dict[Target, set[int]], wanted: int | None, words: str
) -> None:
    with pytest.raises(SiteError, match=words):
        choose_old(users, named, wanted)


def test_the_key_that_goes_is_chosen() -> None:
    assert choose_old({1: [A]}, {A: {7}}, None) == 1
    assert choose_old({1: [A], 2: [B]}, {}, 2) == 2


GOOD = Association(address="198.18.0.1", key=8, received=3, authenticated=True)
BOTH = parse_keys(f"{OLD}8 AES128 HEX:{OLD_HALF}\n", "chrony.keys")
OLD_KEY, NEW_KEY = BOTH
ROTATION = Rotation(
    new=8, old=1, begun=TODAY, stage="replacing", has_old=True, names=(Named.of(NEW_KEY), Named.of(OLD_KEY))
)


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
def test_hosts_that_do_not_exist_yet_are_named(sources: tuple[Association, ...], waiting: list[str]) -> None:
    web1 = parse_target("web1")
    other = Report(host=parse_target("elsewhere"), sources=(replace(GOOD, key=1),))
    reports = [Report(host=web1, sources=sources), other]
    assert [str(host) for host in not_yet_rotated(reports, {web1: BOTH}, ROTATION)] == waiting


def test_another_key_with_the_id_of_the_new_one_is_not_the_new_one() -> None:
    web1 = parse_target("web1")
    others = parse_keys(f"8 AES128 HEX:{OLD_HALF[::-1]}\n", "other.keys")
    assert not_yet_rotated([Report(host=web1, sources=(GOOD,))], {web1: others}, ROTATION) == [web1]


def test_another_key_with_the_id_of_the_old_one_is_not_waited_for() -> None:
    web1 = parse_target("web1")
    sources = (GOOD, replace(GOOD, address="192.0.2.1", key=1))
    reused = Keys((replace(NEW_KEY, id=1), NEW_KEY))
    assert not_yet_rotated([Report(host=web1, sources=sources)], {web1: reused}, ROTATION) == []


def test_the_old_key_stays_for_so_many_days() -> None:
    assert ROTATION.stays_until(0) == TODAY
    assert ROTATION.stays_until(7) == date(2026, 11, 30)


def targets(inventory: Inventory, *names: str) -> tuple[Target, ...]:
    return tuple(member.target for member in inventory.members if member.name in names)


def test_hosts_turn_to_the_new_key_and_to_no_devices_key(source: KeyFile) -> None:
    inventory = inventory_of(source)
    source.path.write_text(f"{OLD}{DEVICE}".replace("AES256", "AES128").replace(OLD_HALF * 2, OLD_HALF))
    reader = KeyReader()
    web1 = targets(inventory, "web1")
    assert users(inventory, source, reader) == {1: web1}
    begun = begin(reader, source, 1, 8, type_=None, today=TODAY)
    assert users(inventory, source, reader) == {begun.new: web1}
    retire_old(reader, source, begun)
    finish(reader, source, begun)
    assert users(inventory, source, reader) == {begun.new: web1}


def test_hosts_with_other_keys_cannot_come_to_the_end(source: KeyFile) -> None:
    other = source.path.with_name("other.keys")
    other.write_text(OLD)
    other.chmod(0o600)
    inventory = inventory_of(source, SITE.replace("[groups.clients]", '[groups.clients]\nkeys.file = "other.keys"'))
    with pytest.raises(
        SiteError, match=r"web1 asks with a key of .*chrony\.keys, and has its own keys from .*other\.keys: a rotation"
    ):
        check_hosts(inventory, source, targets(inventory, "web1"))


def test_hosts_in_a_circle_cannot_come_to_the_end(source: KeyFile) -> None:
    circle = SITE.replace("[groups.servers]", '[groups.servers]\ntime.follows = "servers"\ntime.local = {}')
    inventory = inventory_of(source, circle)
    with pytest.raises(SiteError, match="ntp1 and ntp2 follow each other, so neither can have a new key first"):
        check_hosts(inventory, source, targets(inventory, "ntp1", "ntp2", "web1"))
    straight = inventory_of(source)
    check_hosts(straight, source, targets(straight, "web1"))
