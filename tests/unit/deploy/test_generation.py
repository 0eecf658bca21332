"""A generation is named by its content, and its unit by the generation."""

import re
from dataclasses import replace
from hashlib import sha256
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
    pytest.param({"socket": "[Socket]\n"}, id="socket unit"),
]


@pytest.mark.parametrize("changes", DECIDES)
def test_other_content_is_another_generation(changes: dict[str, Any]) -> None:
    assert replace(GENERATION, **changes).id != GENERATION.id


def test_the_same_content_is_the_same_generation() -> None:
    assert replace(GENERATION).id == GENERATION.id
    assert re.fullmatch("[0-9a-f]{16}", GENERATION.id)
    assert GENERATION.path == f"/opt/chrony/generations/{GENERATION.id}"


def test_a_generation_without_a_socket_unit_has_the_name_from_before_there_were_any() -> None:
    keys = GENERATION.keys.digest
    parts = (RECIPE.name, GENERATION.user, GENERATION.conf, keys, GENERATION.unit_template)
    assert GENERATION.id == sha256("\0".join(parts).encode()).hexdigest()[:16]
    assert (GENERATION.socket_sha256, "chronyd.socket" in GENERATION.files) == ("", False)


def test_a_socket_unit_is_a_file_of_the_generation() -> None:
    one = replace(GENERATION, socket="[Socket]\n")
    assert one.files["chronyd.socket"] == b"[Socket]\n"
    assert one.socket_sha256 == sha256(b"[Socket]\n").hexdigest()


def test_the_unit_carries_the_generation() -> None:
    assert f"\nEnvironment=CHRONY_GENERATION={GENERATION.id}\n" in GENERATION.unit
    assert "@GENERATION@" not in GENERATION.unit


def test_no_secret_is_shown() -> None:
    assert SECRET.lower() not in repr(GENERATION).lower()
