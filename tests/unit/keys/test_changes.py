"""The difference of two sets of keys, in words: ids and types, and no secret."""

import pytest

from provision.common.text import MINUS
from provision.keys import Key, Keys
from provision.keys.changes import key_changes, key_difference

SECRET = bytes(range(16))
ONE, TWO, THREE, FOUR = (Key(id_, "AES128", SECRET) for id_ in (1, 2, 3, 4))
OTHER = Key(2, "AES128", bytes(reversed(range(16))))
OLD = Key(9, "SHA1", bytes(range(20)))

CHANGES = [
    pytest.param((ONE,), (ONE, TWO, THREE, FOUR), "keys 2-4 added (AES128)", id="added"),
    pytest.param((ONE, OLD), (ONE,), "key 9 removed (SHA1)", id="removed"),
    pytest.param((ONE, TWO), (ONE, OTHER), "key 2 changed (AES128)", id="another secret"),
    pytest.param(
        (TWO, OLD),
        (ONE, OTHER, THREE),
        "keys 1, 3 added (AES128), key 2 changed (AES128), key 9 removed (SHA1)",
        id="all at once",
    ),
    pytest.param((ONE,), (ONE, OLD, TWO), "keys 2, 9 added (SHA1, AES128)", id="two types, not sorted"),
    pytest.param((ONE,), (ONE,), "", id="the same"),
    pytest.param(None, (ONE, TWO), "keys 1-2 added (AES128)", id="no keys yet"),
]


@pytest.mark.parametrize(("there", "wanted", "words"), CHANGES)
def test_keys_are_named_by_id_and_type(there: tuple[Key, ...] | None, wanted: tuple[Key, ...], words: str) -> None:
    before = None
    if there is not None:
        before = Keys(there)
    said = key_changes(before, Keys(wanted))
    assert said == words
    assert not any(key.secret.hex() in said.lower() for key in (*wanted, *(there or ())))


def test_ids_stand_behind_their_signs() -> None:
    different = key_difference(Keys((TWO, OLD)), Keys((ONE, OTHER, THREE, FOUR)))
    assert different.in_ids == f"+ 1, 3-4   ~ 2   {MINUS} 9"
    assert key_difference(Keys((ONE,)), Keys((ONE,))).in_ids == ""
    assert key_difference(None, Keys((ONE,))).added == (ONE,)
