"""Check that only root can change the programs and scripts that root runs from our folder on a host.

The rule is that of ``StrictModes`` in sshd_config(5): the folder and all folders above it belong to root and are not
writable by group or others. A user who may write to one of them could replace our scripts.
"""

import re

from provision.common.errors import ParseError

LINE = re.compile(r"^owner=(?P<uid>[0-9]+) (?P<mode>[0-7]+) (?P<path>/.*)$", re.MULTILINE)
WRITABLE = 0o022
"""Writable by group or others. A sticky bit does not help, for everybody could still create new files."""


def exposed(text: str, folder: str) -> str | None:
    """Return the fault and the remedy for the first path that users other than root can change; None if there is none.

    ``text`` has the lines that ``print_owners.sh`` printed about ``folder``. Raises ParseError if it has none.
    """
    lines = list(LINE.finditer(text))
    if not lines:
        raise ParseError(f"the host did not print who may write to {folder}; is there a stat command?")
    for line in lines:
        path = line["path"]
        if line["uid"] != "0":
            return _refusal(f"{path} belongs to the account {line['uid']}", folder, f"chown root {path}")
        if int(line["mode"], 8) & WRITABLE:
            return _refusal(f"{path} can be written by others (mode {line['mode']})", folder, f"chmod go-w {path}")
    return None


def _refusal(what: str, folder: str, remedy: str) -> str:
    return f"{what}, who could change what root runs from {folder}: {remedy}, and check its content"
