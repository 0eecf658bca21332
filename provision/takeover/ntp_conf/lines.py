"""Read the lines of ntp.conf and of the files that it includes."""

from collections.abc import Iterable, Iterator, Mapping
from posixpath import dirname

from provision.chrony.statement import Statement
from provision.takeover.existing import ConfigFile, ExistingService, Program
from provision.takeover.statements import matches

MOST_LEVELS = 5
"""Nested includes beyond which ntpd stops (ntp_scanner.h, MAXINCLUDELEVEL)."""

_FOLDER = "ntp.d"
"""The folder beside ntp.conf that NTPsec reads after it (ntpd(8) of NTPsec)."""


def lines_of(service: ExistingService) -> tuple[Statement, ...]:
    """Return the lines of ntp.conf with those of included files in their place, without comments."""
    if not service.files:
        return ()
    texts = {file.path: file.text for file in service.files}
    found = list(_lines(service.files[0], texts, 1))
    if service.program is Program.NTPSEC:
        for path in _named(_FOLDER, texts):
            found += _lines(ConfigFile(path=path, text=texts[path]), texts, 1)
    return tuple(found)


def _lines(file: ConfigFile, texts: Mapping[str, str], level: int) -> Iterator[Statement]:
    for number, text in enumerate(file.text.split("\n"), start=1):
        words = tuple(text.partition("#")[0].split())
        if not words:
            continue
        statement = Statement(words, file.path, number)
        if statement.name not in {"includefile", "include"}:
            yield statement
        elif statement.arguments and level < MOST_LEVELS:
            for path in _named(statement.arguments[0].strip('"'), texts):
                yield from _lines(ConfigFile(path=path, text=texts[path]), texts, level + 1)


def _named(pattern: str, texts: Mapping[str, str]) -> list[str]:
    """Return the files that a line includes, in order: those of a pattern, or those in ``.conf`` of a folder."""
    pattern = pattern.rstrip("/")
    files = {path for path in texts if _is_named(path, pattern)}
    in_folder = {path for path in texts if path.endswith(".conf") and _is_named(dirname(path), pattern)}
    return sorted(files | in_folder)


def _is_named(path: str, pattern: str) -> bool:
    if not pattern.startswith("/"):
        # It begins at the folder of the file that includes it, which is in each of these paths.
        path = "/".join(path.split("/")[-1 - pattern.count("/") :])
    return matches(path, pattern)


def trusted(lines: Iterable[Statement]) -> frozenset[int]:
    """Return the ids of ``trustedkey``: ntpd uses no other key. Ranges are ``(ID ... ID)``."""
    ids: set[int] = set()
    for line in lines:
        if line.name != "trustedkey":
            continue
        words = " ".join(line.arguments).replace("...", " ... ").replace("(", " ").replace(")", " ").split()
        for number, word in enumerate(words):
            if word.isdecimal():
                ids.add(int(word))
            if word == "..." and 0 < number < len(words) - 1:
                first, last = words[number - 1], words[number + 1]
                if first.isdecimal() and last.isdecimal():
                    ids.update(range(int(first), min(int(last), 65535) + 1))
    return frozenset(ids)
