"""The keys of a command: each source is read once, all hosts get the same keys, and no key gets out."""

import copy
import pickle
import threading
from datetime import date
from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.keys import Key, Keys
from provision.keys.reader import KeyReader
from provision.keys.source import KeyCommand, KeyFile, KeySource
from provision.keys.state import Named, Replacement, State, place
from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.samples import KEYS, SECRET

TODAY = date(2026, 11, 23)
TWO = Keys((*KEYS, Key(2, "SHA1", b"correct-horse")))


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "chrony.keys")


@pytest.fixture
def command(tmp_path: Path) -> KeyCommand:
    """A command that notes each of its runs."""
    script = tmp_path / "print-keys"
    script.write_text(f"#!/bin/sh\necho run >>runs\nsleep 0.1\necho '{TWO.text}'\n")
    script.chmod(0o700)
    return KeyCommand("./print-keys", ("./print-keys",), tmp_path)


def runs(command: KeyCommand) -> int:
    return (command.folder / "runs").read_text().count("run")


def test_a_command_runs_once_for_all_hosts(command: KeyCommand) -> None:
    reader = KeyReader()
    found: list[Keys | None] = []
    equal = KeyCommand(command.line, command.words, command.folder)
    hosts = [
        threading.Thread(target=lambda source=source: found.append(reader.keys(source)))
        for source in [command, equal] * 4
    ]
    for host in hosts:
        host.start()
    for host in hosts:
        host.join()
    assert found == [TWO] * 8
    assert len({id(keys) for keys in found}) == 1
    assert runs(command) == 1


def test_another_command_line_runs_it_again(command: KeyCommand) -> None:
    assert [KeyReader().keys(command), KeyReader().keys(command)] == [TWO, TWO]
    assert runs(command) == 2


def test_all_hosts_get_the_same_keys_also_if_the_file_is_edited(file: KeyFile) -> None:
    reader = KeyReader()
    file.create(KEYS)
    assert reader.keys(file) == KEYS
    file.path.write_text(TWO.text)
    assert reader.keys(file) == KEYS
    assert KeyReader().keys(file) == TWO


def test_a_rotation_that_begins_between_the_text_and_the_marks_of_its_keys_is_no_fault(file: KeyFile) -> None:
    reader = KeyReader()
    file.create(TWO)
    assert reader.read(file) == (TWO.text, TWO)
    rotation = Replacement(new=Named(3, "of another run"), old=Named.of(TWO.keys[0]), begun=TODAY, stage="replacing")
    file.change_state(lambda _: State(rotation=rotation))
    assert reader.keys(file) == TWO
    with pytest.raises(SiteError, match="key 3 is to replace key 1"):
        KeyReader().keys(file)


def test_a_state_that_cannot_be_read_does_not_hide_the_text(file: KeyFile) -> None:
    reader = KeyReader()
    file.create(TWO)
    place(file.path).write_text("no state")
    assert reader.read(file) == (TWO.text, TWO)
    with pytest.raises(SiteError):
        reader.keys(file)


def test_a_file_that_is_created_in_the_meantime_is_found(file: KeyFile) -> None:
    reader = KeyReader()
    assert (reader.read(file), reader.keys(file), reader.selected(file, frozenset({1}))) == (None, None, None)
    file.create(KEYS)
    assert reader.read(file) == (KEYS.text, KEYS)


def test_of_two_sources_each_has_its_own_keys(file: KeyFile, command: KeyCommand) -> None:
    reader = KeyReader()
    file.create(KEYS)
    one = frozenset({1})
    assert (reader.keys(file), reader.keys(command)) == (KEYS, TWO)
    assert (reader.selected(file, one), reader.selected(command, frozenset({2}))) == (KEYS, Keys(TWO.keys[1:]))


def test_equal_selections_are_one_object(file: KeyFile) -> None:
    reader = KeyReader()
    file.create(TWO)
    one = reader.selected(file, frozenset({1}))
    assert one == KEYS
    assert reader.selected(file, frozenset([1])) is one


def test_what_this_command_changes_is_read_again_and_nothing_else(file: KeyFile, command: KeyCommand) -> None:
    reader = KeyReader()
    file.create(KEYS)
    one = frozenset({1, 2})
    assert [reader.selected(source, one) for source in (file, command)] == [KEYS, TWO]
    reader.change(file, lambda text: f"{text}{TWO.keys[1].line}\n")
    assert [reader.selected(source, one) for source in (file, command)] == [TWO, TWO]
    assert runs(command) == 1


def test_the_state_marks_the_keys_and_is_read_again_after_a_change(file: KeyFile) -> None:
    reader = KeyReader()
    file.create(TWO)
    assert reader.state(file) == State()
    first = reader.keys(file)
    assert first is not None
    assert first.for_hosts == frozenset()
    after = State(hosts=Named.of(TWO.keys[1]))
    reader.change_state(file, lambda _: after)
    assert reader.state(file) == after
    second = reader.keys(file)
    assert second is not None
    assert second.for_hosts == {2}


def test_all_hosts_get_the_same_marks_also_if_the_state_is_changed(file: KeyFile) -> None:
    reader = KeyReader()
    file.create(TWO)
    before = reader.keys(file)
    file.change_state(lambda _: State(hosts=Named.of(TWO.keys[1])))
    assert reader.keys(file) is before
    assert reader.state(file) == State()


def test_keys_whose_state_does_not_fit_are_read_but_not_used(file: KeyFile) -> None:
    reader = KeyReader()
    file.create(KEYS)
    file.change_state(lambda _: State(hosts=Named.of(TWO.keys[1])))
    assert reader.read(file) == (KEYS.text, KEYS)
    words = r"says that hosts ask each other with key 2, but it is not in the file"
    with pytest.raises(SiteError, match=words):
        reader.keys(file)
    with pytest.raises(SiteError, match=words):
        reader.selected(file, frozenset({1}))


def test_a_change_keeps_the_text_before_it_if_it_is_to(file: KeyFile) -> None:
    reader = KeyReader()
    file.create(KEYS)
    reader.change(file, lambda _: TWO.text)
    assert not file.backup.exists()
    reader.change(file, lambda _: KEYS.text, backup=True)
    assert file.backup.read_text() == TWO.text


def test_a_change_that_is_refused_changes_nothing(command: KeyCommand) -> None:
    reader = KeyReader()
    assert reader.keys(command) == TWO
    with pytest.raises(SiteError, match="change them there"):
        reader.change(command, str)
    assert reader.keys(command) == TWO
    assert runs(command) == 1


def test_a_bad_file_is_named(file: KeyFile) -> None:
    file.create(KEYS)
    file.path.write_text("x\n")
    with pytest.raises(SiteError, match=r"chrony\.keys: line 1: "):
        KeyReader().keys(file)


def test_keys_are_in_no_repr_and_are_not_pickled(file: KeyFile) -> None:
    reader = KeyReader()
    file.create(KEYS)
    sources: list[KeySource] = [file]
    assert [reader.keys(source) for source in sources] == [KEYS]
    assert_nowhere(SECRET, repr(reader))
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"^the keys of a command are not pickled"):
            attempt(reader)
