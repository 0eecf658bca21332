"""A key file that does not exist yet."""

from pathlib import Path

import pytest

from provision.keys.source import KeyFile


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys" / "chrony.keys")
