"""The text of a key file: notes above keys, keys added and removed, and every other line as it was."""

import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.common.errors import SiteError
from provision.keys import MAX_ID, Key, parse_keys
from provision.keys.ledger import Addition, chosen, notes, ranges, with_keys, without_keys
from provision.keys.note import Note

TODAY = date(2026, 11, 23)
NOTE = Note(TODAY, "weather stations")
KEYS = tuple(Key(n, "AES128", bytes(range(n, n + 16))) for n in (1, 2, 7))
TEXT = f"""# ours
{KEYS[0].line}

# added 2026-11-01
{KEYS[1].line}
; theirs
  # added 2025-02-28: door 3: left\r
{KEYS[2].line}\r
# the end"""


def test_the_age_of_a_key_is_in_words() -> None:
    ages = [Note(added).age(TODAY) for added in (TODAY, date(2026, 11, 22), date(2026, 11, 11))]
    assert ages == ["0 days", "1 day", "12 days"]


def test_notes_are_read_from_the_line_above_a_key() -> None:
    assert notes(TEXT) == {2: Note(date(2026, 11, 1)), 7: Note(date(2025, 2, 28), "door 3: left")}


NO_NOTES = [
    pytest.param(f"# added 2026-02-30\n{KEYS[0].line}", id="no such day"),
    pytest.param(f"# added 2026-02-03, for hosts\n{KEYS[0].line}", id="other words behind the date"),
    pytest.param(f"# added 2026-02-03 by me\n{KEYS[0].line}", id="other words"),
    pytest.param(f"# added 2026-02-03\n\n{KEYS[0].line}", id="a line between"),
    pytest.param(f"; added 2026-02-03\n{KEYS[0].line}", id="another comment"),
    pytest.param(f"# added 2026-02-03: {'x' * 201}\n{KEYS[0].line}", id="too long"),
    pytest.param(f"# added 2026-02-03: \x1b[31m\n{KEYS[0].line}", id="what would paint a terminal"),
]


@pytest.mark.parametrize("text", NO_NOTES)
def test_a_comment_that_only_looks_like_a_note_is_none(text: str) -> None:
    assert notes(text) == {}
    assert without_keys(text, {1}) == text.rpartition("\n")[0]


def test_keys_are_added_behind_the_existing_ones() -> None:
    text = with_keys(TEXT, [Key(9, "AES128", bytes(range(16)))], NOTE)
    hex_ = bytes(range(16)).hex().upper()
    assert text == f"{TEXT}\n# added 2026-11-23: weather stations\n9 AES128 HEX:{hex_}\n"


def test_a_key_is_removed_with_its_note_and_nothing_else() -> None:
    assert without_keys(TEXT, {7}) == TEXT.replace(f"  # added 2025-02-28: door 3: left\r\n{KEYS[2].line}\r\n", "")
    assert without_keys(TEXT, {1}) == TEXT.replace(f"{KEYS[0].line}\n", "")


def test_a_line_that_is_no_key_stays_when_keys_are_removed() -> None:
    wrong = "1 TIGER 0123456789"
    assert without_keys(f"{wrong}\n{KEYS[1].line}\n", {1, 2}) == f"{wrong}\n"
    assert notes(f"# added 2026-11-01\n{wrong}\n") == {}


COMMENTS = st.text(st.characters(exclude_characters="\n", codec="utf-8"), max_size=20).map(lambda text: f"# {text}")
LINES = st.lists(st.sampled_from([key.line for key in KEYS]) | COMMENTS | st.sampled_from(["", "  ", "\r"]), max_size=9)


@given(LINES, st.sampled_from(["", "\n"]), st.integers(1, 5), st.sampled_from(["", "doors"]))
def test_what_is_added_and_removed_again_leaves_every_other_line(
    lines: list[str], end: str, count: int, label: str
) -> None:
    text = "\n".join(dict.fromkeys(lines)) + end
    taken = [int(line.split()[0]) for line in dict.fromkeys(lines) if line[:1].isdigit()]
    addition = Addition(note=Note(TODAY, label), count=count)
    added = addition.keys(taken, "keys")
    more = with_keys(text, added, addition.note)
    ids = {key.id for key in added}
    assert not ids & set(taken)
    assert {key.id: key for key in parse_keys(more, "keys")} | {key.id: key for key in added} == {
        key.id: key for key in parse_keys(more, "keys")
    }
    assert notes(more).keys() >= ids
    assert without_keys(more, ids) == (text if text.endswith("\n") or not text else f"{text}\n")


