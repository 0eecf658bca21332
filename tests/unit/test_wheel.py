"""The package as it is installed: templates, pins and scripts inside, and its own command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Not an import from the checkout: the folder that was installed comes first, and the editable install does not count.
ASK = """
import sys
sys.path.insert(0, sys.argv[1])
import provision
from provision.chrony import releases
from provision.host import scripts
from provision.deploy import render
from provision.site import inventory
from provision.build.fetch import signature
from provision.output.audit import rule_file
assert provision.__file__.startswith(sys.argv[1]), provision.__file__
wanted = inventory.read_inventory(None).defaults
print(render.chrony_conf(wanted, sources=(), keyfile="/k").splitlines()[0])
print(len(releases.pins("chrony")), len(list(signature.KEYS.glob("*.asc"))), scripts.switch().splitlines()[0])
print(*rule_file.shipped_names())
"""


@pytest.mark.integration
def test_a_wheel_has_all_that_it_needs(tmp_path: Path) -> None:
    env = {**os.environ, "PIP_NO_INPUT": "1"}
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT], check=True, env=env)
    (wheel,) = tmp_path.glob("*.whl")
    target = tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", target, wheel], check=True, env=env
    )
    told = subprocess.run(
        [sys.executable, "-c", ASK, str(target)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines() == [
        "# Managed by chrony-provision; changes made here are replaced by the next deployment.",
        "11 2 #!/bin/sh",
        "cis stig",
    ]
    command = subprocess.run(
        [target / "bin" / "chrony-provision", "--list"],
        cwd=tmp_path,
        env={**env, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "deploy" in command.stdout
    assert "bench" not in command.stdout
