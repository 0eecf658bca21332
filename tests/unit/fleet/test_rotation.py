"""The steps of a rotation in a key file: begun, interrupted, resumed, finished, also by two runs at once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.fleet.rotation import (
    Rotation,
    begin,
    finish,
    retire_old,
    set_stage,
)
from provision.keys import state
from provision.keys.reader import KeyReader
from provision.keys.source import KeyFile
from provision.site.key_users import retire
from tests.helpers.rotations import DEVICE, TODAY, key_file, next_rotation, recorded, reuse_old_id, start, text


@pytest.fixture
def source(tmp_path: Path) -> KeyFile:
    return key_file(tmp_path)


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


def test_during_the_overlap_hosts_ask_with_the_new_key(source: KeyFile) -> None:
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


def test_an_id_that_was_used_in_the_meantime_is_not_taken(source: KeyFile) -> None:
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


def test_the_key_of_a_device_with_the_id_of_the_old_key_may_be_retired(source: KeyFile) -> None:
    retire_old(KeyReader(), source, start(source))
    reuse_old_id(source)
    retire(KeyReader(), source, [1], {})
    assert "\n1 AES256" not in text(source)
    assert recorded(source) is not None


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


def test_a_key_that_is_not_in_the_file_is_not_replaced(source: KeyFile) -> None:
    before = text(source)
    with pytest.raises(SiteError, match="there is no key 2"):
        start(source, old=2)
    assert text(source) == before


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
