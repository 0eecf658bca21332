"""The POSIX sh that runs on hosts: one file for each script, clean under shellcheck.

Values never become part of a script's text: they are its arguments.
"""

from pathlib import Path
from shlex import join, quote

_FOLDER = Path(__file__).parent


def load(script: str, *arguments: str, library: str | None = None) -> str:
    """Return the text of ``SCRIPT.sh`` with its arguments set as ``$1``, ``$2`` …; it can stand in another script.

    ``library`` is a script of functions that it calls.
    """
    functions = text(library) if library else ""
    return f"{functions}set -- {join(arguments)}\n{text(script)}"


def switch() -> str:
    """Return the script that lies on a host, in one piece."""
    return text("switch").replace("# @others@\n", text("others").split("\n", 1)[1])


def unprivileged(script: str, *, folder: str, account: str) -> str:
    """Return a script that runs another one as an account without privileges, in a new private folder."""
    return f"mkdir -m 0700 {quote(folder)} || exit 1\n(\n{load('as_builder', folder, account, script)}\n)"


def text(script: str) -> str:
    """Return the text of ``SCRIPT.sh`` as it is."""
    return (_FOLDER / f"{script}.sh").read_text()
