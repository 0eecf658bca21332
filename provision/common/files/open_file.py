"""Find out whether a path leads to an open file of this process, as /dev/stdout and /dev/fd/N do."""

import os
import re
from pathlib import Path

DESCRIPTORS = re.compile(r"/proc/\d+(/task/\d+)?/fd")
"""proc(5): the folder of links from numbers to the open files of a process; /dev/stdout and /dev/fd lead there."""
MOST_LINKS = 40
"""path_resolution(7): the kernel follows no more."""
STANDARD_OUTPUT = Path("-")
"""As options name it."""
STANDARD_OUTPUT_NUMBER = 1


def descriptor_at(path: Path) -> int | None:
    """Return the number of the open file of this process to which a path leads; None if it leads to none.

    Such a file is written through its descriptor: a new file in its place would not be the one that the caller opened.
    """
    place = path.absolute()
    for _ in range(MOST_LINKS):
        folder = os.path.realpath(place.parent)
        if DESCRIPTORS.fullmatch(folder) and place.name.isdecimal():
            return int(place.name)
        # Unlike Path.is_symlink(), it raises nothing for a folder that may not be searched.
        if not os.path.islink(place):  # noqa: PTH114 -- see above
            return None
        place = place.parent / place.readlink()
    return None