ADDED = [
    pytest.param({}, [], [1], id="the first"),
    pytest.param({"count": 3}, [1, 3], [2, 4, 5], id="the lowest that are free"),
    pytest.param({"count": 2, "first": 70}, [1], [70, 71], id="from one on"),
    pytest.param({"first": MAX_ID}, [], [MAX_ID], id="the last that there is"),
]


@pytest.mark.parametrize(("wanted", "taken", "ids"), ADDED)
def test_new_keys_have_ids_that_are_free(wanted: dict[str, int], taken: list[int], ids: list[int]) -> None:
    keys = Addition(note=NOTE, **wanted).keys(taken, "keys")  # type: ignore[arg-type] # these are numbers
    assert [key.id for key in keys] == ids
    assert len({key.secret for key in keys}) == len(ids)
    assert {len(key.secret) for key in keys} == {16}


REFUSED = [
    pytest.param({"count": 0}, "--count: say how many keys, from 1 to 1000000", id="none"),
    pytest.param({"count": 1_000_001}, "--count: say how many keys", id="too many"),
    pytest.param({"type": "aes128"}, "a key type is written in capitals: AES128", id="small type"),
    pytest.param({"first": 0}, "a key id is a number from 1", id="id 0"),
    pytest.param({"first": MAX_ID, "count": 2}, "--id: 2 keys from 4294967295 on go beyond", id="beyond the last id"),
    pytest.param({"first": 1, "count": 9}, "keys: there is a key 2, 5-6 already; choose another --id", id="taken"),
]


@pytest.mark.parametrize(("wanted", "words"), REFUSED)
def test_keys_that_cannot_be_added_are_refused(wanted: dict[str, int], words: str) -> None:
    with pytest.raises(SiteError, match=f"^{re.escape(words)}"):
        Addition(note=NOTE, **wanted).keys([2, 5, 6], "keys")  # type: ignore[arg-type] # the table says what


@pytest.mark.parametrize("wanted", [{"type": "TIGER"}, {"first": 0}])
def test_impossible_keys_are_refused_before_the_key_file_is_read(wanted: dict[str, Any]) -> None:
    with pytest.raises(SiteError):
        Addition(note=NOTE, **wanted)


@pytest.mark.parametrize("label", ["a\nb", "\x1b[31m", "x" * 201])
def test_a_label_is_one_line(label: str) -> None:
    with pytest.raises(SiteError, match="--label: one line of at most 200 printable characters"):
        Note(TODAY, label)


CHOSEN = [
    pytest.param("7", (7,), id="one"),
    pytest.param("7,2", (2, 7), id="several"),
    pytest.param("1-4294967295", (1, 2, 7), id="a range that is larger than the file"),
    pytest.param("1,2-6", (1, 2), id="both"),
    pytest.param("all", (1, 2, 7), id="all"),
]


@pytest.mark.parametrize(("words", "ids"), CHOSEN)
def test_keys_are_chosen_by_their_ids(words: str, ids: tuple[int, ...]) -> None:
    assert chosen(words, (1, 2, 7), "keys") == ids


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("3", "keys: there is no key 3"),
        ("1, 3", "keys: there is no key 3"),
        ("3-6", "keys: there is no key 3-6"),
        ("x", "'x': no id"),
        ("1,", "'': no id"),
        ("7x", "'7x': no id"),
        ("1-7-9", "'1-7-9': no id"),
    ],
)
def test_keys_that_are_not_there_cannot_be_chosen(words: str, said: str) -> None:
    with pytest.raises(SiteError, match=f"^{re.escape(said)}"):
        chosen(words, (1, 2, 7), "keys")


def test_ids_are_told_in_ranges() -> None:
    assert ranges([1, 2, 3, 7, 9, 10]) == "1-3, 7, 9-10"


def test_a_label_may_have_200_characters() -> None:
    assert Note(TODAY, "x" * 200).line.endswith("x" * 200)
