"""Which process of pytest-xdist runs which tests, and in what order.

A folder below tests/integration is run by one process, as its files share booted hosts; so is any other file.
"""

from pathlib import Path

INTEGRATION = "tests/integration"
LONGEST = (
    "test_reliability.py",
    "fleet",
    "test_wrong_clocks.py",
    "test_predecessors.py",
    "test_exported_keys.py",
    "test_uninstall.py",
    "test_open_ports.py",
    "test_tampering.py",
    "test_history.py",
)
"""Files and folders of tests/integration that take three minutes and more, the longest first.

They begin first and the unit tests, which wait for nothing, come last: at the end of a run no process works at a long
file while the others have nothing left.
"""
OTHERS, UNIT = len(LONGEST), len(LONGEST) + 1


def shared(nodeid: str) -> str:
    """Return the path of the file or folder whose tests one process has to run."""
    file = nodeid.partition("::")[0]
    folder = file.rpartition("/")[0]
    return folder if folder.startswith(f"{INTEGRATION}/") else file


def rank(path: str) -> int:
    """Return the place in the order of a run of what :func:`shared` returned: the lowest number begins first."""
    name = Path(path).name
    if not path.startswith(f"{INTEGRATION}/"):
        return UNIT
    return LONGEST.index(name) if name in LONGEST else OTHERS
