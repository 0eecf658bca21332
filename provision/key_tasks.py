"""The tasks about keys: ``keys``, ``keys.add``, ``keys.retire``, ``keys.rotate``, ``keys.lint``, ``keys.export``.

None of them shows a key. What is slow to import is imported in the task that needs it.
"""
# ruff: noqa: PLC0415, FBT001, FBT002, PLR0913, PLR0917 -- see above; a parameter is an option, a boolean one a flag

import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from provision.errors import SiteError
from provision.exits import one_line_errors

if TYPE_CHECKING:
    from provision.key_source import KeySource
    from provision.keys import Keys
    from provision.roster import Roster

SITE = {
    "site": "the site file (default: site.toml if it is there, else built-in defaults)",
    "host": "whose keys: a host or group of the site; needed where not all of its hosts have the same",
}
IDS = {"ids": "the ids: 7, or several as 7,9,20-25, or all"}


@task(auto_shortflags=False, iterable=["host"], help=SITE, default=True)
def show(_: Context, host: list[str], site: str = "") -> None:
    """List the keys, and who of the site uses which; the keys themselves are not shown."""
    from provision.key_use import users
    from provision.keys.ledger import notes
    from provision.keys.listing import listing

    with one_line_errors():
        roster, source = _chosen(site, host)
        keys, text = _read(source)
        print("\n".join((source.name, *listing(keys, notes(text), users(roster, source), _today()))), flush=True)


@task(
    auto_shortflags=False,
    iterable=["host"],
    help=SITE
    | {
        "count": "how many (default: 1)",
        "type": "AES128 (default), AES256, SHA1, SHA256, SHA512 …",
        "label": "what they are for; it is written above each",
        "id": "the id of the first, from 1 (default: the lowest that are free)",
    },
)
def add(
    _: Context,
    host: list[str],
    site: str = "",
    count: str = "1",
    type: str = "AES128",  # noqa: A002 -- as in the key file
    label: str = "",
    id: str = "",  # noqa: A002 -- the same
) -> None:
    """Add random keys to the operator's key file; all of them or none, and what is there stays as it is."""
    from provision.key_use import add as add_keys
    from provision.keys import key_id
    from provision.keys.ledger import Addition, in_words
    from provision.keys.note import Note

    with one_line_errors():
        addition = Addition(
            note=Note(_today(), label),
            count=key_id(count),
            type=type,
            first=key_id(id) if id else None,
        )
        source = _chosen(site, host)[1]
        added = add_keys(source, addition)
        ids = [key.id for key in added]
        print(f"{in_words(ids)} ({type}) added to {source.name}; hosts get {'them' if ids[1:] else 'it'} by inv deploy")


@task(auto_shortflags=False, iterable=["host"], positional=["ids"], help=SITE | IDS)
def retire(_: Context, ids: str, host: list[str], site: str = "") -> None:
    """Remove keys that no host of the site uses from the operator's key file."""
    from provision.key_use import retire as retire_keys
    from provision.key_use import users
    from provision.keys.ledger import chosen, in_words

    with one_line_errors():
        roster, source = _chosen(site, host)
        keys, _text = _read(source)
        gone = chosen(ids, keys.ids, source.name)
        retire_keys(source, gone, users(roster, source))
        print(
            f"{in_words(gone)} removed from {source.name}; hosts take {'them' if gone[1:] else 'it'} until inv deploy"
        )


