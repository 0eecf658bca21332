"""Ids of keys as ranges."""

import pytest

from provision.chrony.key_ids import parse_key_ids


@pytest.mark.parametrize(("text", "ids"), [("", []), ("7", [7]), ("1-3,60", [1, 2, 3, 60])])
def test_ranges_are_read(text: str, ids: list[int]) -> None:
    assert [id_ for some in parse_key_ids(text) for id_ in some] == ids
