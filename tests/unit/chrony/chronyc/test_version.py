"""The versions that chronyc and chronyd print."""

import pytest

from provision.chrony.chronyc.version import parse_version
from tests.helpers.chronyc_answers import answer, each_version


@each_version
@pytest.mark.parametrize("program", ["chronyd", "chronyc"])
def test_a_program_tells_its_version_and_features(program: str, version: str) -> None:
    told = parse_version(answer(f"version-{program}", version))
    assert (told.program, told.version) == (program, version)
    assert {"SECHASH", "IPV6"} <= told.features
    assert "DEBUG" not in told.features
    assert ("READLINE" in told.features) == (program == "chronyc")
