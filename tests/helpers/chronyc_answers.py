"""Answers of chronyc and chronyd 4.0, 4.3, 4.6.1 and 4.9, as they were printed."""

from pathlib import Path

import pytest

CASES = Path(__file__).parents[1] / "cases" / "chronyc"
VERSIONS = ["4.0", "4.3", "4.6.1", "4.9"]
each_version = pytest.mark.parametrize("version", VERSIONS)


def answer(name: str, version: str = "4.9") -> str:
    """Return an answer, such as that to ``tracking``, of a version of chrony."""
    return (CASES / f"{name}-{version}.txt").read_text()
