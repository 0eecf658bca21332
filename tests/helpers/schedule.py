"""Which process of pytest-xdist runs which tests, and in what order.

A folder below tests/integration is run by one process, as its files share booted hosts; so is any other file.
"""

from pathlib import Path

INTEGRATION = "tests/integration"
LONGEST = (
    "test_reliability.py",
    "fleet",
)
"""Files and folders of tests/integration that take longest, the longest first.

They begin first, so that at the end of a run no process works at one of them while the others have nothing left.
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
