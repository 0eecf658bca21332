"""The state beside a key file: it survives edits, is private and versioned, and one that does not fit is refused."""

import re
from dataclasses import replace as replaced
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from provision.common.errors import SiteError
from provision.keys import Key, Keys
from provision.keys.reader import KeyReader
from provision.keys.source import KeyFile
from provision.keys.state import EMPTY, Named, Replacement, State, change, fitted, marked, place, read

OLD, DEVICE, NEW = (Key(number, "AES128", bytes(range(number, number + 16))) for number in (1, 2, 9))
ROTATION = Replacement(new=Named.of(NEW), old=Named.of(OLD), begun=date(2026, 11, 27), stage="replacing")
STATE = State(rotation=ROTATION)
BOTH = Keys((OLD, DEVICE, NEW))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "chrony.keys"
    path.write_text(BOTH.text)
    path.chmod(0o600)
    return path


def test_a_state_is_read_back_and_has_no_secret(file: Path) -> None:
    assert read(file) == EMPTY
    change(file, lambda _: STATE)
    assert read(file) == STATE
    written = place(file)
    assert written == file.with_name("chrony.keys.state")
    assert written.stat().st_mode & 0o777 == 0o600
    assert all(secret not in written.read_text() for secret in BOTH.secrets)


def test_a_link_has_the_state_of_its_file(file: Path) -> None:
    link = file.with_name("link.keys")
    link.symlink_to(file)
    change(link, lambda _: STATE)
    assert read(file) == STATE


def test_a_link_that_leads_to_itself_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "chrony.keys"
    path.symlink_to(path.name)
    with pytest.raises(SiteError, match="Too many levels of symbolic links"):
        KeyReader().keys(KeyFile(path))
    assert KeyFile(path).backup == tmp_path / "chrony.keys.bak"
    assert place(path) == tmp_path / "chrony.keys.state"


REFUSED = [
    pytest.param("", "not the state of a key file", id="empty"),
    pytest.param("7 AES128 HEX:00", "not the state of a key file", id="a key file"),
    pytest.param(
        '{"version": 2, "more": 1}',
        "is of version 2; this release reads version 1: use a newer release",
        id="a newer version",
    ),
    pytest.param('{"version": 1, "rotation": {"new": 9}}', "not the state of a key file", id="a part"),
    pytest.param(
        '{"version": 1, "host": {"id": 9, "fingerprint": "x"}}', "unknown field `host`", id="a slip of the pen"
    ),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_a_broken_state_is_refused_with_the_remedy(text: str, words: str, file: Path) -> None:
    place(file).write_text(text)
    place(file).chmod(0o600)
    with pytest.raises(SiteError, match=re.escape(words)) as caught:
        read(file)
    assert str(caught.value).startswith(f"{place(file)}: ")


def test_a_state_that_others_can_write_is_refused(file: Path) -> None:
    change(file, lambda _: STATE)
    place(file).chmod(0o666)
    with pytest.raises(SiteError, match="chmod 600"):
        read(file)


def test_keys_are_marked_as_the_state_says() -> None:
    during = marked(BOTH, STATE, "k")
    assert (during.for_hosts, during.leaving) == (frozenset({9}), frozenset({1}))
    removed = marked(Keys((DEVICE, NEW)), STATE, "k")
    assert (removed.for_hosts, removed.leaving) == (frozenset({9}), frozenset())
    after = marked(BOTH, State(hosts=Named.of(NEW)), "k")
    assert (after.for_hosts, after.leaving) == (frozenset({9}), frozenset())
    assert marked(BOTH, EMPTY, "k") is BOTH


OTHER = Key(9, "AES128", bytes(16))
GONE = (
    "says that key 9 is to replace key 1, but key 9 is not in the file, or has another secret: put it back; or remove"
)
NOT_THERE = (
    "says that hosts ask each other with key 9, but it is not in the file, or has another secret: put it back; or"
)
MISFITS = [
    pytest.param(STATE, Keys((OLD, DEVICE)), GONE, id="the new key is gone"),
    pytest.param(STATE, Keys((OLD, OTHER)), GONE, id="another"),
    pytest.param(State(hosts=Named.of(NEW)), Keys((OLD,)), NOT_THERE, id="hosts"),
    pytest.param(State(hosts=Named.of(NEW)), Keys((OTHER,)), NOT_THERE, id="a device's key"),
]


@pytest.mark.parametrize(("state", "keys", "words"), MISFITS)
def test_a_state_that_does_not_fit_is_refused(state: State, keys: Keys, words: str, file: Path) -> None:
    with pytest.raises(SiteError, match=re.escape(words)) as caught:
        fitted(state, keys, str(file))
    assert str(caught.value).startswith(f"{file}: {place(file)} says that ")
    assert "remove chrony.keys.state, and hosts use the first AES key" in str(caught.value)


def test_a_rotation_whose_key_never_got_into_the_file_is_none() -> None:
    adding = State(hosts=Named.of(OLD), rotation=replace(ROTATION, stage="adding"))
    assert fitted(adding, Keys((OLD, DEVICE)), "k") == State(hosts=Named.of(OLD))
    assert fitted(adding, BOTH, "k") == adding
    given_away = replaced(BOTH, keys=(OLD, OTHER))
    assert fitted(adding, given_away, "k").rotation is None