@task(
    auto_shortflags=False,
    iterable=["host"],
    help={
        **SITE,
        "id": "the key that is to go (default: the one with which hosts of the site follow others)",
        "type": "that of the new key (default: that of the old one)",
        "overlap": "days for which the old key stays, for those that this tool does not manage (default: 0)",
        "accept_new": "learn the SSH keys of hosts that known_hosts does not have",
        "parallel": "how many hosts are worked on at once (default: 16)",
        "scheduler": "tls://name:8786, the scheduler of a Dask cluster whose workers do the work",
        "patience": "seconds to wait for a clock to be synchronised (default: 60)",
        "confirm_within": "seconds until a host goes back by itself, if nobody proved the new daemon (default: 90)",
        "wait": "wait, for an hour at most, while somebody else is at work on a host",
    },
)
def rotate(
    _: Context,
    host: list[str],
    site: str = "",
    id: str = "",  # noqa: A002 -- as in the key file
    type: str = "",  # noqa: A002 -- the same
    overlap: str = "0",
    accept_new: bool = False,
    parallel: str = "16",
    scheduler: str = "",
    patience: str = "60",
    confirm_within: str = "90",
    wait: bool = False,
) -> None:
    """Put a new key in the place of the one with which hosts follow others; said again, it goes on where it was."""
    from provision.rotation import Rotating

    given = {"accept_new": accept_new, "parallel": parallel, "patience": patience, "wait": wait, "scheduler": scheduler}
    with one_line_errors():
        roster, source = _chosen(site, host)
        rotating = Rotating(roster, source, {**given, "site": site, "confirm_within": confirm_within})
        status = rotating.run(id=id, type_=type, overlap=overlap, today=_today())
    if status != 0:
        raise Exit(code=status)


@task(
    auto_shortflags=False,
    positional=["file"],
    help={"file": "a file in the format of chrony.keys; - is standard input"},
)
def lint(_: Context, file: str) -> None:
    """Say all that is wrong with a key file. Exit status 1: something is; warnings alone are 0."""
    from pathlib import Path

    from provision.key_source import decoded
    from provision.key_source import lint as lint_file
    from provision.keys.lint import problems

    with one_line_errors():
        found = [*problems(decoded(sys.stdin.buffer.read()))] if file == "-" else lint_file(Path(file))
        print("".join(f"{file}: {problem}\n" for problem in found), end="", flush=True)
    if not all(problem.is_warning for problem in found):
        raise Exit(code=1)


@task(
    auto_shortflags=False,
    iterable=["host"],
    positional=["ids"],
    help=SITE
    | IDS
    | {
        "format": "chrony (default), ntp.keys (ntpd), ntpsec, coresntp (a C header for FreeRTOS), json",
        "to": "the file that is written, mode 0600; one that is there only with --force",
        "force": "replace the file",
    },
)
def export(
    _: Context,
    ids: str,
    host: list[str],
    to: str = "",
    format: str = "chrony",  # noqa: A002 -- what it is
    site: str = "",
    force: bool = False,
) -> None:
    """Write keys into a file for clients that this tool does not manage, in their format."""
    from pathlib import Path

    from provision import private
    from provision.keys import Keys
    from provision.keys.export import FORMATS
    from provision.keys.export import export as exported
    from provision.keys.ledger import chosen, in_words
    from provision.site.values import nearest, quoted

    with one_line_errors():
        if not to:
            raise SiteError("--to: say which file is to be written")
        if format not in FORMATS:
            raise SiteError(
                f"--format {quoted(format)}: there are {', '.join(FORMATS)}{nearest(format.lower(), FORMATS)}"
            )
        source = _chosen(site, host)[1]
        keys, _text = _read(source)
        wanted = set(chosen(ids, keys.ids, source.name))
        some = Keys(tuple(key for key in keys if key.id in wanted))
        path = Path(to)
        if path.exists() and not force:
            raise SiteError(f"--to {to}: it is there already; say --force to replace it")
        private.write(path, exported(some, format).encode(), replace=force)
        print(f"{in_words(some.ids)} written to {path} ({format}); who can read it has the keys")


def _chosen(site: str, host: list[str]) -> "tuple[Roster, KeySource]":
    from provision.key_use import choose_source
    from provision.roster import read_roster
    from provision.wish import Options

    roster = read_roster(Options(site=site).file)
    return roster, choose_source(roster, host)


def _read(source: "KeySource") -> "tuple[Keys, str]":
    """Return the keys and their text. Raises SiteError, also when there are none yet."""
    from provision.keys import parse_keys

    text = source.text()
    if text is None:
        raise SiteError(f"{source.name}: no keys yet; inv keys.add makes one, and so does the first deployment")
    return parse_keys(text, source.name), text


def _today() -> date:
    return datetime.now(UTC).date()


def collection() -> Collection:
    """Return the tasks; ``keys`` alone is the list."""
    tasks = Collection("keys")
    tasks.add_task(show, name="list", default=True)
    for one in (add, retire, rotate, lint, export):
        tasks.add_task(one)
    return tasks
