"""A generation that a host keeps: the release in the name of its build."""

from dataclasses import replace

import pytest

from provision.common.errors import ParseError
from provision.deploy.kept import Kept
from tests.helpers.samples import GENERATION

KEPT = Kept(
    id=GENERATION.id,
    build=GENERATION.recipe.name,
    conf=GENERATION.conf,
    unit=GENERATION.unit,
    unit_sha256=GENERATION.unit_sha256,
    keys=GENERATION.keys,
    drift=None,
)


def test_the_release_is_in_the_name_of_the_build() -> None:
    assert KEPT.version == GENERATION.recipe.chrony.version
    assert KEPT.running == GENERATION.running


def test_a_foreign_build_has_no_release() -> None:
    with pytest.raises(ParseError, match="names a build that is none of ours: 'mine'"):
        _ = replace(KEPT, build="mine").version


def test_its_text_has_no_keys() -> None:
    assert "keys=" not in repr(KEPT)
