"""A ``sudo`` for tests, found on PATH: it asks on standard error and reads from standard input, as the real one."""

import os
from pathlib import Path

import pytest

SCRIPT = """\
#!/bin/sh
# sudo [-n] [-S -p PROMPT] COMMAND...: $PASSWORD is the right one; without it, none is asked for.
# $ANSWERS: the file that counts the answers. $TRIES: how often it asks.
prompt='Password: '
while [ $# -gt 0 ]; do
    case $1 in
        -n) quiet=1; shift ;;
        -S) shift ;;
        -p) prompt=$2; shift 2 ;;
        *) break ;;
    esac
done
tries=${TRIES-3}
for try in 1 2 3; do
    [ -n "$PASSWORD" ] || break
    if [ -n "${quiet-}" ]; then echo 'sudo: a password is required' >&2; exit 1; fi
    printf '%s' "$prompt" >&2
    IFS= read -r given || exit 1
    echo "$try" >>"$ANSWERS"
    [ "$given" = "$PASSWORD" ] && break
    [ "$try" = "$tries" ] && { echo "sudo: $tries incorrect password attempts" >&2; exit 1; }
    echo 'Sorry, try again.' >&2
done
AS_ROOT=yes exec "$@"
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, *, password: str) -> None:
    """Put the script on PATH; an empty password is one that nobody is asked for."""
    file = folder / "sudo"
    file.write_text(SCRIPT)
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("PASSWORD", password)
    monkeypatch.setenv("ANSWERS", str(folder / "answers"))
