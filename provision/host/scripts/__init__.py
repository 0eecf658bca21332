"""Load the POSIX sh scripts that run on hosts: one file for each script, clean under shellcheck.

``look/`` has the scripts that change nothing, ``change/`` those that change a host, ``functions/`` the functions that
several of them call, ``sandbox/`` the scripts that boot sandboxes on this machine, ``switch/`` the parts of the script
that stays on a host, ``count/`` the one that stays there to count the use of keys, ``measured/`` the one that stays
there to save measurements, and ``metrics/`` the one by which a timer writes metrics there; ``nts_renewal`` in
``change/`` stays there, too. Values never become part of a script's text: they are passed as arguments.

A variable of a function is ``local``. POSIX does not have that word, but each /bin/sh of a supported platform does:
dash (Debian, Ubuntu), bash (RHEL, SUSE, Arch) and BusyBox ash (Alpine); hence ``shellcheck shell=dash``. A variable
that functions share stands above each of them, as ``# Reads: NAME`` or ``# Sets: NAME``.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from shlex import join, quote

SWITCH = (
    "usage_and_limits",
    "time_processes",
    "conflicting_services",
    "stop_conflicts",
    "stop_units",
    "remove_metrics",
    "remove_our_units",
    "restore_previous",
    "can_setpriv",
    "ask_chronyc",
    "start_stamp",
    "keep_ports",
    "activate",
    "describe_state",
    "record_history",
    "arm_and_disarm",
    "confirm",
    "go_back",
    "switch_commands",
)
"""The files that make up the script ``switch``, in order."""
_FOLDER = Path(__file__).parent
_COMMENT = re.compile(r"^[ \t]*#(?: .*)?\n", re.MULTILINE)
_NEEDS = re.compile(r"^# needs: (.+)$", re.MULTILINE)


def load(script: str, *arguments: str) -> str:
    """Return the text of ``SCRIPT.sh`` with its arguments as ``$1``, ``$2`` …; it can be a part of another script.

    The functions that its line ``# needs:`` names come before it.
    """
    return f"{functions(script)}set -- {join(arguments)}\n{code(script)}"


def load_with(script: str, values: Mapping[str, str]) -> str:
    """Return the text of ``SCRIPT.sh`` after assignments of its variables; for scripts with many values."""
    return f"{functions(script)}{_assigned(values)}{code(script)}"


def kept_with(script: str, values: Mapping[str, str]) -> str:
    """Return the same for a script that stays on a host, where an administrator reads it: with its comments."""
    needed = "".join(text(name) for name in dict.fromkeys(_needed(script)))
    return f"{needed}{_assigned(values)}{text(script)}"


def _assigned(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={quote(value)}\n" for name, value in values.items())


def functions(script: str) -> str:
    """Return the code of all functions that a script calls."""
    return "".join(code(name) for name in dict.fromkeys(_needed(script)))


def _needed(script: str) -> Iterator[str]:
    """Yield the names of the functions that a script needs, each after those that it needs itself."""
    found = _NEEDS.search(text(script))
    if found is None:
        return
    for name in found[1].split():
        yield from _needed(name)
        yield name


def switch() -> str:
    """Return the script that stays on a host, in one piece."""
    head, *rest = (text(name) for name in SWITCH)
    # The first line of each part is a directive for shellcheck.
    return "\n".join((head, *(part.split("\n", 1)[1] for part in rest)))


def unprivileged(script: str, *, folder: str, account: str, groups: bool = False) -> str:
    """Return a script that runs another one as an account without privileges, in a new private folder.

    With ``groups``, it has the account's supplementary groups, as under systemd; otherwise none.
    """
    whose = "none"
    if groups:
        whose = "own"
    return f"mkdir -m 0700 {quote(folder)} || exit 1\n(\n{load('as_builder', folder, account, script, whose)}\n)"


def as_nobody(script: str) -> str:
    """Return a script that runs another one as an account that owns nothing, for it runs unverified programs."""
    return f"{functions('as_nobody')}{code('as_nobody')}as_nobody sh -c {quote(script)}"


def text(script: str) -> str:
    """Return the text of ``SCRIPT.sh`` without changes."""
    return _content(_paths(_FOLDER)[script])


@cache
def code(script: str) -> str:
    """Return the text of ``SCRIPT.sh`` without its lines of comments, a third of it, to be sent to a host.

    A command is one argument there, of at most 128 KiB (MAX_ARG_STRLEN, execve(2)).
    """
    return _COMMENT.sub("", text(script)).lstrip("\n")


@cache
def _content(path: Path) -> str:
    return path.read_text()


@cache
def _paths(folder: Path) -> Mapping[str, Path]:
    """Return the path of each script by its name, which is unique in all folders."""
    return {path.stem: path for path in folder.rglob("*.sh")}
