"""The script that switches generations, as far as it goes without a host."""

import subprocess

import pytest

from provision import remote


@pytest.mark.parametrize("words", [[], ["no-such-generation"], ["../../etc"], [".hidden"]])
def test_a_generation_that_is_not_there_changes_nothing(words: list[str]) -> None:
    done = subprocess.run(
        ["sh", "-c", remote.text("switch"), "switch", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage: switch GENERATION, one of: /opt/chrony/generations/")
