"""A generation is named by its content, and its unit by the generation."""

import re
from dataclasses import replace
from typing import Any

import pytest

from provision.keys import Key, Keys
from tests.helpers.samples import GENERATION, KEYS, RECIPE, SECRET

DECIDES = [
    pytest.param({"recipe": replace(RECIPE, nts=False)}, id="build"),
    pytest.param({"user": "chrony"}, id="account"),
    pytest.param({"conf": f"{GENERATION.conf}rtcsync\n"}, id="chrony.conf"),
    pytest.param({"keys": Keys((*KEYS, Key(2, "SHA1", b"correct-horse")))}, id="keys"),
    pytest.param({"keys": Keys((Key(1, "AES128", bytes(16)),))}, id="a secret"),
    pytest.param({"unit_template": f"{GENERATION.unit_template}# new\n"}, id="unit"),
]


@pytest.mark.parametrize("changes", DECIDES)
def test_other_content_is_another_generation(changes: dict[str, Any]) -> None:
    assert replace(GENERATION, **changes).id != GENERATION.id


def test_the_same_content_is_the_same_generation() -> None:
    assert replace(GENERATION).id == GENERATION.id
    assert re.fullmatch("[0-9a-f]{16}", GENERATION.id)
    assert GENERATION.path == f"/opt/chrony/generations/{GENERATION.id}"


def test_the_unit_carries_the_generation() -> None:
    assert f"\nEnvironment=CHRONY_GENERATION={GENERATION.id}\n" in GENERATION.unit
    assert "@GENERATION@" not in GENERATION.unit


def test_no_secret_is_shown() -> None:
    assert SECRET.lower() not in repr(GENERATION).lower()
