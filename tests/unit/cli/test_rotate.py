"""The task that rotates a key: from the plan that it shows to the state that it leaves."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from provision.cli import rotate
from provision.cli.key_options import RotateOptions
from provision.cli.key_usage import CountedTooShort
from provision.cli.rotate import Rotating
from provision.common.errors import NotRecorded, SiteError
from provision.common.files import private
from provision.fleet.rotation import (
    Rotation,
    retire_old,
)
from provision.keys import MAX_ID, state
from provision.keys.reader import KeyReader
from provision.keys.source import KeyFile
from provision.site.counted_use import Unused
from provision.site.inventory import Inventory
from provision.site.key_source import source_of
from provision.site.schema import Site
from tests.helpers.command_secrets import make_secrets
from tests.helpers.rotations import (
    DEVICES_KEY_1,
    OLD,
    SITE,
    TODAY,
    inventory_of,
    key_file,
    next_rotation,
    recorded,
    reuse_old_id,
    start,
    text,
)


@pytest.fixture
def source(tmp_path: Path) -> KeyFile:
    return key_file(tmp_path)


def test_the_key_of_a_device_with_the_id_of_the_old_key_stays(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    retire_old(KeyReader(), source, start(source))
    reuse_old_id(source)
    keys = KeyReader().keys(source)
    assert keys is not None
    assert keys.leaving == frozenset()
    monkeypatch.setattr(Rotating, "_deploy", lambda *_: 0)
    assert Rotating(inventory_of(source), source, RotateOptions(yes=True), make_secrets()).run(today=TODAY) == 0
    assert DEVICES_KEY_1 in text(source)
    assert "will not answer the former key 1 any more" in capsys.readouterr().out
    assert recorded(source) is None


def test_a_run_that_was_overtaken_does_not_end_the_next_rotation(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(_: Rotating, rotation: Rotation) -> int:
        next_rotation(source, rotation)
        return 0

    monkeypatch.setattr(Rotating, "_deploy", overtaken)
    with pytest.raises(NotRecorded, match=r"the rotation was ended meanwhile, by another run or by hand; inv keys"):
        Rotating(inventory_of(source), source, RotateOptions(yes=True), make_secrets()).run(today=TODAY)
    after = recorded(source)
    assert after is not None
    assert (after.new, after.old, after.has_old) == (9, 8, True)


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
    inventory = inventory_of(source)
    with pytest.raises(
        NotRecorded, match=r"^key 8 replaces key 1: deployed to the hosts, and .*; run the same"
    ) as caught:
        Rotating(inventory, source, RotateOptions(yes=True), make_secrets()).run(today=TODAY)
    assert caught.value.exit_status == 1


def test_another_run_that_begins_between_two_reads_is_not_taken_for_a_damaged_file(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = inventory_of(source)
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


NAMING = SITE.replace("[groups.clients]", "[groups.clients]\nkeys.use = 1")


def test_a_rotation_does_not_continue_when_the_site_names_the_old_key_by_now(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rotating, "_deploy", lambda *_: 0)
    begun = start(source)
    rotating = Rotating(inventory_of(source, NAMING), source, RotateOptions(yes=True), make_secrets())
    with pytest.raises(SiteError, match="web1: the site names key 1 there"):
        rotating.run(today=TODAY)
    assert recorded(source) == begun


def test_a_rotation_continues_when_the_site_names_another_key_with_the_id_of_the_old_one(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rotating, "_deploy", lambda *_: 0)
    retire_old(KeyReader(), source, start(source))
    reuse_old_id(source)
    assert Rotating(inventory_of(source, NAMING), source, RotateOptions(yes=True), make_secrets()).run(today=TODAY) == 0
    assert recorded(source) is None


@pytest.mark.parametrize(
    ("options", "option"), [(RotateOptions(id=2), "--id 2"), (RotateOptions(type="SHA1"), "--type SHA1")]
)
def test_options_of_another_rotation_are_refused(options: RotateOptions, option: str, source: KeyFile) -> None:
    begun = start(source)
    with pytest.raises(SiteError, match=f"^{option}: key 8 replaces key 1, and that is under way; finish it first"):
        Rotating(inventory_of(source), source, options, make_secrets()).run(today=TODAY)
    assert recorded(source) == begun


@pytest.mark.parametrize("options", [RotateOptions(preview=True), RotateOptions(yes=True)], ids=["preview", "run"])
def test_keys_of_a_command_are_not_rotated_and_no_plan_is_shown(
    options: RotateOptions, source: KeyFile, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = inventory_of(source, SITE.replace('keys.file = "chrony.keys"', 'keys.command = "cat chrony.keys"'))
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
    inventory = inventory_of(source, SITE.replace("chrony.keys", "links/link.keys"))
    Rotating(inventory, source_of(inventory.defaults), RotateOptions(preview=True), make_secrets()).run(today=TODAY)
    said = capsys.readouterr().out
    assert said.startswith(f"{link.path}: key 8 (AES256) replaces")
    assert f" in {state.place(source.path)}\n" in said
    assert f" in {source.backup}\n" in said


def test_above_the_highest_id_there_is_no_new_key(source: KeyFile) -> None:
    source.path.write_text(text(source).replace("\n7 ", f"\n{MAX_ID} "))
    with pytest.raises(SiteError, match=f"key {MAX_ID} has the highest id"):
        Rotating(inventory_of(source), source, RotateOptions(preview=True), make_secrets()).run(today=TODAY)


COUNTING = f"keys.usage = true\n{SITE}"
IF_UNUSED = RotateOptions(yes=True, unused_for=timedelta(days=30))


def run_while_servers_count(source: KeyFile, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(rotate, "check_counting", lambda *_: None)
    return Rotating(inventory_of(source, COUNTING), source, IF_UNUSED, make_secrets()).run(today=TODAY)


@pytest.mark.parametrize(
    ("found", "stays"),
    [(Unused(ids=(1,), stay=()), False), (Unused(ids=(), stay=("key 1 'door': answered by ntp1 2026-11-22",)), True)],
    ids=["nobody has used it", "a device has used it"],
)
def test_the_old_key_stays_while_somebody_uses_it(
    found: Unused,
    stays: bool,  # noqa: FBT001 -- a parameter of a case
    source: KeyFile,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Rotating, "_deploy", lambda *_: 0)
    monkeypatch.setattr(rotate, "unused_keys", lambda *_: found)
    assert run_while_servers_count(source, monkeypatch) == 0
    assert (OLD in text(source)) == stays
    assert (recorded(source) is not None) == stays
    assert ("key 1 stays: key 1 'door': answered by ntp1 2026-11-22; run the same" in capsys.readouterr().out) == stays


def test_the_old_key_stays_if_it_is_not_known_who_uses_it(source: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> Unused:
        raise SiteError("ntp2: not known")

    monkeypatch.setattr(Rotating, "_deploy", lambda *_: 0)
    monkeypatch.setattr(rotate, "unused_keys", unknown)
    with pytest.raises(NotRecorded, match=r"^key 8 replaces key 1: deployed to .*, and ntp2: not known; run the"):
        run_while_servers_count(source, monkeypatch)
    assert OLD in text(source)


def test_the_old_key_stays_if_the_servers_have_counted_for_less_time(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_short(*_: object) -> Unused:
        raise CountedTooShort("ntp1: only counted since 2026-11-22")

    monkeypatch.setattr(Rotating, "_deploy", lambda *_: 0)
    monkeypatch.setattr(rotate, "unused_keys", too_short)
    assert run_while_servers_count(source, monkeypatch) == 0
    assert OLD in text(source)
    assert "key 1 stays: ntp1: only counted since 2026-11-22; run the same command again" in capsys.readouterr().out


def no_deployment(*_: object) -> int:
    raise AssertionError("a host was deployed")


def test_a_site_that_does_not_count_is_refused_before_a_question_is_asked(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rotating, "_deploy", no_deployment)
    rotating = Rotating(inventory_of(source), source, IF_UNUSED, make_secrets())
    with pytest.raises(SiteError, match=r"^--unused-for: the site does not let ntp1, ntp2 count the use of keys: set "):
        rotating.run(today=TODAY)
    assert recorded(source) is None


def test_servers_that_do_not_count_are_named_before_a_host_is_changed(
    source: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def uncounted(*_: object) -> None:
        raise SiteError("ntp2: not known")

    monkeypatch.setattr(Rotating, "_deploy", no_deployment)
    monkeypatch.setattr(rotate, "check_counting", uncounted)
    before = text(source)
    with pytest.raises(SiteError, match=r"^ntp2: not known"):
        Rotating(inventory_of(source, COUNTING), source, IF_UNUSED, make_secrets()).run(today=TODAY)
    assert (text(source), recorded(source)) == (before, None)
