"""What the state of a key file says of a rotation, and what is refused before it begins."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from provision.chrony.chronyc import Association
from provision.cli.options import RotateOptions
from provision.cli.rotate import Rotating
from provision.common.errors import NotRecorded, SiteError
from provision.common.files import private
from provision.fleet.rotation import (
    Rotation,
    begin,
    check_hosts,
    choose_old,
    finish,
    not_yet_rotated,
    retire_old,
    set_stage,
    under_way,
)
from provision.host.target import Target, parse_target
from provision.keys import MAX_ID, Keys, parse_keys, state
from provision.keys.reader import KeyReader
from provision.keys.source import KeyFile
from provision.keys.state import Named
from provision.output.report import Report
from provision.site import Site
from provision.site.inventory import Inventory, read_inventory
from provision.site.key_source import source_of
from provision.site.key_usage import retire, users
from tests.helpers.command_secrets import make_secrets

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


def recorded(source: KeyFile) -> Rotation | None:
    """Return the rotation that is under way, as the next run sees it."""
    return under_way(source.state(), parse_keys(text(source), source.name), source.name)


def start(source: KeyFile, old: int = 1, type_: str | None = None) -> Rotation:
    return begin(KeyReader(), source, old, 8, type_=type_, today=TODAY)


def test_the_state_says_how_far_it_is(source: KeyFile) -> None:
    assert recorded(source) is None
    begun = start(source)
    assert str(begun) == "key 8 replaces key 1"
    assert recorded(source) == begun
    assert "\n# added 2026-11-23: machines\n8 AES256 HEX:" in text(source)
    retire_old(KeyReader(), source, begun)
    assert recorded(source) == replace(begun, has_old=False, stage="removing")
    assert text(source).startswith(DEVICE)
    finish(KeyReader(), source, begun)
    assert recorded(source) is None
    for file in (source.path, source.backup, state.place(source.path)):
        assert file.stat().st_mode & 0o777 == 0o600


def test_the_file_before_the_removal_is_kept(source: KeyFile) -> None:
    begun = start(source)
    before = text(source)
    retire_old(KeyReader(), source, begun)
    assert source.backup.read_text() == before
    assert "\n1 AES256 " not in text(source)


def test_an_editor_that_drops_comments_and_sorts_lines_loses_nothing(source: KeyFile) -> None:
    begun = start(source)
    keys = sorted((line for line in text(source).splitlines() if not line.startswith("#")), reverse=True)
    source.path.write_text("\n".join(keys))
    assert recorded(source) == begun
    retire_old(KeyReader(), source, begun)
    finish(KeyReader(), source, begun)
    marked = KeyReader().keys(source)
    assert marked is not None
    assert marked.for_hosts == {8}


def test_meanwhile_hosts_ask_with_the_new_key(source: KeyFile) -> None:
    start(source, type_="AES128")
    keys = KeyReader().keys(source)
    assert keys is not None
    assert (keys.ids, keys.leaving, keys.for_hosts) == ((1, 7, 8), frozenset({1}), frozenset({8}))


def test_a_run_that_ended_before_the_key_was_written_begins_anew(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise SiteError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("provision.fleet.rotation.with_keys", full)
        with pytest.raises(SiteError, match="No space"):
            start(source)
    assert source.state().rotation is not None
    assert recorded(source) is None
    keys = KeyReader().keys(source)
    assert keys is not None
    assert keys.for_hosts == frozenset()
    assert start(source) == recorded(source)


def test_a_run_that_ended_after_the_key_was_written_goes_on(source: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("provision.fleet.rotation.set_stage", killed)
        with pytest.raises(KeyboardInterrupt):
            start(source)
    found = recorded(source)
    assert found is not None
    assert (found.new, found.stage, found.has_old) == (8, "adding", True)


def test_an_id_that_was_given_away_meanwhile_is_not_taken(source: KeyFile) -> None:
    before = text(source)
    with pytest.raises(SiteError, match="there is a key 7 by now: run the same command again"):
        begin(KeyReader(), source, 1, 7, type_=None, today=TODAY)
    assert text(source) == before
    assert recorded(source) is None


def test_a_rotation_that_was_ended_by_hand_is_not_recorded_again(source: KeyFile) -> None:
    begun = start(source)
    state.place(source.path).unlink()
    with pytest.raises(SiteError, match="the rotation was ended meanwhile"):
        retire_old(KeyReader(), source, begun)
    assert "1 AES256" in text(source)


DEVICES_KEY_1 = "# another device\n1 AES256 HEX:0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\n"


def reuse_old_id(source: KeyFile) -> None:
    """Add a key for a device with the id of the old key, as ``keys.add`` does once the old key is removed."""
    source.path.write_text(text(source) + DEVICES_KEY_1)


def test_the_key_of_a_device_with_the_id_of_the_old_key_stays(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    retire_old(KeyReader(), source, start(source))
    reuse_old_id(source)
    keys = KeyReader().keys(source)
    assert keys is not None
    assert keys.leaving == frozenset()
    monkeypatch.setattr(Rotating, "_deploy", lambda *_: 0)
    assert Rotating(roster_of(source), source, RotateOptions(yes=True), make_secrets()).run(today=TODAY) == 0
    assert DEVICES_KEY_1 in text(source)
    assert "will not answer the former key 1 any more" in capsys.readouterr().out
    assert recorded(source) is None


def test_the_key_of_a_device_with_the_id_of_the_old_key_may_be_retired(source: KeyFile) -> None:
    retire_old(KeyReader(), source, start(source))
    reuse_old_id(source)
    retire(KeyReader(), source, [1], {})
    assert "\n1 AES256" not in text(source)
    assert recorded(source) is not None


def next_rotation(source: KeyFile, begun: Rotation) -> Rotation:
    """Finish a rotation and begin the next one, as another run does."""
    retire_old(KeyReader(), source, begun)
    finish(KeyReader(), source, begun)
    return begin(KeyReader(), source, begun.new, 9, type_=None, today=TODAY)


def record_removal(reader: KeyReader, source: KeyFile, rotation: Rotation) -> None:
    set_stage(reader, source, rotation, "removing")


@pytest.mark.parametrize("act", [record_removal, retire_old, finish])
def test_the_next_rotation_of_another_run_is_not_touched(
    act: Callable[[KeyReader, KeyFile, Rotation], None], source: KeyFile
) -> None:
    begun = start(source)
    second = next_rotation(source, begun)
    before = text(source)
    with pytest.raises(SiteError, match="the rotation was ended meanwhile, by another run or by hand"):
        act(KeyReader(), source, begun)
    assert recorded(source) == second
    assert text(source) == before


def test_two_runs_may_end_the_same_rotation(source: KeyFile) -> None:
    begun = start(source)
    retire_old(KeyReader(), source, begun)
    finish(KeyReader(), source, begun)
    ended = source.state()
    finish(KeyReader(), source, begun)
    assert source.state() == ended


def test_a_run_that_was_overtaken_does_not_end_the_next_rotation(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(_: Rotating, rotation: Rotation) -> int:
        next_rotation(source, rotation)
        return 0

    monkeypatch.setattr(Rotating, "_deploy", overtaken)
    with pytest.raises(NotRecorded, match=r"the rotation was ended meanwhile, by another run or by hand; inv keys"):
        Rotating(roster_of(source), source, RotateOptions(yes=True), make_secrets()).run(today=TODAY)
    after = recorded(source)
    assert after is not None
    assert (after.new, after.old, after.has_old) == (9, 8, True)


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


def test_a_key_that_is_not_in_the_file_is_not_replaced(source: KeyFile) -> None:
    before = text(source)
    with pytest.raises(SiteError, match="there is no key 2"):
        start(source, old=2)
    assert text(source) == before


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
def test_who_is_not_there_yet_is_told(sources: tuple[Association, ...], waiting: list[str]) -> None:
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


@pytest.mark.parametrize("has_old", [True, False])
def test_a_key_file_that_cannot_be_changed_after_the_deployment_is_a_failure(
    has_old: bool,  # noqa: FBT001 -- a parameter of a case
    source: KeyFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rotation = start(source)
    if not has_old:
        retire_old(KeyReader(), source, rotation)

    def deploy_and_lose_keys(*_: object) -> int:
        shutil.rmtree(source.path.parent)
        source.path.parent.write_text("a file")
        return 0

    monkeypatch.setattr(Rotating, "_deploy", deploy_and_lose_keys)
    inventory = roster_of(source)
    with pytest.raises(
        NotRecorded, match=r"^key 8 replaces key 1: deployed to the hosts, and .*; run the same"
    ) as caught:
        Rotating(inventory, source, RotateOptions(yes=True), make_secrets()).run(today=TODAY)
    assert caught.value.exit_status == 1


def test_another_run_that_begins_between_two_reads_is_not_taken_for_a_damaged_file(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = roster_of(source)
    read = private.read

    def read_and_be_overtaken(path: Path) -> bytes | None:
        data = read(path)
        if path == source.path:
            monkeypatch.setattr(private, "read", read)
            start(source)
        return data

    monkeypatch.setattr(private, "read", read_and_be_overtaken)
    secrets = make_secrets()
    # It is planned with the keys of before, and refused when it would begin.
    assert Rotating(inventory, source, RotateOptions(preview=True), secrets).run(today=TODAY) == 0
    begun = recorded(source)
    assert begun is not None
    with pytest.raises(SiteError, match="a rotation is in progress by now: key 8 replaces key 1; run the same command"):
        Rotating(inventory, source, RotateOptions(yes=True), secrets).run(today=TODAY)
    assert recorded(source) == begun


def test_a_site_without_hosts_has_nothing_to_rotate(source: KeyFile) -> None:
    with pytest.raises(SiteError, match="s has no hosts, and a rotation is about those of a site"):
        Rotating(Inventory(file="s", defaults=Site()), source, RotateOptions(), make_secrets()).run(today=TODAY)
    assert recorded(source) is None


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


def roster_of(source: KeyFile, text: str = SITE) -> Inventory:
    site = source.path.with_name("site.toml")
    site.write_text(text)
    return read_inventory(site)


NAMING = SITE.replace("[groups.clients]", "[groups.clients]\nkeys.use = 1")


def test_a_rotation_does_not_continue_when_the_site_names_the_old_key_by_now(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rotating, "_deploy", lambda *_: 0)
    begun = start(source)
    rotating = Rotating(roster_of(source, NAMING), source, RotateOptions(yes=True), make_secrets())
    with pytest.raises(SiteError, match="web1: the site names key 1 there"):
        rotating.run(today=TODAY)
    assert recorded(source) == begun


def test_a_rotation_continues_when_the_site_names_another_key_with_the_id_of_the_old_one(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rotating, "_deploy", lambda *_: 0)
    retire_old(KeyReader(), source, start(source))
    reuse_old_id(source)
    assert Rotating(roster_of(source, NAMING), source, RotateOptions(yes=True), make_secrets()).run(today=TODAY) == 0
    assert recorded(source) is None


@pytest.mark.parametrize("options", [RotateOptions(preview=True), RotateOptions(yes=True)], ids=["preview", "run"])
def test_keys_of_a_command_are_not_rotated_and_no_plan_is_shown(
    options: RotateOptions, source: KeyFile, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = roster_of(source, SITE.replace('keys.file = "chrony.keys"', 'keys.command = "cat chrony.keys"'))
    command = source_of(inventory.defaults)
    with pytest.raises(SiteError, match=r"^the keys come from keys\.command 'cat chrony\.keys': change them there"):
        Rotating(inventory, command, options, make_secrets()).run(today=TODAY)
    assert capsys.readouterr().out == ""


def test_the_preview_names_the_files_beside_the_one_behind_a_link(
    source: KeyFile, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = source.path.with_name("links")
    folder.mkdir()
    link = KeyFile(folder / "link.keys")
    link.path.symlink_to(source.path)
    inventory = roster_of(source, SITE.replace("chrony.keys", "links/link.keys"))
    Rotating(inventory, source_of(inventory.defaults), RotateOptions(preview=True), make_secrets()).run(today=TODAY)
    said = capsys.readouterr().out
    assert said.startswith(f"{link.path}: key 8 (AES256) replaces")
    assert f" in {state.place(source.path)}\n" in said
    assert f" in {source.backup}\n" in said


def test_above_the_highest_id_there_is_no_new_key(source: KeyFile) -> None:
    source.path.write_text(text(source).replace("\n7 ", f"\n{MAX_ID} "))
    with pytest.raises(SiteError, match=f"key {MAX_ID} has the highest id"):
        Rotating(roster_of(source), source, RotateOptions(preview=True), make_secrets()).run(today=TODAY)


def targets(inventory: Inventory, *names: str) -> tuple[Target, ...]:
    return tuple(member.target for member in inventory.members if member.name in names)


def test_hosts_turn_to_the_new_key_and_to_no_devices_key(source: KeyFile) -> None:
    inventory = roster_of(source)
    source.path.write_text(f"{OLD}{DEVICE}".replace("AES256", "AES128").replace(OLD_HALF * 2, OLD_HALF))
    reader = KeyReader()
    web1 = targets(inventory, "web1")
    assert users(inventory, source, reader) == {1: web1}
    begun = begin(reader, source, 1, 8, type_=None, today=TODAY)
    assert users(inventory, source, reader) == {begun.new: web1}
    retire_old(reader, source, begun)
    finish(reader, source, begun)
    assert users(inventory, source, reader) == {begun.new: web1}


def test_keys_of_a_rotation_are_not_retired(source: KeyFile) -> None:
    begun = start(source)
    for id_ in (begun.old, begun.new):
        with pytest.raises(SiteError, match=f"key {id_}: a rotation is under way; inv keys.rotate finishes it"):
            retire(KeyReader(), source, [id_], {})
    retire(KeyReader(), source, [7], {})


def test_of_two_at_once_the_second_finds_the_first(source: KeyFile) -> None:
    start(source)
    with pytest.raises(SiteError, match="a rotation is in progress by now: key 8 replaces key 1;"):
        start(source, old=7)


def test_hosts_with_other_keys_cannot_come_to_the_end(source: KeyFile) -> None:
    other = source.path.with_name("other.keys")
    other.write_text(OLD)
    other.chmod(0o600)
    inventory = roster_of(source, SITE.replace("[groups.clients]", '[groups.clients]\nkeys.file = "other.keys"'))
    with pytest.raises(
        SiteError, match=r"web1 asks with a key of .*chrony\.keys, and has its own keys from .*other\.keys: a rotation"
    ):
        check_hosts(inventory, source, targets(inventory, "web1"))


def test_hosts_in_a_circle_cannot_come_to_the_end(source: KeyFile) -> None:
    circle = SITE.replace("[groups.servers]", '[groups.servers]\ntime.follows = "servers"\ntime.local = {}')
    inventory = roster_of(source, circle)
    with pytest.raises(SiteError, match="ntp1 and ntp2 follow each other, so neither can have a new key first"):
        check_hosts(inventory, source, targets(inventory, "ntp1", "ntp2", "web1"))
    straight = roster_of(source)
    check_hosts(straight, source, targets(straight, "web1"))
