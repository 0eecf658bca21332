"""Read the configuration of an existing time service as statements of chrony, in the order in which it reads them."""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import zip_longest
from posixpath import basename, dirname

from provision.chrony.statement import Statement, statements
from provision.host.paths import is_in_run
from provision.takeover.existing import ExistingService, Program

MOST_LEVELS = 10
"""conf.c, MAX_INCLUDE_LEVEL: chronyd refuses a deeper nesting of files."""
MOST_STATEMENTS = 50_000
"""Files that include each other several times would yield more without an end."""


def statements_of(service: ExistingService) -> tuple[Statement, ...]:
    """Return the statements of a service's configuration, in order.

    Those of the files that ``include`` and ``confdir`` name stand in their place. ``sourcedir`` stays, and the sources
    of its files follow it, unless a DHCP client writes them. Of a program whose configuration cannot be translated,
    there are none.
    """
    if service.program is Program.CHRONY:
        return _of_chrony(service)
    return ()


def _of_chrony(service: ExistingService) -> tuple[Statement, ...]:
    texts = {file.path: file.text for file in service.files}
    found = []
    for statement in _expanded(_main(service), texts, 1):
        found.append(statement)
        if len(found) == MOST_STATEMENTS:
            break
    return tuple(found)


def _main(service: ExistingService) -> Iterator[Statement]:
    for main in service.files[:1]:
        yield from statements(main.text, main.path)


def _expanded(given: Iterable[Statement], texts: Mapping[str, str], level: int) -> Iterator[Statement]:
    """Yield statements with those of the files that they include, up to the nesting that chronyd allows."""
    for statement in given:
        if statement.name not in {"include", "confdir"}:
            yield statement
        for path in _included(statement, texts):
            if level < MOST_LEVELS:
                yield from _expanded(statements(texts[path], path), texts, level + 1)


def _included(statement: Statement, texts: Mapping[str, str]) -> list[str]:
    """Return the files that a statement includes, in the order of reading."""
    match statement.name:
        case "include":
            pattern = " ".join(statement.arguments)
            return sorted(path for path in texts if matches(path, pattern))
        case "confdir":
            return _in_folders(statement.arguments, ".conf", texts)
        case "sourcedir" if not is_of_dhcp(statement):
            return _in_folders(statement.arguments, ".sources", texts)
    return []


def is_of_dhcp(statement: Statement) -> bool:
    """Return whether a sourcedir line names a folder to which a DHCP client writes sources at any time, in /run."""
    return any(map(is_in_run, statement.arguments))


def _in_folders(folders: Iterable[str], suffix: str, texts: Mapping[str, str]) -> list[str]:
    """Return the files of folders in the order of their names; of equal names, the one in the first folder counts."""
    by_name: dict[str, str] = {}
    for folder in folders:
        for path in texts:
            if path.endswith(suffix) and dirname(path) == folder.rstrip("/"):
                by_name.setdefault(basename(path), path)
    return [by_name[name] for name in sorted(by_name)]


def matches(path: str, pattern: str) -> bool:
    """Return whether glob(7) finds a path by a pattern: a wildcard matches neither a slash nor a leading dot."""
    return all(_part_matches(*parts) for parts in zip_longest(path.split("/"), pattern.split("/")))


def _part_matches(part: str | None, pattern: str | None) -> bool:
    if part is None or pattern is None:
        return False
    if part.startswith(".") and not pattern.startswith("."):
        return False
    return fnmatchcase(part, pattern)
